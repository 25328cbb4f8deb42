"""One initialised NVML, and what can go wrong with it as two kinds of exception.

A call that fails raises :class:`NvmlFailure`, which the reader turns into something left out; only what makes all
discovery impossible becomes a :class:`gpualloc.DiscoveryError`. The library is imported when a session is made, never
before, and found by the dynamic loader. Counts its calls. Start at :class:`Session`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Self

from gpualloc._errors import DiscoveryError
from gpualloc.nvml.host import LeftOut

if TYPE_CHECKING:
    from types import ModuleType, TracebackType

__all__ = [
    "FUNCTION_NOT_FOUND",
    "GPU_IS_LOST",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "NOT_SUPPORTED",
    "NO_PERMISSION",
    "RESET_REQUIRED",
    "TIMEOUT",
    "NvmlFailure",
    "Session",
]

INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
TIMEOUT = 10
FUNCTION_NOT_FOUND = 13
GPU_IS_LOST = 15
RESET_REQUIRED = 16

_HINTS = {
    4: "may this user open the device files below /dev?",
    9: "is the kernel module loaded?",
    12: "is the NVIDIA driver installed, and its libnvidia-ml.so.1 where the dynamic loader looks?",
    18: "the library and the kernel module are of different versions; a reboot after an upgrade mends that",
}
# A machine whose GPUs are all handed to virtual machines has none in NVML, and is no error.
_NO_GPUS = 1


class NvmlFailure(Exception):  # noqa: N818  # not an error of ours: what is left out because of it is noted
    """A call that did not succeed."""

    def __init__(self, call: str, code: int | None, error: str) -> None:
        super().__init__(call, code, error)
        self.call = call
        self.code = code
        self.error = error

    @property
    def is_gone(self) -> bool:
        """Whether the GPU that was asked answers nothing any more."""
        return self.code in (GPU_IS_LOST, RESET_REQUIRED)

    def leaves_out(self, what: str) -> LeftOut:
        """The note that something is missing because of it."""
        return LeftOut(what, self.call, self.code, self.error)

    def __str__(self) -> str:
        return f"{self.call}: {self.error}" + ("" if self.code is None else f" (NVML error {self.code})")


class Session:
    """NVML from its initialisation to its shutdown, as a context.

    Raises:
        DiscoveryError: on entering, if nvidia-ml-py is not installed or NVML cannot be initialised.
    """

    def __init__(self) -> None:
        self.calls = 0
        """How many NVML calls were made, initialisation and shutdown included."""
        self._module: ModuleType = _pynvml()

    def __enter__(self) -> Self:
        try:
            self.call("nvmlInitWithFlags", _NO_GPUS)
        except NvmlFailure as failure:
            raise impossible(failure) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.call("nvmlShutdown")
        except NvmlFailure:
            # Everything has been read; a library that cannot stop takes nothing back.
            return

    def call(self, name: str, *arguments: Any) -> Any:
        """What the function of that name returns.

        Raises:
            NvmlFailure: with the code that NVML gave.
        """
        function = self._known(name, name)
        self.calls += 1
        try:
            return function(*arguments)
        except self._module.NVMLError as error:
            raise NvmlFailure(name, int(error.value), str(error)) from None
        except UnicodeDecodeError:
            raise NvmlFailure(name, None, "the answer is not UTF-8 text") from None

    def struct(self, name: str, call: str) -> Any:
        """The type that the function `call` fills.

        Raises:
            NvmlFailure: if this version of nvidia-ml-py has none.
        """
        return self._known(name, call)

    def _known(self, name: str, call: str) -> Any:
        # No code of NVML's: the driver may well have what an old binding has not, and that must be said.
        found = getattr(self._module, name, None)
        if found is None:
            raise NvmlFailure(call, None, f"{name} is not known to this version of nvidia-ml-py")
        return found


def impossible(failure: NvmlFailure) -> DiscoveryError:
    """The failure of a call without which nothing can be found."""
    hint = _HINTS.get(failure.code or 0)
    return DiscoveryError(failure.error + (f"; {hint}" if hint else ""), failure.call, failure.code)


def _pynvml() -> ModuleType:
    try:
        return importlib.import_module("pynvml")
    except ModuleNotFoundError:
        raise DiscoveryError("reading NVIDIA GPUs needs nvidia-ml-py: pip install 'gpualloc[nvml]'") from None
