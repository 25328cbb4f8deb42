"""The link table of a host's NVIDIA GPUs.

Pure. Where a pair is linked directly the links to each other count, and the smaller of both counts if they differ;
behind switches every link to a switch counts, as all of them lead to all GPUs of the fabric, and the GPU with fewer
bounds the pair. Links that exist but over which the driver allows no access (a GPU in MIG mode, a GPU of another
Fabric Manager partition) do not count, nor do any where confidential computing forbids plain text on them. Start at
:func:`link_table`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from gpualloc._errors import InvalidInputError
from gpualloc.links.bandwidth import NVLINK, NVLINK_OF_GRAPHICS_AMPERE
from gpualloc.links.pcie import Place, level_between
from gpualloc.links.table import Device, FabricPlace, LinkTable, Nic, PcieLevel, TrayPlace
from gpualloc.nvml.confidential.state import state_of
from gpualloc.nvml.host import NO_CLUSTER, LeftOut
from gpualloc.nvml.slices import DRIVER

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gpualloc.nvml.host import Fabric, Gpu, Host
    from gpualloc.nvml.links import HostLinks, Platform

__all__ = ["link_table", "may_be_peers"]

_TO_GPU, _TO_SWITCH = 0, 2
_PEERS = 0
_FABRIC_STATES = {1: "notStarted", 2: "inProgress", 3: "completed"}
_PEER_TYPES = {0: "direct", 1: "switch"}
_PASCAL, _VOLTA, _TURING, _AMPERE, _HOPPER, _BLACKWELL = 4, 5, 6, 7, 9, 10
# The generation of the NVLinks that an architecture has, where it has any. NVML's own number is none to rely on: old
# and new drivers count differently.
_GENERATIONS = {_PASCAL: 1, _VOLTA: 2, _TURING: 2, _AMPERE: 3, _HOPPER: 4, _BLACKWELL: 5}
_DATA_CENTRE_AMPERE = (8, 0)

# Two bits each, by their position: 1 says that it is so.
_HEALTH = {0: "degradedBandwidth", 2: "routeRecovery", 4: "routeUnhealthy", 6: "accessTimeoutRecovery"}
_CONFIGURATION_SHIFT, _CONFIGURATION_MASK = 8, 0xF
_CONFIGURATIONS = {
    2: "incorrectSystemGUID",
    3: "incorrectChassisSerial",
    4: "noPartition",
    5: "insufficientNVLinks",
    6: "incompatibleFirmware",
    7: "invalidLocation",
    8: "invalidGPUState",
}


def link_table(host: Host, node: str) -> tuple[LinkTable, tuple[LeftOut, ...]]:
    """The table, and what is missing from it beside what could not be read.

    Raises:
        InvalidInputError: if the host was read without links.
    """
    if host.links is None:
        raise InvalidInputError("the host was read without them", "", "links")
    gpus, left_out = host.gpus, list[LeftOut]()
    count = len(gpus)
    links: list[list[int | None]] = [[0] * count for _ in gpus]
    bandwidth: list[list[int | None]] = [[0] * count for _ in gpus]
    speeds = [_speed(gpu, left_out) for gpu in gpus]
    addresses = frozenset(gpu.links.address for gpu in gpus if gpu.links and gpu.links.address)
    peers = {(pair.first, pair.second): pair.peers for pair in host.links.pairs}
    usable = host.confidential is None or state_of(host.confidential)[0].allows_nvlink
    for a, b in combinations(range(count), 2):
        found = 0 if not usable else _links(gpus[a], gpus[b], addresses, peers.get((gpus[a].index, gpus[b].index)))
        links[a][b] = links[b][a] = found
        bandwidth[a][b] = bandwidth[b][a] = _bandwidth(found, speeds[a], speeds[b])
    table = LinkTable(
        node=node,
        driver=DRIVER,
        devices=tuple(_device(gpu, host.links) for gpu in gpus),
        nics=tuple(
            Nic(
                name=nic.name,
                label=f"NIC{number}",
                pci_bus_id=nic.address,
                numa_node=_numa(nic.numa_node, host.links),
            )
            for number, nic in enumerate(host.links.nics)
        ),
        links=tuple(map(tuple, links)),
        bandwidth=tuple(map(tuple, bandwidth)),
        pcie=_pcie(gpus, host.links),
    )
    return table, tuple(left_out)


def may_be_peers(one: Gpu, other: Gpu, addresses: Collection[str]) -> bool:
    """Whether the links of both may lead to each other, so that it is worth asking; `addresses` are all GPUs'."""
    return bool(_direct(one, other)) or all(any(_through(gpu, addresses)) for gpu in (one, other))


# --- links ------------------------------------------------------------------------------------------------------------


def _links(one: Gpu, other: Gpu, addresses: Collection[str], peers: int | None) -> int | None:
    """How many links two GPUs have; `None` where that cannot be known."""
    if any(gpu.links is None or gpu.links.nvlinks is None for gpu in (one, other)):
        return None
    if peers not in (_PEERS, None):
        return 0
    direct = _direct(one, other)
    if direct is None or direct:
        return direct
    (sure, unsure), (others_sure, others_unsure) = _through(one, addresses), _through(other, addresses)
    if not unsure and not others_unsure:
        return min(sure, others_sure)
    # A driver too old to say what a link leads to: if they are peers all the same, then by a switch.
    most = min(sure + unsure, others_sure + others_unsure)
    return most if peers == _PEERS or not most else None


