"""Taints by health events, as the driver sets them.

One taint for each key, the newest wins, even over a graver one; nothing ever evicts. An event for something that is
not published is ignored, and noted. Pure. Start at :func:`taints`; :func:`event_from` reads events as people write
them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from gpualloc._errors import InvalidInputError
from gpualloc.nvml import mig
from gpualloc.nvml.devices import device_name
from gpualloc.nvml.host import Event, LeftOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpualloc.nvml.features import Features
    from gpualloc.nvml.host import Gpu, Host, MigDevice

__all__ = ["NONFATAL_XIDS", "event_from", "ignored", "taints"]

Taints: TypeAlias = dict[str, list[dict[str, str]]]
NONFATAL_XIDS = frozenset({13, 31, 43, 45, 68, 109})
"""Errors of applications: the GPU is sound after them."""

_XID = "gpu.nvidia.com/xid"
_LOST = "gpu.nvidia.com/gpu-lost"
_UNMONITORED = "gpu.nvidia.com/unmonitored"
_WITH_GPU, _WITH_INSTANCE = 3, 5
_NUMBER = re.compile(r"[0-9]{1,10}")


def taints(host: Host, features: Features) -> Taints:
    """The taints of each published device that has any, by device name and sorted by key."""
    if not features.health:
        return {}
    found: dict[str, dict[str, dict[str, str]]] = {}
    for gpu in host.gpus:
        if not gpu.monitored:
            for name in _names(gpu):
                found.setdefault(name, {})[_UNMONITORED] = {"key": _UNMONITORED, "effect": "None"}
    for event in host.events:
        for name in _affected(host, event):
            found.setdefault(name, {}).update(_taint(event, features))
    return {name: [of[key] for key in sorted(of)] for name, of in found.items()}


def ignored(host: Host) -> Iterator[LeftOut]:
    """Events that taint nothing: of a GPU or instance that is not published, or of a whole card with MIG devices."""
    for event in host.events:
        if event.xid is not None and not _affected(host, event):
            yield LeftOut(f"taint for XID {event.xid} of {event.gpu}", "", None, "no published device is meant by it")


def event_from(text: str, gpus: Iterable[Gpu]) -> Event:
    """An event as text: `lost`, or `xid:GPU:NUMBER` with `:GI:CI` for a MIG device; GPU is a UUID or NVML's index.

    Raises:
        InvalidInputError: for another form. A GPU that the host does not have is none: its event is ignored.
    """
    if text == "lost":
        return Event()
    parts = text.split(":")
    numbers = parts[2:]
    if len(parts) not in (_WITH_GPU, _WITH_INSTANCE) or parts[0] != "xid" or not all(map(_NUMBER.fullmatch, numbers)):
        raise InvalidInputError(
            f"{text!r} is neither 'lost' nor 'xid:GPU:NUMBER' nor 'xid:GPU:NUMBER:GI:CI'", "", "event"
        )
    uuid = next((gpu.uuid for gpu in gpus if parts[1] in (gpu.uuid, str(gpu.index))), parts[1])
    instance, compute = (int(one) for one in numbers[1:]) if len(parts) == _WITH_INSTANCE else (None, None)
    return Event(gpu=uuid, xid=int(numbers[0]), gpu_instance=instance, compute_instance=compute)


def _taint(event: Event, features: Features) -> dict[str, dict[str, str]]:
    if event.xid is None:
        return {_LOST: {"key": _LOST, "effect": "NoSchedule"}}
    mild = event.xid in NONFATAL_XIDS or event.xid in features.nonfatal_xids
    return {_XID: {"key": _XID, "value": str(event.xid), "effect": "None" if mild else "NoSchedule"}}


def _affected(host: Host, event: Event) -> list[str]:
    """The loss of one GPU taints all devices: NVML does not say which it was."""
    if event.xid is None:
        return [name for gpu in host.gpus for name in _names(gpu)]
    where = (event.gpu_instance, event.compute_instance)
    names: list[str] = []
    for gpu in host.gpus:
        if gpu.uuid != event.gpu:
            continue
        if where == (None, None):
            # A card with MIG devices is not published itself, so that nothing is tainted.
            names += [] if gpu.mig_mode else [device_name(gpu)]
        names += [
            _name(gpu, device) for device in gpu.mig_devices if where == (device.gpu_instance, device.compute_instance)
        ]
    return names


def _names(gpu: Gpu) -> list[str]:
    return [_name(gpu, device) for device in gpu.mig_devices] if gpu.mig_mode else [device_name(gpu)]


def _name(gpu: Gpu, device: MigDevice) -> str:
    name = mig.profile_name(device.profile, gpu.memory_bytes)
    return mig.device_name(gpu, device.profile, device.placement, name)
