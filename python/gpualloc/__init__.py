"""Allocates Kubernetes ResourceClaims exactly as the upstream structured allocator does.

Documents come in, values come out: read an :class:`Inventory`, call :meth:`Inventory.allocate`, look at the
:class:`Answer`. A refusal is an answer whose truth value is false, never an exception. See also :mod:`gpualloc.cel` for
selectors alone, :mod:`gpualloc.kube` for what counts as a document, :mod:`gpualloc.nvml` for this machine's GPUs and
:mod:`gpualloc.fleet` for machines that are described.
"""

from __future__ import annotations

from gpualloc._errors import (
    CelCompileError,
    CelError,
    CelEvaluationError,
    ConflictError,
    DiscoveryError,
    GpuallocError,
    InvalidInputError,
)
from gpualloc._native import (
    Advice,
    Answer,
    ClaimAllocation,
    Device,
    Explanation,
    Held,
    Inventory,
    Objection,
    Remark,
    Survey,
    Violation,
    __version__,
    validate,
)

__all__ = [
    "Advice",
    "Answer",
    "CelCompileError",
    "CelError",
    "CelEvaluationError",
    "ClaimAllocation",
    "ConflictError",
    "Device",
    "DiscoveryError",
    "Explanation",
    "GpuallocError",
    "Held",
    "InvalidInputError",
    "Inventory",
    "Objection",
    "Remark",
    "Survey",
    "Violation",
    "__version__",
    "validate",
]
