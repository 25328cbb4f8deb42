"""Asks NVML about confidential computing: the state of the system, and each GPU's protected memory.

An old driver may lack the newer call, which alone knows of modes for several GPUs; then there are none. Changes
nothing, interprets nothing. Start at :func:`system`.
"""

from __future__ import annotations

from ctypes import byref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpualloc.nvml.host import Confidential, LeftOut
from gpualloc.nvml.session import (
    FUNCTION_NOT_FOUND,
    GPU_IS_LOST,
    NOT_SUPPORTED,
    RESET_REQUIRED,
    NvmlFailure,
    Session,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["is_on", "memory_kib", "system"]

_STATE = "nvmlSystemGetConfComputeState"
_SETTINGS = "nvmlSystemGetConfComputeSettings"
_READY = "nvmlSystemGetConfComputeGpusReadyState"
_CAPABILITIES = "nvmlSystemGetConfComputeCapabilities"
_MEMORY = "nvmlDeviceGetConfComputeMemSizeInfo"


def system(session: Session, gpus: int, left_out: list[LeftOut]) -> Confidential:
    """The state of the system, with what could not be read left out and noted.

    Args:
        session: An initialised NVML.
        gpus: How many GPUs it lists.
        left_out: Where to note.
    """
    capabilities = _asked("capabilities", left_out, lambda: session.call(_CAPABILITIES))
    settings = _settings(session, left_out)
    # "Not supported" is the answer of hardware that cannot do it, and what cannot be is not on.
    known = Confidential(
        gpus=gpus,
        cpu_caps=int(capabilities.cpuCaps) if capabilities else None,
        gpu_caps=None if capabilities is None else 0 if capabilities is False else int(capabilities.gpusCaps),
        environment=int(settings.environment) if settings else None,
        feature=None if settings is None else 0 if settings is False else int(settings.ccFeature),
        devtools=int(settings.devToolsMode) if settings else None,
        multi_gpu=_number(settings, "multiGpuMode") if settings else None,
    )
    if not is_on(known):
        return known
    ready = _asked("attribute ready", left_out, lambda: session.call(_READY))
    return known if ready is None or ready is False else replace(known, ready=int(ready))


def is_on(known: Confidential) -> bool:
    """Whether some memory is protected."""
    return bool(known.feature or known.multi_gpu)


def memory_kib(session: Session, name: str, handle: Any, left_out: list[LeftOut]) -> tuple[int | None, int | None]:
    """Protected and unprotected KiB of a GPU.

    Raises:
        NvmlFailure: if the GPU is gone.
    """
    try:
        memory = session.call(_MEMORY, handle)
    except NvmlFailure as failure:
        if failure.code in (GPU_IS_LOST, RESET_REQUIRED):
            raise
        left_out.append(LeftOut(f"{name} protected memory", failure.call, failure.code, failure.error))
        return None, None
    return int(memory.protectedMemSizeKib), int(memory.unprotectedMemSizeKib)


def _settings(session: Session, left_out: list[LeftOut]) -> Any:
    """All of the state, or the older call's part of it; `False` where nothing supports it, `None` where it failed."""
    try:
        return _filled(session)
    except NvmlFailure as failure:
        if failure.code not in (FUNCTION_NOT_FOUND, NOT_SUPPORTED, None):
            # Not the older call instead: it does not know of protected PCIe, in which single GPUs are no legal shape.
            left_out.append(LeftOut("state of confidential computing", failure.call, failure.code, failure.error))
            return None
    return _asked("state", left_out, lambda: session.call(_STATE))


def _filled(session: Session) -> Any:
    settings = session.struct("c_nvmlSystemConfComputeSettings_v1_t", _SETTINGS)()
    # This function of the binding gives its code back instead of raising it.
    code = session.call(_SETTINGS, byref(settings))
    if code:
        raise NvmlFailure(_SETTINGS, int(code), str(session.struct("NVMLError", _SETTINGS)(code)))
    return settings


def _asked(what: str, left_out: list[LeftOut], ask: Callable[[], Any]) -> Any:
    """The answer; `False` where that is not supported, `None` with a note where it failed."""
    try:
        return ask()
    except NvmlFailure as failure:
        if failure.code == NOT_SUPPORTED:
            return False
        left_out.append(LeftOut(f"{what} of confidential computing", failure.call, failure.code, failure.error))
        return None


def _number(settings: Any, name: str) -> int | None:
    value = getattr(settings, name, None)
    return None if value is None else int(value)
