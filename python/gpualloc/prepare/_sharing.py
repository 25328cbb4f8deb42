"""How processes share a device: time slices of a GPU, or an MPS control daemon for a group of devices.

As the driver does it, except that a GPU held for administration is left as its holder wants it. Start at
:func:`sharing`.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gpualloc.prepare import steps as do
from gpualloc.prepare._config import INTERVALS, GpuConfig, MigDeviceConfig, Mps
from gpualloc.prepare._errors import ConfigError
from gpualloc.prepare._parts import Part

if TYPE_CHECKING:
    from gpualloc.prepare._node import NodeDevice
    from gpualloc.prepare._parts import Context
    from gpualloc.prepare._select import Group, Result

__all__ = ["PIPE_IN_CONTAINER", "sharing"]

_INDEX = re.compile(r"[+-]?[0-9]+", re.ASCII)
_VOLTA: Final = 7
PIPE_IN_CONTAINER: Final = "/tmp/nvidia-mps"  # noqa: S108  # where the driver mounts it
_SHARED_MEMORY_IN_CONTAINER: Final = "/dev/shm"  # noqa: S108  # a mount's place


def sharing(context: Context, group: Group) -> Part:
    """The steps for the devices of one configuration.

    Raises:
        ConfigError: for limits of devices that are not of the group, or a mode that a GPU is too old for.
    """
    assert isinstance(group.config, GpuConfig | MigDeviceConfig)
    wanted = group.config.sharing
    held = [result for result in group.results if not result.is_admin]
    if wanted is None or not held:
        return Part()
    if wanted.mps is None:
        return _time_slices(held, wanted.interval)
    return _mps(context, group, held, wanted.mps)


def _time_slices(held: list[Result], interval: str | None) -> Part:
    gpus = sorted({result.device.uuid for result in held if result.device.kind == "gpu"})
    if interval is None:
        return Part()
    level = INTERVALS.index(interval)
    return Part(
        steps=[*(do.SetComputeMode(gpu, "DEFAULT") for gpu in gpus), *(do.SetTimeSlice(gpu, level) for gpu in gpus)]
    )


def _mps(context: Context, group: Group, held: list[Result], mps: Mps) -> Part:
    devices = {result.device.uuid: result.device for result in held}
    uuids = sorted(devices)
    if mps.multi_user:
        _need_volta(context, group, [device for device in devices.values() if device.kind == "gpu"])
    name = f"{context.uid}-{sha256(','.join(uuids).encode()).hexdigest()[:5]}"
    root = f"{context.options.plugin_directory}/mps/{name}"
    pipe, log = f"{root}/pipe", f"{root}/log"
    memory = f"{root}/shm" if context.for_containers else ""
    part = Part(steps=[do.MakeDirectory(path) for path in (root, *((memory,) if memory else ()), pipe, log)])
    if memory:
        part.steps.append(do.MountSharedMemory(memory))
    part.steps.extend(do.SetComputeMode(uuid, "EXCLUSIVE_PROCESS") for uuid in uuids if devices[uuid].kind == "gpu")
    part.steps.append(do.StartMpsDaemon(name, tuple(uuids), pipe, log, memory, mps.multi_user))
    if mps.thread_percentage is not None:
        part.steps.append(do.SetMpsThreadPercentage(name, pipe, mps.thread_percentage))
    limits = _limits(context, group, uuids, mps)
    part.steps.extend(do.SetMpsMemoryLimit(name, pipe, uuid, limits[uuid]) for uuid in sorted(limits))
    _offer(context, part, held, pipe, memory)
    return part


def _need_volta(context: Context, group: Group, gpus: list[NodeDevice]) -> None:
    for gpu in gpus:
        capability = gpu.text("cudaComputeCapability")
        major = capability.partition(".")[0]
        if not major.isdecimal():
            gpu.refuse("attributes[cudaComputeCapability]", f"{capability!r} is no version")
        if int(major) < _VOLTA:
            raise ConfigError(
                f"multiUser needs compute capability 7.0; GPU {gpu.name} has {capability}",
                context.document,
                f"{group.path}.sharing.mpsConfig.multiUser",
            )


def _limits(context: Context, group: Group, uuids: list[str], mps: Mps) -> dict[str, int]:
    """The limit of each device in MiB. Keys are UUIDs, or places among the UUIDs of the group, sorted.

    Where several keys mean one device the last one counts, in the order of the keys; upstream leaves that to chance.
    """
    limits = {} if mps.memory_mib is None else dict.fromkeys(uuids, mps.memory_mib)
    for key, mebibytes in mps.memory_mib_by_device:
        index = int(key) if _INDEX.fullmatch(key) else -1
        if key in uuids:
            limits[key] = mebibytes
        elif 0 <= index < len(uuids):
            limits[uuids[index]] = mebibytes
        else:
            raise ConfigError(
                f"{key!r} is neither a UUID of the group's devices ({', '.join(uuids)}) nor a place among them",
                context.document,
                f"{group.path}.sharing.mpsConfig.defaultPerDevicePinnedMemoryLimit",
            )
    return limits


def _offer(context: Context, part: Part, held: list[Result], pipe: str, memory: str) -> None:
    """What clients of the daemon need."""
    mounts = [(memory, _SHARED_MEMORY_IN_CONTAINER), (pipe, PIPE_IN_CONTAINER)] if context.for_containers else []
    part.daemons[pipe] = tuple(held)
    part.mounts[pipe] = mounts
    if not mounts:
        return
    edits = {
        "env": [f"CUDA_MPS_PIPE_DIRECTORY={PIPE_IN_CONTAINER}"],
        "mounts": [
            {"hostPath": host, "containerPath": inside, "options": ["rw", "nosuid", "nodev", "bind"]}
            for host, inside in mounts
        ],
    }
    for name in dict.fromkeys(result.device.name for result in held):
        part.edit(name, edits)
