"""A host's AMD GPUs from sysfs, as the description that :mod:`gpualloc.vendors.amd` reads.

As the driver discovers them: the PCI devices that the kernel module `amdgpu` holds, their numbers in `/dev/dri`, the
platform devices of their partitions, and what the KFD topology says each of these has. Reads files only, needs no
root and no library, and changes nothing. A GPU that cannot be made out is left out with a remark; the others are
described all the same. Start at :func:`describe`.

The links between GPUs are in the KFD topology too: :func:`links`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gpualloc._errors import GpuallocError
from gpualloc.vendors._fields import PCI_ADDRESS, PCI_ROOT

__all__ = ["Described", "Link", "SysfsError", "describe", "links"]

Json = dict[str, Any]

_SYSFS = Path("/sys")
_DRIVER = Path("module/amdgpu/drivers/pci:amdgpu")
_VERSION = Path("module/amdgpu/version")
_PLATFORM = Path("devices/platform")
_NODES = Path("class/kfd/kfd/topology/nodes")
# Both forms of the name have been seen, `amdgpu_xcp_30` and `amdgpu_xcp.30`.
_PARTITION = re.compile(r"amdgpu_xcp[._][0-9]+", re.ASCII)
_XGMI = 11


class SysfsError(GpuallocError):
    """What should be in sysfs is not there or cannot be read.

    Attributes:
        path: The file or folder.
        message: What is wrong with it.
    """

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Described(NamedTuple):
    """What was found."""

    description: Json
    """For :func:`gpualloc.vendors.produce`."""
    remarks: tuple[str, ...]
    """What was left out or not to be read, a sentence each."""


class Link(NamedTuple):
    """A direct xGMI link, in one direction."""

    source: str
    """The render node, such as `renderD128`: the second number of a device's name."""
    target: str
    weight: int
    """The kernel's distance; one hop between sockets is 15."""
    megabytes_per_second: int
    """The most it carries, in MB/s; 0 where the kernel does not say."""


@dataclass(frozen=True, slots=True)
class _Node:
    """One GPU or partition in the KFD topology."""

    number: int
    render: int
    address: str
    """PCI address without the function, which numbers the partitions."""
    simd_units: int
    compute_units: int
    xcds: int
    memory_bytes: int | None


class _Drm(NamedTuple):
    card: int
    render: int


def describe(node: str, sysfs: Path = _SYSFS) -> Described:
    """The description of this host.

    Args:
        node: The name the node has in the cluster.
        sysfs: Where sysfs is mounted.

    Raises:
        SysfsError: if the kernel module is not loaded, or a file that must be readable is not.
    """
    if not (sysfs / _DRIVER).is_dir():
        raise SysfsError("the kernel module amdgpu holds no PCI device here; is it loaded?", str(sysfs / _DRIVER))
    topology = {one.render: one for one in _topology(sysfs)}
    remarks: list[str] = []
    partitions = _platform_devices(sysfs, topology, remarks)
    folders = [folder for folder in _entries(sysfs / _DRIVER) if PCI_ADDRESS.fullmatch(folder.name)]
    found = [_gpu(folder, topology, partitions, remarks) for folder in folders]
    gpus = [gpu for gpu in found if gpu is not None]
    described: Json = {"vendor": "amd", "node": node, "gpus": gpus}
    version = _text(sysfs / _VERSION)
    if version:
        described["driverVersion"] = version
    return Described(described, tuple(remarks))


def _gpu(folder: Path, topology: dict[int, _Node], partitions: list[_Drm], remarks: list[str]) -> Json | None:
    pci = folder.name
    cards, renders = _drm(folder)
    numa = _text(folder / "numa_node") or ""
    if len(cards) != 1 or len(renders) != 1:
        remarks.append(f"GPU {pci} is left out: {folder / 'drm'} does not have one card and one render node")
        return None
    if not re.fullmatch(r"-1|[0-9]+", numa, re.ASCII):
        remarks.append(f"GPU {pci} is left out: {folder / 'numa_node'} does not say which NUMA node")
        return None
    own = topology.get(renders[0])
    if own is None:
        # The driver publishes it all the same, with nothing to compute with.
        remarks.append(f"GPU {pci} is not in the KFD topology (render node {renders[0]}): nothing is known of its size")
        own = _Node(-1, renders[0], "", 0, 0, 0, None)
    parts = [_Drm(cards[0], renders[0]), *(one for one in partitions if topology[one.render].address == own.address)]
    nodes = [own, *(topology[one.render] for one in parts[1:])]
    gpu: Json = {
        "pci": pci,
        "pcieRoot": _pcie_root(folder),
        "numaNode": int(numa),
        "deviceID": _text(folder / "device"),
        "product": _text(folder / "product_name") or "",
        "memoryBytes": _sum([one.memory_bytes for one in nodes]),
        "computeUnits": sum(one.compute_units for one in nodes),
        "simdUnits": sum(one.simd_units for one in nodes),
    }
    compute = (_text(folder / "current_compute_partition") or "").lower()
    if compute:
        gpu["computePartition"] = compute
        gpu["memoryPartition"] = (_text(folder / "current_memory_partition") or "").lower()
        gpu["xcds"] = sum(one.xcds for one in nodes) or None
    gpu["devices"] = [_device(one, node) for one, node in zip(parts, nodes, strict=True)]
    return {name: value for name, value in gpu.items() if value is not None and value != ""} | {
        "product": gpu["product"]
    }