def _direct(one: Gpu, other: Gpu) -> int | None:
    """Links that lead from each to the other; `None` where one leads to a GPU of which nobody said which."""
    counts = [_towards(one, other), _towards(other, one)]
    known = [count for count in counts if count is not None]
    return min(known) if len(known) == len(counts) else None


def _towards(one: Gpu, other: Gpu) -> int | None:
    nvlinks = one.links.nvlinks or () if one.links else ()
    address = other.links.address if other.links else None
    if any(link.remote_type == _TO_GPU and link.remote_address is None for link in nvlinks):
        return None
    leading = [link for link in nvlinks if link.remote_type in (_TO_GPU, None) and link.remote_address is not None]
    if leading and address is None:
        return None
    return sum(link.remote_address == address for link in leading)


def _through(gpu: Gpu, addresses: Collection[str]) -> tuple[int, int]:
    """Links that lead to a switch, and links that may lead to one: to none of the GPUs, as far as is known."""
    nvlinks = gpu.links.nvlinks or () if gpu.links else ()
    unsaid = [link for link in nvlinks if link.remote_type is None and link.remote_address not in addresses]
    return sum(link.remote_type == _TO_SWITCH for link in nvlinks), len(unsaid)


def _speed(gpu: Gpu, left_out: list[LeftOut]) -> int | None:
    """MB/s of one of its links in one direction."""
    if gpu.links is None or not gpu.links.nvlinks:
        return None
    if gpu.architecture == _AMPERE and gpu.compute_capability != _DATA_CENTRE_AMPERE:
        if gpu.compute_capability is not None:
            return NVLINK_OF_GRAPHICS_AMPERE
    elif gpu.architecture in _GENERATIONS:
        return NVLINK[_GENERATIONS[gpu.architecture]]
    reason = "the speed of this architecture's links is not known"
    left_out.append(LeftOut(f"gpu-{gpu.minor} NVLink bandwidth", "", None, reason))
    return None


def _bandwidth(links: int | None, one: int | None, other: int | None) -> int | None:
    if links == 0:
        return 0
    return None if links is None or one is None or other is None else links * min(one, other)


# --- PCIe -------------------------------------------------------------------------------------------------------------


def _pcie(gpus: Sequence[Gpu], between: HostLinks) -> tuple[tuple[int | None, ...], ...]:
    """NVML's word for two GPUs; where it has none, and for NICs, the kernel's tree of buses."""
    told = {(pair.first, pair.second): pair.level for pair in between.pairs}
    places = [
        *(Place(gpu.links.path if gpu.links else (), _near(gpu, between)) for gpu in gpus),
        *(Place(nic.path, _numa(nic.numa_node, between)) for nic in between.nics),
    ]
    matrix: list[list[int | None]] = [[PcieLevel.BOARD] * len(places) for _ in places]
    for a, b in combinations(range(len(places)), 2):
        level = told.get((gpus[a].index, gpus[b].index)) if b < len(gpus) else None
        found = PcieLevel(level) if level in set(PcieLevel) else level_between(places[a], places[b])
        matrix[a][b] = matrix[b][a] = found
    return tuple(map(tuple, matrix))


def _near(gpu: Gpu, between: HostLinks) -> int | None:
    return _numa(gpu.numa_nodes[0] if gpu.numa_nodes else None, between)


def _numa(node: int | None, between: HostLinks) -> int | None:
    return between.only_numa_node if node is None else node


# --- devices ----------------------------------------------------------------------------------------------------------


def _device(gpu: Gpu, between: HostLinks) -> Device:
    links = gpu.links
    return Device(
        name=f"gpu-{gpu.minor}",
        label=f"GPU{gpu.index}",
        uuid=gpu.uuid,
        product=gpu.name,
        pci_bus_id=links.address if links else None,
        numa_node=_near(gpu, between),
        memory_numa_node=links.memory_numa_node if links else None,
        cpus=links.cpus if links else None,
        fabric=_fabric(gpu.fabric),
        tray=_tray(links.platform if links else None),
    )


def _fabric(fabric: Fabric | None) -> FabricPlace | None:
    if fabric is None or fabric.state not in _FABRIC_STATES:
        return None
    is_one = fabric.cluster_uuid != NO_CLUSTER
    joined = _FABRIC_STATES[fabric.state] == "completed"
    return FabricPlace(
        state=_FABRIC_STATES[fabric.state],
        status=fabric.status if joined else None,
        cluster_uuid=fabric.cluster_uuid if is_one else None,
        clique_id=fabric.clique_id if is_one else None,
        problems=tuple(_problems(fabric.health_mask or 0)),
    )


def _problems(mask: int) -> list[str]:
    found = [word for shift, word in _HEALTH.items() if mask >> shift & 3 == 1]
    configuration = _CONFIGURATIONS.get(mask >> _CONFIGURATION_SHIFT & _CONFIGURATION_MASK)
    return found if configuration is None else [*found, configuration]


def _tray(platform: Platform | None) -> TrayPlace | None:
    if platform is None:
        return None
    return TrayPlace(
        chassis_serial=platform.chassis_serial or None,
        slot=platform.slot,
        tray=platform.tray,
        host=platform.host,
        module=platform.module,
        peers=_PEER_TYPES.get(platform.peer_type),
    )
