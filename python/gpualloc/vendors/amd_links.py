"""The link table of an AMD host: xGMI between its GPUs or partitions, beside the slices that its driver publishes.

Made of a host's description and of its links, both as :mod:`gpualloc.vendors.amd_sysfs` reads them. Reads nothing.
Start at :func:`link_table`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpualloc._errors import InvalidInputError
from gpualloc.links import Device, LinkTable, PcieLevel, Place, level_between
from gpualloc.vendors import produce

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpualloc.vendors.amd_sysfs import Link

__all__ = ["link_table"]

DRIVER = "gpu.amd.com"


def link_table(description: Mapping[str, Any], links: Iterable[Link]) -> LinkTable:
    """What lies between the devices of a host; how fast a link is, only where the kernel says so.

    Args:
        description: Of the host, for :func:`gpualloc.vendors.produce`.
        links: Its links; those from or to other devices are passed over.

    Raises:
        InvalidInputError: for a description that is none, or one in auto-partition, where devices are made when they
            are allocated.
    """
    produce(description)  # which refuses what is no description
    if description.get("mode", "static") != "static":
        raise InvalidInputError("devices that do not exist yet have no links", description["node"], "mode")
    rows = [(gpu, one) for gpu in description.get("gpus", []) for one in gpu.get("devices", [])]
    found = {frozenset((one.source, one.target)): one.megabytes_per_second for one in links}
    keys = [f"renderD{one['render']}" for _, one in rows]
    between = [[None if a == b else found.get(frozenset((a, b))) for b in keys] for a in keys]
    return LinkTable(
        node=description["node"],
        driver=DRIVER,
        devices=tuple(
            Device(
                name=f"gpu-{one['card']}-{one['render']}",
                label=f"GPU{number}",
                product=gpu.get("product"),
                pci_bus_id=gpu["pci"],
                numa_node=gpu.get("numaNode"),
            )
            for number, (gpu, one) in enumerate(rows)
        ),
        links=tuple(tuple(0 if speed is None else 1 for speed in row) for row in between),
        bandwidth=tuple(tuple(0 if speed is None else speed or None for speed in row) for row in between),
        pcie=tuple(tuple(_level(a, b) for b, _ in rows) for a, _ in rows),
    )


def _level(one: Mapping[str, Any], other: Mapping[str, Any]) -> PcieLevel | None:
    """As far as root and NUMA node tell: below one root nobody has said which bridges there are."""
    if one["pci"] == other["pci"]:
        return PcieLevel.BOARD
    if one.get("pcieRoot") == other.get("pcieRoot"):
        return None
    return level_between(_place(one), _place(other))


def _place(gpu: Mapping[str, Any]) -> Place:
    root: str | None = gpu.get("pcieRoot")
    return Place(None if root is None else (root, gpu["pci"]), gpu.get("numaNode"))
