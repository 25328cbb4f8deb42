"""A host's NVIDIA GPUs as plain data: what NVML and sysfs said, in NVML's own codes.

Frozen values that compare, hash and travel as JSON; one can be written by hand. Nothing here asks a host and nothing is
interpreted: what codes mean is the business of :mod:`gpualloc.nvml.words`. Where a value is `None` the host did not say
it; if it should have, :attr:`Host.left_out` says why. Start at :class:`Host`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gpualloc.links.table import clique_name
from gpualloc.nvml.links import GpuLinks, HostLinks  # noqa: TC001  # `document` reads the types of fields

__all__ = [
    "NO_CLUSTER",
    "Confidential",
    "Event",
    "Fabric",
    "Gpu",
    "Host",
    "LeftOut",
    "MigDevice",
    "MigProfile",
    "PciGpu",
    "Placement",
]

NO_CLUSTER: Final = "00000000-0000-0000-0000-000000000000"
"""The cluster of a fabric that ends at the machine's own switches."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is missing from what was found, and why."""

    what: str
    """The thing: `GPU 6`, `gpu-0 attribute brand`, `MIG device 3 of gpu-1`."""
    call: str
    """The NVML function that failed, or the file that could not be read; empty where a rule decided."""
    code: int | None
    """NVML's return code; `None` where no NVML call failed."""
    error: str
    """NVML's text of the error, or the reason."""

    def __str__(self) -> str:
        code = "" if self.code is None else f" (NVML error {self.code})"
        return ": ".join(part for part in (self.what, self.call, self.error) if part) + code


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a GPU instance lies, in memory slices."""

    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MigProfile:
    """One GPU-instance profile of a card."""

    index: int
    """The number of the kind of profile, the same on all cards: the argument of NVML's profile-info call."""
    id: int
    """The card's own number of the profile (19, 14, 9 …), which names and placements use."""
    multiprocessors: int
    copy_engines: int
    decoders: int
    encoders: int
    jpeg_engines: int
    ofa_engines: int
    memory_mib: int
    """MiB of device memory of one instance."""
    placements: tuple[Placement, ...] = ()
    """All legal placements; empty where nobody asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigDevice:
    """A MIG device that exists: one compute instance that fills its GPU instance."""

    uuid: str
    profile: MigProfile
    gpu_instance: int
    compute_instance: int
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """What a GPU knows of its NVLink fabric."""

    state: int
    """0 not supported, 1 not started, 2 in progress, 3 completed."""
    status: int
    """An NVML return code; means something only when the state is completed."""
    cluster_uuid: str
    """:data:`NO_CLUSTER` on a machine whose fabric ends at its own switches."""
    clique_id: int
    health_mask: int | None = None
    """NVML's bits for what is wrong, two for each; `None` where an older driver has none."""

    @property
    def clique(self) -> str | None:
        """The clique's name; nothing where the fabric ends at the machine's own switches."""
        return None if self.cluster_uuid == NO_CLUSTER else clique_name(self.cluster_uuid, self.clique_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU that NVML lists."""

    index: int
    """NVML's index. It changes when a GPU falls off the bus; never a name for anything."""
    minor: int
    """N of `/dev/nvidiaN`, from which device names are made."""
    uuid: str
    name: str | None = None
    brand: int | None = None
    architecture: int | None = None
    compute_capability: tuple[int, int] | None = None
    memory_bytes: int | None = None
    """Total bytes as NVML's first memory call counts them; `None` on integrated GPUs that have none of their own."""
    bus_id: str | None = None
    """PCI address as sysfs writes it, `0000:07:00.0`."""
    pcie_root: str | None = None
    """`pci0000:00`"""
    numa_nodes: tuple[int, ...] = ()
    """The card's NUMA node, then those of the same socket at the least distance; empty where sysfs names none."""
    addressing_mode: int | None = None
    mig_mode: bool | None = None
    """Whether MIG mode is on; `None` where the card cannot do MIG."""
    virtualization_mode: int | None = None
    """Read only for dynamic MIG."""
    module_id: int | None = None
    """Read only with the Fabric Manager."""
    monitored: bool = True
    """Whether health events can be had."""
    fabric: Fabric | None = None
    """Read only for compute domains, links and confidential computing."""
    profiles: tuple[MigProfile, ...] = ()
    """Profiles with their placements; read only for dynamic MIG."""
    mig_devices: tuple[MigDevice, ...] = ()
    """MIG devices that exist; read only where they are what is published."""
    protected_kib: int | None = None
    """KiB of memory under confidential computing; read only where that is on."""
    unprotected_kib: int | None = None
    """KiB of memory outside it; read only where that is on."""
    links: GpuLinks | None = None
    """Read only where links are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PciGpu:
    """An NVIDIA GPU on the PCI bus, whether NVML lists it or not. Read only for passthrough."""

    bus_id: str
    vendor: int
    device: int
    addressable_bytes: int
    """Sum of the 64-bit memory regions, rounded up to a power of two."""
    pcie_root: str | None = None
    numa_nodes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidential:
    """What is known of confidential computing, which is one state for the whole system and not for single GPUs."""

    cpu_caps: int | None = None
    """0 none, 1 SEV, 2 TDX, 3 SEV-SNP, 4 SNP with vTOM."""
    gpu_caps: int | None = None
    """1 where the GPUs are capable of it."""
    environment: int | None = None
    """0 unavailable, 1 simulated, 2 production."""
    feature: int | None = None
    """1 where it is on; in protected PCIe NVML says 0 or 1."""
    devtools: int | None = None
    """1 where debuggers and profilers are let in."""
    multi_gpu: int | None = None
    """0 none, 1 protected PCIe, 2 encrypted NVLink; `None` also where the driver is too old to know of them."""
    ready: int | None = None
    """1 where the GPUs accept work; read only where confidential computing is on."""
    gpus: int | None = None
    """How many GPUs NVML lists, those that could not be read included; `None` without NVML."""
    switches: tuple[str, ...] = ()
    """PCI addresses of the NVSwitches."""
    label: str | None = None
    """What the node's label says; used only where NVML does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A health event: a critical XID, or (without `xid`) the loss of a GPU, which taints all devices."""

    gpu: str = ""
    """UUID of the GPU that the XID is about; empty for a loss."""
    xid: int | None = None
    gpu_instance: int | None = None
    """Of the MIG device that the XID is about; `None` for the whole GPU."""
    compute_instance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Everything about a machine that its ResourceSlices and its link table are made of."""

    driver_version: str | None = None
    """As NVML says it: `580.126.20`."""
    cuda_driver_version: int | None = None
    """1000 times the major plus 10 times the minor version."""
    gpus: tuple[Gpu, ...] = ()
    """In NVML's order, without those that could not be read."""
    pci_gpus: tuple[PciGpu, ...] = ()
    """By PCI address."""
    pci_unread: int = 0
    """How many more there are at least, which could not be read."""
    iommufd: bool = False
    """Whether `/dev/iommu` is there."""
    own_fabric: bool = False
    """Whether the machine has NVSwitches for the Fabric Manager; read only where both that and the fabric are asked
    for."""
    events: tuple[Event, ...] = ()
    """In the order in which they happened."""
    confidential: Confidential | None = None
    """Read only for confidential computing."""
    links: HostLinks | None = None
    """Read only where links are asked for."""
    left_out: tuple[LeftOut, ...] = ()
