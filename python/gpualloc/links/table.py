"""The link table: what lies between the devices of one node, which is the one thing that slices cannot carry.

NVLinks and their bandwidth between pairs of devices, the PCIe level between all devices and NICs, and where devices
stand in a larger fabric. Frozen plain data that compares and hashes; matrices are made with numpy when asked for.
Nothing here asks a host and nothing is scored. Where a value is `None` nobody said it. Start at :class:`LinkTable`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Integers: TypeAlias = NDArray[np.int64]

__all__ = ["UNKNOWN", "Device", "FabricPlace", "Island", "LinkTable", "Matrix", "Nic", "PcieLevel", "TrayPlace"]

UNKNOWN = -1
"""What stands in numpy matrices where nobody said the value."""

Matrix: TypeAlias = "tuple[tuple[int | None, ...], ...]"


class PcieLevel(enum.IntEnum):
    """How far apart two PCIe devices are, by NVML's numbers and by the words of `nvidia-smi topo -m`."""

    BOARD = 0
    """On one board; `nvidia-smi` writes `PIX` for it."""
    PIX = 10
    """At most one PCIe bridge between them."""
    PXB = 20
    """Several PCIe bridges, but no host bridge."""
    PHB = 30
    """A PCIe host bridge."""
    NODE = 40
    """Several host bridges of one NUMA node."""
    SYS = 50
    """The interconnect between NUMA nodes."""


_LINK_WORDS = {"gpu.amd.com": "XGMI"}


