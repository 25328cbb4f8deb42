"""AMD Instinct GPUs as the driver `gpu.amd.com` publishes them: whole, partitioned, or in every mode they could have.

A description has, beside `vendor` and `node`:

- `driverVersion`: text of `/sys/module/amdgpu/version`; left out where the module has none.
- `mode`: `static` (as the GPUs are now) or `auto-partition` (every mode, switched when a claim is prepared).
- `memoryMode`: in auto-partition, the memory mode of the whole node that some allocation holds, such as `nps4`.
- `vfio`: whether passthrough devices are published too.
- `gpus`: each with `pci`, `pcieRoot`, `numaNode`, `deviceID`, `product`, `memoryBytes` (null: not readable),
  `computeUnits`, `simdUnits`; where it can be partitioned `xcds`, `computePartition`, `memoryPartition`, and for other
  modes than those of its kind `modes`; `devices`, each with `card` and `render` (the numbers in `/dev/dri`) and, where
  it is no equal share of the GPU, its own `memoryBytes`, `computeUnits` and `simdUnits`; with `vfio` also `iommuGroup`,
  `totalVFs` and `vfs`, each with `pci`, `pcieRoot`, `iommuGroup`.

Asks no driver; see :mod:`gpualloc.vendors.amd_sysfs` for that. Start at :func:`host`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gpualloc._quantity import binary
from gpualloc.vendors import _amd_modes, _amd_vfio
from gpualloc.vendors._fields import PCI_ADDRESS, PCI_ID, PCI_ROOT, Fields
from gpualloc.vendors._slices import Host, attribute, capacity, device_class
from gpualloc.vendors.concepts import Concepts

__all__ = ["CONCEPTS", "DEVICE_CLASSES", "host"]

Json = dict[str, Any]

CONCEPTS = Concepts(
    driver="gpu.amd.com",
    device_class="gpu.amd.com",
    whole=("type", ("amdgpu",)),
    parent="resource.kubernetes.io/pciBusID",
    model="productName",
    memory="memory",
    unknown_memory=True,
    numa="numaNode",
    pcie_root="resource.kubernetes.io/pcieRoot",
    health="taints",
    beyond_counts="node-wide memory mode",
)
# It selects the driver only: a claim without a condition on `type` may get a partition or a passthrough device.
DEVICE_CLASSES = (device_class("gpu.amd.com", "device.driver == 'gpu.amd.com'"),)

_COMPUTE = ("spx", "dpx", "tpx", "qpx", "cpx")
_MEMORY = re.compile(r"nps[1248]", re.ASCII)
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a GPU or a part of it has; memory is 0 where it could not be read, as the driver publishes it."""

    memory_bytes: int
    compute_units: int
    simd_units: int

    def share(self, parts: int) -> Figures:
        """An equal part."""
        return Figures(self.memory_bytes // parts, self.compute_units // parts, self.simd_units // parts)

    @property
    def is_known(self) -> bool:
        """Whether anything of it could be read."""
        return bool(self.memory_bytes or self.compute_units or self.simd_units)

    def capacity(self) -> Json:
        """As the API has it."""
        return {
            "memory": capacity(binary(self.memory_bytes)),
            "computeUnits": capacity(binary(self.compute_units)),
            "simdUnits": capacity(binary(self.simd_units)),
        }


@dataclass(frozen=True, slots=True)
class Node:
    """One entry in `/dev/dri`: a whole GPU or a partition of one."""

    card: int
    render: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of a description."""

    index: int
    """Its place on the node by PCI address."""
    pci: str
    product: str
    figures: Figures
    shared: Json
    """Attributes that all devices of the GPU have."""
    compute_partition: str
    memory_partition: str
    xcds: int | None
    nodes: tuple[Node, ...] = ()
    modes: tuple[str, ...] = ()
    functions: _amd_vfio.Functions | None = None
    """Only where passthrough devices are asked for."""

    @property
    def is_partitionable(self) -> bool:
        """Whether its compute units can be split."""
        return self.xcds is not None


def host(fields: Fields) -> Host:
    """What the driver publishes for the host described; devices by name, as the driver sorts them."""
    version = fields.text("driverVersion", _VERSION, default="")
    auto = fields.choice("mode", ("static", "auto-partition"), default="static") == "auto-partition"
    active = fields.text("memoryMode", _MEMORY, default="")
    if active and not auto:
        fields.refuse("memoryMode", "a node holds a memory mode in auto-partition only")
    vfio = fields.flag("vfio", default=False)
    rows = sorted(fields.rows("gpus"), key=lambda row: row.text("pci", PCI_ADDRESS))
    gpus = [_gpu(row, index, version, vfio=vfio) for index, row in enumerate(rows)]
    _refuse_repeated(fields, gpus)
    devices, counter_sets = list[Json](), list[Json]()
    for gpu in gpus:
        if auto and gpu.is_partitionable:
            devices += _amd_modes.devices(gpu, version, active)
            counter_sets.append(_amd_modes.counter_set(gpu.index))
        else:
            devices += _now(gpu)
    if vfio:
        extra, sets = _amd_vfio.devices(gpus)
        devices += extra
        counter_sets += sets
    return Host(sorted(devices, key=lambda device: str(device["name"])), counter_sets)


def _gpu(row: Fields, index: int, version: str, *, vfio: bool) -> Gpu:
    pci = row.text("pci", PCI_ADDRESS)
    product = re.sub(r"[()]", "", row.text("product")).replace(" ", "_")
    figures = Figures(
        row.known_number("memoryBytes") or 0, row.number("computeUnits", default=0), row.number("simdUnits", default=0)
    )
    compute = row.choice("computePartition", _COMPUTE, default="")
    memory = row.text("memoryPartition", _MEMORY, default="")
    xcds = row.known_number("xcds")
    if xcds == 0:
        row.refuse("xcds", "a GPU has compute dies")
    shared = {
        **({"deviceID": attribute(row.text("deviceID", PCI_ID))} if row.has("deviceID") else {}),
        "productName": attribute(product),
        # Three numbers are a version; the rest, a build number, is none.
        **({"driverVersion": {"version": ".".join(version.split(".")[:3])}} if version else {}),
        "numaNode": attribute(row.number("numaNode", least=-1)),
        "resource.kubernetes.io/pciBusID": attribute(pci),
    }
    if row.has("pcieRoot"):
        shared["resource.kubernetes.io/pcieRoot"] = attribute(row.text("pcieRoot", PCI_ROOT))
    nodes = _nodes(row, compute, xcds, figures)
    modes = row.words("modes", default=()) or _amd_modes.usual(xcds)
    functions = _amd_vfio.functions(row)
    if vfio and not functions.iommu_group:
        row.refuse("iommuGroup", "is required for passthrough")
    row.close()
    return Gpu(index, pci, product, figures, shared, compute, memory, xcds, nodes, modes, functions if vfio else None)


def _nodes(row: Fields, compute: str, xcds: int | None, figures: Figures) -> tuple[Node, ...]:
    rows = row.rows("devices", optional=True)
    parts = 1 if compute in ("", "spx") else _amd_modes.partitions(compute, xcds)
    if parts is not None and len(rows) > parts:
        row.refuse("devices", f"{compute or 'a GPU that cannot be partitioned'} makes {parts}, {len(rows)} are listed")
    return tuple(_node(one, None if parts is None else figures.share(parts)) for one in rows)


def _node(row: Fields, share: Figures | None) -> Node:
    """One device of a GPU. Where its share of the GPU is not known, its figures are required."""
    usual = (None, None, None) if share is None else (share.memory_bytes, share.compute_units, share.simd_units)
    names = ("memoryBytes", "computeUnits", "simdUnits")
    own = Figures(*(row.number(name, default=default) for name, default in zip(names, usual, strict=True)))
    node = Node(row.number("card"), row.number("render"), own)
    row.close()
    return node


def _refuse_repeated(fields: Fields, gpus: list[Gpu]) -> None:
    addresses = [gpu.pci for gpu in gpus]
    if len(set(addresses)) < len(addresses):
        fields.refuse("gpus", "two GPUs have one PCI address")
    numbers = [(node.card, node.render) for gpu in gpus for node in gpu.nodes]
    if len(set(numbers)) < len(numbers):
        fields.refuse("gpus", "two devices have one card and render number")


def _now(gpu: Gpu) -> list[Json]:
    """The GPU's devices in the mode it is in."""
    whole = gpu.compute_partition in ("", "spx")
    profile = (
        f"{gpu.compute_partition}_{gpu.memory_partition}" if gpu.compute_partition and gpu.memory_partition else ""
    )
    devices: list[Json] = []
    for node in gpu.nodes:
        device: Json = {
            "name": f"gpu-{node.card}-{node.render}",
            "attributes": {
                "type": attribute("amdgpu" if whole else "amdgpu-partition"),
                **gpu.shared,
                **({"partitionProfile": attribute(profile)} if profile else {}),
            },
            "capacity": node.figures.capacity(),
        }
        if gpu.functions is not None and gpu.functions.total_vfs:
            device["consumesCounters"] = _amd_vfio.consumption(gpu.pci, gpu.functions.total_vfs)
        devices.append(device)
    return devices
