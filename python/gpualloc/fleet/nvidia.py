"""A fleet's NVIDIA machines as hosts: the data of a kind becomes what reading such a machine would give.

Data of a kind: `system`, `gpu` (what all its GPUs say), `pci`, `each` (path below the PCIe root, NUMA node, module and
NUMA node of memory of each GPU), `nics` (the same of those beside the GPUs), `levels` (NVML's word for what lies
between two of them), `nvlink` (links of each GPU to switches, or pairs of GPUs with their number of links), `fabric`
(`host`, `rack` or nothing), `switches` (their PCI addresses), `confidential`. Slices are made by
:func:`gpualloc.nvml.publish`, as for any host. Start at :func:`host_of`.
"""

from __future__ import annotations

import uuid
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from gpualloc.nvml import mig
from gpualloc.nvml.host import NO_CLUSTER, Confidential, Fabric, Gpu, Host, PciGpu
from gpualloc.nvml.links import GpuLinks, HostLinks, NvLink, Pair, Platform, RdmaNic

if TYPE_CHECKING:
    from gpualloc.fleet.catalogue import Kind
    from gpualloc.nvml.features import Features
    from gpualloc.nvml.host import MigProfile

__all__ = ["cluster_of", "gpu_uuid", "host_of"]

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "fleet.gpualloc")
_VENDOR: Final = 0x10DE
_TO_GPU, _TO_SWITCH = 0, 2
_COMPLETED: Final = 3
_PEERS: Final = 0


def gpu_uuid(node: str, index: int) -> str:
    """The UUID of a GPU, always the same for the same node."""
    return f"GPU-{uuid.uuid5(_NAMESPACE, f'{node}/gpu/{index}')}"


def cluster_of(rack: str) -> str:
    """The UUID of a rack's fabric, always the same for the same rack."""
    return str(uuid.uuid5(_NAMESPACE, f"{rack}/fabric"))


def host_of(kind: Kind, node: str, features: Features, *, rack: str = "", tray: int = 0) -> Host:
    """The machine as it would be read where everything is asked.

    Args:
        kind: Which machine.
        node: Its name, from which the UUIDs are made.
        features: What will be published; profiles are there only for dynamic MIG.
        rack: Name of its rack, where that has a fabric.
        tray: Its number in the rack.

    Raises:
        InvalidInputError: if dynamic MIG needs figures that nobody has published.
    """
    data = kind.data
    gpu = data["gpu"]
    profiles: tuple[MigProfile, ...] = ()
    if features.dynamic_mig and gpu["mig_mode"] is not None and mig.switches_freely(_bare(gpu)):
        profiles = mig.profiles_from_table(gpu["name"], gpu["memory_bytes"], pci_device_id=data["pci"]["device"])
    gpus = tuple(
        Gpu(
            index=index,
            minor=index,
            uuid=gpu_uuid(node, index),
            name=gpu["name"],
            brand=gpu["brand"],
            architecture=gpu["architecture"],
            compute_capability=tuple(gpu["compute_capability"]),
            memory_bytes=gpu["memory_bytes"],
            bus_id=one["path"][-1],
            pcie_root=one["path"][0],
            numa_nodes=_numa(one),
            addressing_mode=gpu["addressing_mode"],
            mig_mode=gpu["mig_mode"],
            virtualization_mode=0,
            module_id=one["module"],
            fabric=_fabric(data, rack),
            profiles=profiles,
            links=GpuLinks(
                address=one["path"][-1],
                path=tuple(one["path"]),
                memory_numa_node=one["memory_numa_node"],
                nvlinks=_nvlinks(data, index),
                platform=_platform(data, rack, tray, one["module"]),
            ),
        )
        for index, one in enumerate(data["each"])
    )
    return Host(
        driver_version=data["system"]["driver_version"],
        cuda_driver_version=data["system"]["cuda_driver_version"],
        gpus=gpus,
        pci_gpus=_pci_gpus(data) if features.vfio else (),
        iommufd=data["iommufd"],
        confidential=_confidential(data) if features.confidential else None,
        links=HostLinks(pairs=_pairs(data), nics=_nics(data)),
    )


def _bare(gpu: dict[str, Any]) -> Gpu:
    return Gpu(index=0, minor=0, uuid="", architecture=gpu["architecture"])


def _numa(one: dict[str, Any]) -> tuple[int, ...]:
    return () if one["numa_node"] is None else (one["numa_node"],)


def _pci_gpus(data: dict[str, Any]) -> tuple[PciGpu, ...]:
    found = (
        PciGpu(
            bus_id=one["path"][-1],
            vendor=_VENDOR,
            device=data["pci"]["device"],
            addressable_bytes=data["pci"]["addressable_bytes"],
            pcie_root=one["path"][0],
            numa_nodes=_numa(one),
        )
        for one in data["each"]
    )
    return tuple(sorted(found, key=lambda one: one.bus_id))


def _confidential(data: dict[str, Any]) -> Confidential:
    return Confidential(gpus=len(data["each"]), switches=tuple(data["switches"]), **data["confidential"])


# --- links ------------------------------------------------------------------------------------------------------------


def _fabric(data: dict[str, Any], rack: str) -> Fabric | None:
    if data["fabric"] is None:
        return None
    cluster = cluster_of(rack) if data["fabric"] == "rack" else NO_CLUSTER
    return Fabric(state=_COMPLETED, status=0, cluster_uuid=cluster, clique_id=data.get("clique_id", 0))


def _platform(data: dict[str, Any], rack: str, tray: int, module: int) -> Platform | None:
    if data["fabric"] != "rack":
        return None
    # Thirteen digits, as serial numbers of such racks have.
    serial = str(uuid.uuid5(_NAMESPACE, f"{rack}/chassis").int % 10**13).zfill(13)
    return Platform(chassis_serial=serial, slot=tray, tray=tray, host=1, peer_type=1, module=module)


def _nvlinks(data: dict[str, Any], index: int) -> tuple[NvLink, ...]:
    nvlink: dict[str, Any] = data["nvlink"] or {}
    if "switch" in nvlink:
        return tuple(NvLink(link=link, remote_type=_TO_SWITCH) for link in range(nvlink["switch"]))
    addresses = [one["path"][-1] for one in data["each"]]
    towards: list[str] = []
    for one, other, links in nvlink.get("pairs", []):
        if index in (one, other):
            towards += [addresses[other if index == one else one]] * links
    return tuple(NvLink(link=link, remote_type=_TO_GPU, remote_address=address) for link, address in enumerate(towards))


def _nics(data: dict[str, Any]) -> tuple[RdmaNic, ...]:
    return tuple(
        RdmaNic(name=f"mlx5_{number}", address=one["path"][-1], path=tuple(one["path"]), numa_node=one["numa_node"])
        for number, one in enumerate(data.get("nics", []))
    )


def _pairs(data: dict[str, Any]) -> tuple[Pair, ...]:
    nvlink: dict[str, Any] = data["nvlink"] or {}
    linked = {(one, other) for one, other, _ in nvlink.get("pairs", [])}
    return tuple(
        Pair(
            first=one,
            second=other,
            level=data["levels"][one][other],
            peers=_PEERS if "switch" in nvlink or (one, other) in linked else None,
        )
        for one, other in combinations(range(len(data["each"])), 2)
    )