def clique_name(cluster_uuid: str, clique_id: int) -> str:
    """A clique as node labels name it."""
    return f"{cluster_uuid}.{clique_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricPlace:
    """Where a device stands in its NVLink fabric."""

    state: str
    """`notStarted`, `inProgress` or `completed`."""
    status: int | None = None
    """NVML's return code of the registration; means something only when the state is completed."""
    cluster_uuid: str | None = None
    """The fabric over several machines; `None` where it ends at the machine's own switches."""
    clique_id: int | None = None
    problems: tuple[str, ...] = ()
    """What the driver says is wrong with the device's fabric, such as `degradedBandwidth`."""

    @property
    def clique(self) -> str | None:
        """The clique as node labels name it, `<cluster>.<clique>`; only devices of one clique share memory."""
        if self.cluster_uuid is None or self.clique_id is None or self.state != "completed" or self.status:
            return None
        return clique_name(self.cluster_uuid, self.clique_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrayPlace:
    """Where a device stands in its rack."""

    chassis_serial: str | None = None
    slot: int
    """The tray's slot in the chassis, switches counted."""
    tray: int
    """The tray's number among the compute trays."""
    host: int
    """The node's number on the tray."""
    module: int
    """The device's number on the node's board."""
    peers: str | None = None
    """`direct` or `switch`: what its NVLinks lead to; `None` where the driver's code has no word here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device of the table."""

    name: str
    """As slices call it, `gpu-3`; a table read from a picture has no other name than the label."""
    label: str
    """As pictures call it, `GPU0`, by the driver's index."""
    uuid: str | None = None
    product: str | None = None
    pci_bus_id: str | None = None
    numa_node: int | None = None
    """The NUMA node whose processors are near."""
    memory_numa_node: int | None = None
    """The NUMA node that is the device's own memory, on coherent machines."""
    cpus: str | None = None
    """The processors that are near, `0-15,32-47`."""
    fabric: FabricPlace | None = None
    tray: TrayPlace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """One RDMA network device."""

    name: str
    """As the kernel calls it, `mlx5_0`."""
    label: str
    """As pictures call it, `NIC0`."""
    pci_bus_id: str | None = None
    numa_node: int | None = None


@dataclass(frozen=True, slots=True)
class Island:
    """Devices that NVLinks connect, each with each or through others."""

    devices: tuple[str, ...]
    """Names, in the table's order; two or more."""
    is_complete: bool
    """Whether each of them is linked with each other."""
    bandwidth: int | None
    """MB/s in one direction between the two linked devices that have least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTable:
    """What lies between the devices of a node.

    Raises:
        InvalidInputError: for matrices that are no square of the right size, not symmetric, or contradict each other.
    """

    node: str
    driver: str
    """The DRA driver whose slices have the devices."""
    devices: tuple[Device, ...]
    nics: tuple[Nic, ...] = ()
    links: Matrix
    """NVLinks, or what a vendor has in their place, over which two devices reach each other's memory, directly or
    through switches; 0 on the diagonal."""
    bandwidth: Matrix
    """MB/s of those links together, in one direction, before any protocol; 0 on the diagonal."""
    pcie: Matrix
    """A :class:`PcieLevel` for each two of the devices and then the NICs; `BOARD` on the diagonal."""

    def __post_init__(self) -> None:
        for field in ("devices", "nics"):
            ends: tuple[Device | Nic, ...] = getattr(self, field)
            if len({one.name for one in ends}) < len(ends):
                raise self._error(f"spec.{field}", "two have one name")
        if len({one.label for one in self.ends}) < len(self.ends):
            raise self._error("spec", "two devices or NICs have one label")
        count = len(self.devices)
        self._check("links", self.links, count, lambda value: value >= 0)
        self._check("megabytesPerSecond", self.bandwidth, count, lambda value: value >= 0)
        self._check("pcie", self.pcie, count + len(self.nics), lambda value: value in set(PcieLevel))
        for a, b in combinations(range(count), 2):
            links, speed = self.links[a][b], self.bandwidth[a][b]
            if speed is not None and (links is None or bool(links) != bool(speed)):
                raise self._error(f"spec.megabytesPerSecond[{a}][{b}]", f"{speed} does not go with {links} links")

    @property
    def link_word(self) -> str:
        """How pictures call a link: `NV`, or `XGMI` between AMD's devices."""
        return _LINK_WORDS.get(self.driver, "NV")

    @property
    def ends(self) -> tuple[Device | Nic, ...]:
        """Devices, then NICs: the rows of :attr:`pcie`."""
        return (*self.devices, *self.nics)

    @property
    def islands(self) -> tuple[Island, ...]:
        """The sets of devices that NVLinks connect, by their first device; a link nobody knows of connects nothing."""
        rest, found = list(range(len(self.devices))), list[Island]()
        while rest:
            island, edge = {rest[0]}, [rest[0]]
            while edge:
                row = self.links[edge.pop()]
                new = [other for other, links in enumerate(row) if links and other not in island]
                island.update(new)
                edge += new
            rest = [one for one in rest if one not in island]
            if len(island) > 1:
                found.append(self._island(sorted(island)))
        return tuple(found)

    def link_matrix(self) -> Integers:
        """:attr:`links` as a numpy matrix, :data:`UNKNOWN` where nobody said."""
        return _array(self.links)

    def bandwidth_matrix(self) -> Integers:
        """:attr:`bandwidth` as a numpy matrix, :data:`UNKNOWN` where nobody said."""
        return _array(self.bandwidth)

    def pcie_matrix(self) -> Integers:
        """:attr:`pcie` as a numpy matrix of NVML's numbers, :data:`UNKNOWN` where nobody said."""
        return _array(self.pcie)

    def _island(self, members: Sequence[int]) -> Island:
        pairs = list(combinations(members, 2))
        linked = [(a, b) for a, b in pairs if self.links[a][b]]
        speeds = [speed for a, b in linked if (speed := self.bandwidth[a][b]) is not None]
        return Island(
            devices=tuple(self.devices[one].name for one in members),
            is_complete=len(linked) == len(pairs),
            bandwidth=min(speeds) if len(speeds) == len(linked) else None,
        )

    def _check(self, field: str, matrix: Matrix, size: int, is_legal: Callable[[int], bool]) -> None:
        field = f"spec.{field}"
        if len(matrix) != size:
            raise self._error(field, f"must have {size} rows, not {len(matrix)}")
        for a, row in enumerate(matrix):
            if len(row) != size:
                raise self._error(f"{field}[{a}]", f"must have {size} items, not {len(row)}")
            for b, value in enumerate(row):
                where = f"{field}[{a}][{b}]"
                if value is not None and not is_legal(value):
                    raise self._error(where, f"{value} is no such value")
                if a == b and value != 0:
                    raise self._error(where, "there is nothing between a device and itself")
                if b < a and matrix[b][a] != value:
                    raise self._error(where, f"differs from [{b}][{a}]")

    def _error(self, field: str, message: str) -> InvalidInputError:
        return InvalidInputError(message, f"LinkTable {self.node}", field)


def _array(matrix: Matrix) -> Integers:
    try:
        import numpy as np  # noqa: PLC0415  # an extra that nothing else needs
    except ModuleNotFoundError:
        raise InvalidInputError("matrices need numpy: pip install 'gpualloc[links]'") from None
    rows = [[UNKNOWN if value is None else int(value) for value in row] for row in matrix]
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(rows))
