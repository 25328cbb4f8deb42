"""The links of a fleet's AMD machines. Data of a kind: `xgmi`, MB/s of the one link between each two GPUs, or null."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from gpualloc.vendors.amd_links import link_table
from gpualloc.vendors.amd_sysfs import Link

if TYPE_CHECKING:
    from gpualloc.fleet.catalogue import Kind
    from gpualloc.links import LinkTable

__all__ = ["amd_links"]


def amd_links(kind: Kind, node: str) -> LinkTable:
    """The link table of a machine: each GPU linked with each."""
    description: dict[str, Any] = {"vendor": kind.vendor, "node": node, **kind.data["description"]}
    renders = [f"renderD{one['render']}" for gpu in description["gpus"] for one in gpu["devices"]]
    speed = kind.data["xgmi"] or 0
    return link_table(description, [Link(one, other, 0, speed) for one, other in combinations(renders, 2)])