def _device(drm: _Drm, node: _Node) -> Json:
    figures = {"memoryBytes": node.memory_bytes or 0, "computeUnits": node.compute_units, "simdUnits": node.simd_units}
    return {"card": drm.card, "render": drm.render, **figures}


def _sum(amounts: list[int | None]) -> int | None:
    """The sum, or nothing where a part is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _platform_devices(sysfs: Path, topology: dict[int, _Node], remarks: list[str]) -> list[_Drm]:
    """Partitions beyond the first of each GPU. The kernel keeps unused ones too, which the topology does not have."""
    found: list[_Drm] = []
    for entry in _entries(sysfs / _PLATFORM):
        cards, renders = _drm(entry)
        used = [render for render in renders if render in topology]
        if not _PARTITION.fullmatch(entry.name) or not used:
            continue
        if len(cards) != 1 or len(renders) != 1:
            remarks.append(f"partition {entry.name} is left out: it does not have one card and one render node")
        else:
            found.append(_Drm(cards[0], used[0]))
    return sorted(found, key=lambda one: one.render)


def _drm(folder: Path) -> tuple[list[int], list[int]]:
    """The numbers in `/dev/dri`: cards and render nodes."""
    names = [entry.name for entry in _entries(folder / "drm")]
    cards = [int(name[4:]) for name in names if re.fullmatch(r"card[0-9]+", name, re.ASCII)]
    renders = [int(name[7:]) for name in names if re.fullmatch(r"renderD[0-9]+", name, re.ASCII)]
    return cards, renders


def _pcie_root(folder: Path) -> str | None:
    """The folder below `devices` that the device's real path goes through."""
    return next((part for part in folder.resolve().parts if PCI_ROOT.fullmatch(part)), None)


# --- KFD topology -----------------------------------------------------------------------------------------------------


def links(sysfs: Path = _SYSFS) -> tuple[Link, ...]:
    """The xGMI links between GPUs and partitions, by render numbers; none where the kernel shows none.

    Raises:
        SysfsError: if a file of the topology cannot be read.
    """
    renders = {one.number: one.render for one in _topology(sysfs)}
    found: list[Link] = []
    for number, render in renders.items():
        folder = sysfs / _NODES / str(number) / "io_links"
        for entry in _entries(folder):
            table = _properties(entry / "properties")
            target = renders.get(table.get("node_to", -1))
            if table.get("type") == _XGMI and target is not None:
                found.append(
                    Link(f"renderD{render}", f"renderD{target}", table.get("weight", 0), table.get("max_bandwidth", 0))
                )
    return tuple(sorted(found))


def _topology(sysfs: Path) -> list[_Node]:
    """The GPUs and partitions that can compute, by number."""
    found: list[_Node] = []
    for entry in _entries(sysfs / _NODES):
        if not entry.name.isdecimal():
            continue
        table = _properties(entry / "properties")
        render = table.get("drm_render_minor", 0)
        # Processors are nodes too, and have no render node.
        if render <= 0:
            continue
        location, simds, per_cu = table.get("location_id", 0), table.get("simd_count", 0), table.get("simd_per_cu", 0)
        found.append(
            _Node(
                number=int(entry.name),
                render=render,
                address=f"{table.get('domain', 0):04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}",
                simd_units=simds,
                compute_units=simds // per_cu if per_cu else 0,
                xcds=table.get("num_xcc", 0),
                memory_bytes=_memory(entry / "mem_banks" / "0" / "properties"),
            )
        )
    return sorted(found, key=lambda one: one.number)


def _memory(path: Path) -> int | None:
    """Bytes of the first memory bank; nothing where it is not shown, which is not the same as none."""
    return _properties(path).get("size_in_bytes") if path.is_file() else None


def _properties(path: Path) -> dict[str, int]:
    """A topology file: a name and a number on each line."""
    text = _text(path)
    if text is None:
        raise SysfsError("cannot be read", str(path))
    table: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if not value.strip().isdecimal():
            raise SysfsError(f"{line!r} is no name and number", str(path))
        table[name] = int(value)
    return table


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, by name; nothing where there is no such folder."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str | None:
    """A file's text without the space around it; nothing where there is no such file or the kernel will not tell."""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
