"""What a node must do for an allocation: steps as data, in a checked order, and the way back.

A claim with devices of the NVIDIA drivers (or TPU chips), and the ResourceSlices of its node, become a :class:`Plan`:
MIG instances to create, time slices, MPS daemons, passthrough, compute domains, CDI specifications, and the environment
of clients. Nothing here runs anything; :func:`shell` prints what a person or a prolog would run. Opaque configurations
are read as strictly as the driver reads them. Start at :func:`plan`; the forms are on the page `docs/prepare.md`.
"""

from __future__ import annotations

from gpualloc.prepare._build import plan, plans
from gpualloc.prepare._errors import ConfigError, ExclusionError, PlanError
from gpualloc.prepare._options import Options
from gpualloc.prepare._reverse import unprepare
from gpualloc.prepare._shell import shell
from gpualloc.prepare.check import NodeState, check
from gpualloc.prepare.plan import ClientEnvironment, Mount, Plan, PreparedDevice
from gpualloc.prepare.steps import Step

__all__ = [
    "ClientEnvironment",
    "ConfigError",
    "ExclusionError",
    "Mount",
    "NodeState",
    "Options",
    "Plan",
    "PlanError",
    "PreparedDevice",
    "Step",
    "check",
    "plan",
    "plans",
    "shell",
    "unprepare",
]
