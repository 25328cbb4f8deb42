"""The exceptions: unreadable input, conflicts, and machines that cannot be looked at.

A refusal is never an exception; it is an answer whose truth value is false.
"""

from __future__ import annotations

__all__ = [
    "CelCompileError",
    "CelError",
    "CelEvaluationError",
    "ConflictError",
    "DiscoveryError",
    "GpuallocError",
    "InvalidInputError",
]


class GpuallocError(Exception):
    """Base of everything this package raises on its own account."""


class InvalidInputError(GpuallocError, ValueError):
    """Input that could not be read or is not the shape of its kind.

    Attributes:
        document: Kind and namespace/name of the document at fault, empty when unknown.
        field: Path of the field at fault, empty when the document as a whole is meant.
        message: What was wrong and what to do.
    """

    def __init__(self, message: str, document: str = "", field: str = "") -> None:
        super().__init__(message, document, field)
        self.message = message
        self.document = document
        self.field = field

    def __str__(self) -> str:
        return ": ".join(part for part in (self.document, self.field, self.message) if part)


class ConflictError(GpuallocError):
    """An answer made on another snapshot no longer holds.

    Attributes:
        objections: What stands against it, one sentence each.
    """

    def __init__(self, message: str, objections: tuple[str, ...] = ()) -> None:
        super().__init__(message, objections)
        self.message = message
        self.objections = objections

    def __str__(self) -> str:
        return self.message


class CelError(GpuallocError):
    """A selector that does not compile or does not evaluate."""


class CelCompileError(CelError, ValueError):
    """An expression that does not compile."""


class CelEvaluationError(CelError):
    """An expression that fails on a device. In an allocation this ends the attempt; it never means "no match".

    Attributes:
        is_cost_limit: Whether the limit of the run-time cost was passed.
    """

    def __init__(self, message: str, is_cost_limit: bool = False) -> None:  # noqa: FBT001, FBT002  # an exception pickles by position
        super().__init__(message, is_cost_limit)
        self.message = message
        self.is_cost_limit = is_cost_limit

    def __str__(self) -> str:
        return self.message


class DiscoveryError(GpuallocError):
    """A machine whose devices cannot be found.

    Attributes:
        call: The call that failed, empty where a rule refused.
        code: NVML's return code, where NVML gave one.
        message: What was wrong and what to do.
    """

    def __init__(self, message: str, call: str = "", code: int | None = None) -> None:
        super().__init__(message, call, code)
        self.message = message
        self.call = call
        self.code = code

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.call, self.message) if part)
        return text if self.code is None else f"{text} (NVML error {self.code})"
