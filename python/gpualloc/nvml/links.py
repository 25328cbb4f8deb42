"""What lies between a host's GPUs as plain data: what NVML and sysfs said, in their own codes.

Frozen values, as :mod:`gpualloc.nvml.host` has them; read only where somebody wants the links. Nothing is interpreted
here. Start at :class:`HostLinks` and :class:`GpuLinks`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GpuLinks", "HostLinks", "NvLink", "Pair", "Platform", "RdmaNic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NvLink:
    """One NVLink of a GPU that is up."""

    link: int
    remote_type: int | None = None
    """0 a GPU, 1 a processor, 2 a switch; `None` where the driver cannot say it."""
    remote_address: str | None = None
    """PCI address of what it leads to, `0000:07:00.0`; read only where that may be a GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Where a GPU is in its rack."""

    chassis_serial: str
    """Empty where the driver has none."""
    slot: int
    tray: int
    host: int
    peer_type: int
    """0 where its NVLinks lead to GPUs, 1 where they lead to switches."""
    module: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuLinks:
    """What leads from one GPU, and where it is."""

    address: str | None = None
    """PCI address as NVML's numbers give it, whatever its domain."""
    path: tuple[str, ...] = ()
    """Root, bridges and the GPU itself in the kernel's tree of buses; empty where sysfs does not show it."""
    cpus: str | None = None
    """The processors near it, `0-15,32-47`."""
    memory_numa_node: int | None = None
    """The NUMA node that its own memory is, on coherent machines."""
    nvlinks: tuple[NvLink, ...] | None = ()
    """Those that are up; `None` where NVML did not say which are."""
    platform: Platform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What NVML says of two GPUs."""

    first: int
    """NVML's index, the lower of the two."""
    second: int
    level: int | None = None
    """What lies between: 0 a board, 10 a bridge, 20 bridges, 30 a host bridge, 40 several of them, 50 NUMA nodes."""
    peers: int | None = None
    """Whether they reach each other by NVLink: 0 if so, else why not. Asked only where both have links that could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RdmaNic:
    """One RDMA network device of the kernel."""

    name: str
    address: str
    path: tuple[str, ...] = ()
    numa_node: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLinks:
    """What lies between the GPUs and NICs of a host."""

    pairs: tuple[Pair, ...] = ()
    nics: tuple[RdmaNic, ...] = ()
    """By name, numbers in names counted as such."""
    only_numa_node: int | None = None
    """The machine's NUMA node where it has only one, so that all is near to all."""
