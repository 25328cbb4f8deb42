"""What the kernel says about PCI devices: root, bridges, NUMA node, GPUs and NICs on the bus, `/dev/iommu`.

Reads files below a root and nothing else; never writes, never asks NVML. What the files mean follows Kubernetes' own
helpers for device attributes (`k8s.io/dynamic-resource-allocation/deviceattribute`). Start at :class:`Files`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Literal

from gpualloc.nvml.host import LeftOut, PciGpu
from gpualloc.nvml.links import RdmaNic

__all__ = ["Files"]

_NVIDIA = 0x10DE
_VGA, _3D = 0x030000, 0x030200
_SWITCH = 0x068000
# `0000:07:00.0`: the only form that Kubernetes takes as an address; a domain above ffff has none.
_ADDRESS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]")
# The first lines of a `resource` file are the device's own regions; below them stand ROM and virtual functions.
_REGIONS = 6
_SWITCH_MANAGEMENT = b"SW_MNG"
_UNREAD: Final = "unread"
_TYPE_MASK, _TYPE_64 = 0x6, 0x4


class Files:
    """The files of a host below a root, `/` on the host itself.

    What cannot be read is left out and noted in the list that is given.
    """

    def __init__(self, root: str | os.PathLike[str], left_out: list[LeftOut]) -> None:
        self.left_out = left_out
        self._root = Path(os.path.abspath(root))  # noqa: PTH100  # links are followed as text, and so must the root be
        self._sys = self._root / "sys"

    def has_iommufd(self) -> bool:
        """Whether devices can be handed out by `/dev/iommu`."""
        path = self._root / "dev" / "iommu"
        try:
            return path.exists()
        except OSError as error:
            self._missing("vfio devices attribute iommuFDEnabled", path, error)
            return False

    @staticmethod
    def is_address(bus_id: str) -> bool:
        """Whether an address is of the form that attributes can carry."""
        return _ADDRESS.fullmatch(bus_id) is not None

    def pcie_root(self, bus_id: str, name: str) -> str | None:
        """The root complex above a device (`pci0000:00`); `name` is whom to blame."""
        link = self._sys / "bus" / "pci" / "devices" / bus_id
        try:
            path = self._path(link)
        except OSError as error:
            self._missing(f"{name} attribute pcieRoot", link, error)
            return None
        if not path or path[-1] != bus_id:
            self._missing(f"{name} attribute pcieRoot", link, "does not lead below a PCI root")
            return None
        return path[0]

    def path(self, bus_id: str) -> tuple[str, ...]:
        """Root, bridges and the device itself; empty where the kernel does not show it."""
        try:
            path = self._path(self._sys / "bus" / "pci" / "devices" / bus_id)
        except OSError:
            return ()
        return path if path[-1:] == (bus_id,) else ()

    def _path(self, link: Path) -> tuple[str, ...]:
        target = os.path.normpath(link.parent / link.readlink())
        devices = self._sys / "devices"
        inside = Path(target).relative_to(devices).parts if Path(target).is_relative_to(devices) else ()
        return inside if len(inside) > 1 and inside[0].startswith("pci") else ()

    def cpus(self, bus_id: str) -> str | None:
        """The processors near a device, `0-15,32-47`; nothing where the kernel names none."""
        try:
            return (self._sys / "bus" / "pci" / "devices" / bus_id / "local_cpulist").read_text().strip() or None
        except OSError:
            return None

    def only_numa_node(self) -> int | None:
        """The machine's NUMA node where it has only one."""
        try:
            names = [entry.name for entry in (self._sys / "devices" / "system" / "node").iterdir()]
        except OSError:
            return None
        nodes = [int(match[1]) for match in (re.fullmatch(r"node(\d+)", name) for name in names) if match]
        return nodes[0] if len(nodes) == 1 else None

    def nics(self) -> tuple[RdmaNic, ...]:
        """The RDMA network devices on PCI by name; a machine without any has no such folder."""
        folder = self._sys / "class" / "infiniband"
        try:
            names = sorted((entry.name for entry in folder.iterdir()), key=_natural)
        except FileNotFoundError:
            return ()
        except OSError as error:
            self._missing("NICs", folder, error)
            return ()
        return tuple(nic for nic in map(self._nic, names) if nic is not None)

    def _nic(self, name: str) -> RdmaNic | None:
        link = self._sys / "class" / "infiniband" / name / "device"
        try:
            address = link.resolve(strict=True).name
            if not self.is_address(address):
                return None  # one that the kernel makes of another device: it hangs on no bus
            node = _integer(self._sys / "bus" / "pci" / "devices" / address / "numa_node")
        except (OSError, ValueError) as error:
            self._missing(f"NIC {name}", link, error)
            return None
        return RdmaNic(name=name, address=address, path=self.path(address), numa_node=node if node >= 0 else None)

    def numa_nodes(self, bus_id: str, name: str) -> tuple[int, ...]:
        """The device's node, then all nodes of its socket at the least distance by ACPI's table, ascending."""
        path = self._sys / "bus" / "pci" / "devices" / bus_id / "numa_node"
        try:
            node = _integer(path)
        except (OSError, ValueError) as error:
            self._missing(f"{name} attribute numaNode", path, error)
            return ()
        return (node, *self._near(node)) if node >= 0 else ()

    def _near(self, node: int) -> list[int]:
        try:
            text = (self._sys / "devices" / "system" / "node" / f"node{node}" / "distance").read_text()
            distances = [int(field) for field in text.split()]
        except (OSError, ValueError):
            return []  # a kernel without the table: the node stands alone
        others = {other: distance for other, distance in enumerate(distances) if other != node}
        if not others or node >= len(distances):
            return []
        socket = self._socket(node)
        least = min(others.values())
        # A node whose socket is unknown (memory without processors) is kept, as Kubernetes keeps it.
        return [
            other
            for other, distance in others.items()
            if distance == least and (socket is None or self._socket(other) in (None, socket))
        ]

    def _socket(self, node: int) -> int | None:
        system = self._sys / "devices" / "system"
        try:
            first = re.match(r"\d+", (system / "node" / f"node{node}" / "cpulist").read_text())
            return None if first is None else _integer(system / "cpu" / f"cpu{first[0]}/topology/physical_package_id")
        except (OSError, ValueError):
            return None

    def gpus(self) -> tuple[tuple[PciGpu, ...], int]:
        """All NVIDIA GPUs on the bus by address, virtual functions excepted, and how many more could not be read."""
        folder = self._sys / "bus" / "pci" / "devices"
        try:
            names = sorted(entry.name for entry in folder.iterdir())
        except OSError as error:
            self._missing("vfio devices", folder, error)
            return (), 1
        found = [self._gpu(folder / name) for name in names]
        return tuple(one for one in found if isinstance(one, PciGpu)), found.count(_UNREAD)

    def switches(self) -> tuple[str, ...]:
        """The addresses of all NVSwitches on the bus."""
        folder = self._sys / "bus" / "pci" / "devices"
        try:
            return tuple(
                sorted(
                    entry.name
                    for entry in folder.iterdir()
                    if _integer(entry / "vendor") == _NVIDIA and _integer(entry / "class") == _SWITCH
                )
            )
        except (OSError, ValueError) as error:
            self._missing("NVSwitches", folder, error)
            return ()

    def has_own_fabric(self) -> bool:
        """Whether there is a fabric for the Fabric Manager, as the driver looks for one.

        NVSwitches that the kernel lists, or network devices that manage NVLink switches and say so in their product
        data, which root alone may read.
        """
        listed = self._root / "proc" / "driver" / "nvidia-nvswitch" / "devices"
        try:
            if any(listed.iterdir()):
                return True
        except OSError:
            pass  # a kernel without their driver
        return any(map(self._manages_switches, sorted((self._sys / "class" / "infiniband").glob("*"))))

    def _manages_switches(self, nic: Path) -> bool:
        path = nic / "device" / "vpd"
        try:
            return _SWITCH_MANAGEMENT in path.read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            self._missing(f"whether {nic.name} manages NVLink switches", path, error)
            return False

    def _gpu(self, path: Path) -> PciGpu | Literal["unread"] | None:
        name = f"vfio device {path.name}"
        try:
            if _integer(path / "vendor") != _NVIDIA or _integer(path / "class") not in (_VGA, _3D):
                return None
            if (path / "physfn").exists():
                return None
            device, size = _integer(path / "device"), _addressable((path / "resource").read_text())
        except (OSError, ValueError) as error:
            self._missing(name, path, error)
            return _UNREAD
        if not self.is_address(path.name):
            self._missing(name, path, "its PCI domain is above ffff")
            return _UNREAD
        return PciGpu(
            bus_id=path.name,
            vendor=_NVIDIA,
            device=device,
            addressable_bytes=size,
            pcie_root=self.pcie_root(path.name, name),
            numa_nodes=self.numa_nodes(path.name, name),
        )

    def _missing(self, what: str, path: Path, error: Exception | str) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self.left_out.append(LeftOut(what, str(path), None, reason))


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which `mlx5_9` comes before `mlx5_10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _integer(path: Path) -> int:
    return int(path.read_text().strip(), 0)


def _addressable(resource: str) -> int:
    """Bytes of the 64-bit memory regions, rounded up to a power of two."""
    total = 0
    for line in resource.strip().splitlines()[:_REGIONS]:
        start, end, flags = (int(field, 0) for field in line.split())
        if end != start and flags & _TYPE_MASK == _TYPE_64:
            total += end - start + 1
    return 1 << (total - 1).bit_length() if total else 0
