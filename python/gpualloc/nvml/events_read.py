"""Reads health events through NVML: who can be watched, and what is pending.

Registering tells which GPUs give no events; then what has happened since is taken without waiting. What events mean is
said in :mod:`gpualloc.nvml.health`. Start at :func:`watch`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpualloc.nvml.host import Event, LeftOut
from gpualloc.nvml.session import GPU_IS_LOST, NOT_SUPPORTED, TIMEOUT, NvmlFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpualloc.nvml.host import Gpu
    from gpualloc.nvml.session import Session

__all__ = ["watch"]

_XID = 0x8
# XID, double-bit and single-bit ECC errors: what the driver registers for.
_TYPES = _XID | 0x2 | 0x1
# "The whole GPU" where an event names an instance.
_WHOLE = 0xFFFFFFFF
# A library that reports one event after the other without end must not hold us.
_MOST = 4096


def watch(
    session: Session, found: Sequence[tuple[Gpu, Any]], left_out: list[LeftOut]
) -> tuple[tuple[Gpu, ...], tuple[Event, ...]]:
    """The GPUs, each with whether it can be watched, and the pending events in order."""
    try:
        events = session.call("nvmlEventSetCreate")
    except NvmlFailure as failure:
        left_out.append(failure.leaves_out("health of all GPUs"))
        return tuple(replace(gpu, monitored=False) for gpu, _ in found), ()
    try:
        gpus = tuple(
            replace(gpu, monitored=_registers(session, gpu, handle, events, left_out)) for gpu, handle in found
        )
        return gpus, tuple(_pending(session, events, left_out))
    finally:
        _free(session, events)


def _registers(session: Session, gpu: Gpu, handle: Any, events: Any, left_out: list[LeftOut]) -> bool:
    try:
        supported: int = session.call("nvmlDeviceGetSupportedEventTypes", handle)
        session.call("nvmlDeviceRegisterEvents", handle, supported & _TYPES, events)
    except NvmlFailure as failure:
        # Old cards give no events and say so; the taint tells it.
        if failure.code != NOT_SUPPORTED:
            left_out.append(failure.leaves_out(f"health of gpu-{gpu.minor}"))
        return False
    return True


def _pending(session: Session, events: Any, left_out: list[LeftOut]) -> Iterator[Event]:
    lost = False
    for _ in range(_MOST):
        try:
            data = session.call("nvmlEventSetWait_v2", events, 0)
        except NvmlFailure as failure:
            if failure.code == TIMEOUT:
                return
            if failure.code != GPU_IS_LOST:
                left_out.append(failure.leaves_out("health events"))
                return
            if lost:
                return  # it tells everybody who asks, again and again
            lost = True
            yield Event()
            continue
        lost = False
        if data.eventType == _XID:
            yield _event(session, data)


def _event(session: Session, data: Any) -> Event:
    try:
        uuid: str = session.call("nvmlDeviceGetUUID", data.device)
    except NvmlFailure:
        # A device that cannot say who it is counts as lost.
        return Event()
    instance, compute = int(data.gpuInstanceId), int(data.computeInstanceId)
    return Event(
        gpu=uuid,
        xid=int(data.eventData),
        gpu_instance=None if instance == _WHOLE else instance,
        compute_instance=None if compute == _WHOLE else compute,
    )


def _free(session: Session, events: Any) -> None:
    try:
        session.call("nvmlEventSetFree", events)
    except NvmlFailure:
        # Shutdown frees it; all that was asked for has been read.
        return
