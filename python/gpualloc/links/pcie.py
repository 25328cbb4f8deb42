"""The PCIe level between two devices, by where the kernel has them below its tree of buses.

A pure function over paths; reads nothing. The levels are those that `nvidia-smi topo -m` prints. Start at
:func:`level_between`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpualloc.links.table import PcieLevel

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Place", "level_between"]


class Place(NamedTuple):
    """Where a device is."""

    path: Sequence[str] | None
    """Root, bridges, device: `("pci0000:00", "0000:00:01.0", "0000:01:00.0")`; `None` where the kernel does not say."""
    numa_node: int | None


def level_between(a: Place, b: Place) -> PcieLevel | None:
    """How far apart two devices are; `None` where that cannot be known.

    Below one root the bridges that are not common to both count: at most one on each side is one switch.
    """
    if not a.path or not b.path or a.path[0] != b.path[0]:
        if a.numa_node is None or b.numa_node is None:
            return None
        if a.numa_node != b.numa_node:
            return PcieLevel.SYS
        return PcieLevel.NODE if a.path and b.path else None
    common = 0
    while common < min(len(a.path), len(b.path)) and a.path[common] == b.path[common]:
        common += 1
    if common == 1:
        return PcieLevel.PHB
    # The last part is the device itself; what lies before it below the common bridge is crossed.
    crossed = max(len(a.path), len(b.path)) - common - 1
    return PcieLevel.PIX if crossed <= 1 else PcieLevel.PXB
