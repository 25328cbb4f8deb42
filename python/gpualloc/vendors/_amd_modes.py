"""AMD's auto-partition: a GPU once for each mode it could be in, one of which can be allocated at a time.

A device of a mode is shared by as many allocations as the mode makes partitions; a counter keeps a GPU to one mode, a
taint keeps the node to one memory mode. Start at :func:`devices`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gpualloc._errors import InvalidInputError
from gpualloc._quantity import binary
from gpualloc.vendors._slices import attribute, capacity

if TYPE_CHECKING:
    from gpualloc.vendors.amd import Figures, Gpu

__all__ = ["counter_set", "devices", "partitions", "usual"]

Json = dict[str, Any]

_PARTITIONS = {"spx": 1, "dpx": 2, "tpx": 3, "qpx": 4}
# What the driver offers, by the number of compute dies.
_USUAL = {
    8: ("spx-nps1", "dpx-nps1", "dpx-nps2", "qpx-nps1", "cpx-nps1", "cpx-nps4"),
    6: ("spx-nps1", "tpx-nps1", "cpx-nps1"),
}
_MODE = re.compile(r"(spx|dpx|tpx|qpx|cpx)-(nps[1248])", re.ASCII)
_CONFLICT = "gpu.amd.com/memory-partition-conflict"


def usual(xcds: int | None) -> tuple[str, ...]:
    """The modes of a GPU with so many compute dies; none where they are not known."""
    return _USUAL.get(xcds or 0, ())


def partitions(compute: str, xcds: int | None) -> int | None:
    """How many partitions a compute mode makes; `None` where that depends on a number of dies that is not known."""
    return xcds if compute == "cpx" else _PARTITIONS[compute]


def counter_set(index: int) -> Json:
    """What keeps a GPU to one mode."""
    return {"name": f"gpu-{index}-mutex", "counters": {"partition-mode": {"value": "1"}}}


def devices(gpu: Gpu, version: str, active: str) -> list[Json]:
    """One device for each mode.

    Args:
        gpu: The GPU.
        version: The kernel driver's version in full, or nothing.
        active: The memory mode that the node holds, or nothing.

    Raises:
        InvalidInputError: for a mode that does not exist or does not divide the GPU.
    """
    if not gpu.modes:
        raise InvalidInputError(
            f"no modes are known for a GPU with {gpu.xcds} compute dies; list them", f"GPU {gpu.pci}", "modes"
        )
    return [_device(gpu, mode, version, active) for mode in gpu.modes]


def _device(gpu: Gpu, mode: str, version: str, active: str) -> Json:
    match = _MODE.fullmatch(mode)
    count = partitions(match[1], gpu.xcds) if match else None
    if match is None or count is None or (gpu.xcds or 0) % count or count < int(match[2].removeprefix("nps")):
        raise InvalidInputError(f"{mode!r} is no mode of a GPU with {gpu.xcds} compute dies", f"GPU {gpu.pci}", "modes")
    compute, memory = match.groups()
    device: Json = {
        "name": f"gpu-{gpu.index}-{mode}",
        "attributes": {
            "type": attribute("amdgpu" if compute == "spx" else "amdgpu-partition"),
            **gpu.shared,
            **({"driverVersionFull": attribute(version)} if version else {}),
            "computePartition": attribute(compute),
            "memoryPartition": attribute(memory),
            "gpuIndex": attribute(gpu.index),
            "pciAddr": attribute(gpu.pci),
        },
        "capacity": _capacity(gpu.figures.share(count), count),
        "consumesCounters": [{"counterSet": f"gpu-{gpu.index}-mutex", "counters": {"partition-mode": {"value": "1"}}}],
    }
    if count > 1:
        device["allowMultipleAllocations"] = True
    if active and memory != active:
        device["taints"] = [{"key": _CONFLICT, "value": active, "effect": "NoExecute"}]
    return device


def _capacity(part: Figures, count: int) -> Json:
    """All partitions together; each allocation takes exactly one of them, with its share of everything."""
    amounts = {
        "partitions": (str(count), "1"),
        "memory": (binary(part.memory_bytes * count), binary(part.memory_bytes)),
        "computeUnits": (str(part.compute_units * count), str(part.compute_units)),
        "simdUnits": (str(part.simd_units * count), str(part.simd_units)),
    }
    capacities: Json = {}
    for name, (whole, one) in amounts.items():
        capacities[name] = capacity(whole)
        if count > 1 and one != "0":
            capacities[name]["requestPolicy"] = {"default": one, "validValues": [one]}
    return capacities
