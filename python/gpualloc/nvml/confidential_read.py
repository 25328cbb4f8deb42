"""Asks NVML about confidential computing: the state of the system, and each GPU's protected memory.

An old driver may lack the newer call, which alone knows of modes for several GPUs; then there are none. Changes
nothing, interprets nothing. Start at :func:`system`.
"""

from __future__ import annotations

from ctypes import byref
from dataclasses import replace
from typing import Any

from gpualloc.nvml.host import Confidential, LeftOut
from gpualloc.nvml.session import (
    FUNCTION_NOT_FOUND,
    NOT_SUPPORTED,
    NvmlFailure,
    Session,
)

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

    def asked(what: str, name: str) -> Any:
        try:
            return session.call(name)
        except NvmlFailure as failure:
            left_out.append(failure.leaves_out(f"{what} of confidential computing"))
            return None

    try:
        settings = _settings(session)
    except NvmlFailure as failure:
        if failure.code == NOT_SUPPORTED:
            # The answer of hardware that cannot do it; and what cannot be is not on.
            return Confidential(gpus=gpus, gpu_caps=0, feature=0)
        left_out.append(failure.leaves_out("state of confidential computing"))
        settings = None
    capabilities = asked("capabilities", _CAPABILITIES)
    known = Confidential(
        gpus=gpus,
        cpu_caps=int(capabilities.cpuCaps) if capabilities else None,
        gpu_caps=int(capabilities.gpusCaps) if capabilities else None,
        environment=int(settings.environment) if settings else None,
        feature=int(settings.ccFeature) if settings else None,
        devtools=int(settings.devToolsMode) if settings else None,
        multi_gpu=getattr(settings, "multiGpuMode", None),
    )
    if not is_on(known):
        return known
    ready: int | None = asked("attribute ready", _READY)
    return replace(known, ready=ready)


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
        if failure.is_gone:
            raise
        left_out.append(failure.leaves_out(f"{name} protected memory"))
        return None, None
    return int(memory.protectedMemSizeKib), int(memory.unprotectedMemSizeKib)


def _settings(session: Session) -> Any:
    """All of the state, or the older call's part of it.

    Raises:
        NvmlFailure: also where the newer call fails in another way than an old driver's. The older one does not know of
            protected PCIe, in which single GPUs are no legal shape.
    """
    try:
        return _filled(session)
    except NvmlFailure as failure:
        if failure.code not in (FUNCTION_NOT_FOUND, NOT_SUPPORTED, None):
            raise
    return session.call(_STATE)


def _filled(session: Session) -> Any:
    settings = session.struct("c_nvmlSystemConfComputeSettings_v1_t", _SETTINGS)()
    # This function of the binding gives its code back instead of raising it.
    code = session.call(_SETTINGS, byref(settings))
    if code:
        raise NvmlFailure(_SETTINGS, int(code), str(session.struct("NVMLError", _SETTINGS)(code)))
    return settings
