"""Device selectors alone: compile an expression, see what it reads, evaluate it on a device.

The dialect, its limits and its error texts are those of the Kubernetes scheduler.

>>> selector = compile('device.driver == "gpu.example.com" && device.attributes["gpu.example.com"].index < 4')
>>> selector.reads
('attributes["gpu.example.com"].index', 'driver')
>>> selector.matches({"attributes": {"index": {"int": 2}}}, driver="gpu.example.com")
True
"""

from __future__ import annotations

from gpualloc._errors import CelCompileError, CelError, CelEvaluationError
from gpualloc._native import Selector

__all__ = ["CelCompileError", "CelError", "CelEvaluationError", "Selector", "compile"]


def compile(expression: str) -> Selector:  # noqa: A001  # the verb of the field, used as `cel.compile`
    """Compiles an expression.

    Raises:
        CelCompileError: with the text that Kubernetes gives.
    """
    return Selector(expression)
