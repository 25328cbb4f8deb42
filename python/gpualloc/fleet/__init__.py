"""A cluster from a line of text: `40 DGX H100, 9 GB200 NVL72, 20 MI300X, 8 TPU v6e`.

For planning, tests, demos and benches: every machine has the slices that discovery would give on it, the links between
its GPUs, its fabric and its labels. Deterministic: the same text gives the same names, UUIDs and bytes. No machine is
asked, nothing is random, and nothing is allocated here. What kinds of machine there are is data, in `data/`; a number
that is realistic but made up is named there. Start at :func:`describe`.

>>> fleet = describe("2 dgx-h100, 1 gb200-nvl72")
>>> len(fleet.hosts), fleet.hosts[2].name
(20, 'gb200-nvl72-1-t01')
>>> fleet.inventory().nodes[0]
'dgx-h100-1'
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from gpualloc._native import Inventory
from gpualloc.fleet.build import FleetHost, machines
from gpualloc.fleet.catalogue import Kind, kind, kinds
from gpualloc.fleet.classes import device_classes
from gpualloc.fleet.parse import Group, groups_from
from gpualloc.nvml.features import Features

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpualloc.nvml.features import FeatureOptions

__all__ = ["Fleet", "FleetHost", "Group", "Kind", "describe", "kind", "kinds", "machines"]

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Machines, in the order of the text."""

    groups: tuple[Group, ...]
    """What was asked for."""
    hosts: tuple[FleetHost, ...]

    def documents(self, *, classes: bool = True) -> list[Json]:
        """DeviceClasses of the vendors' charts, then for each machine its Node and its ResourceSlices."""
        found: list[Json] = json.loads(self.json(classes=classes))["items"]
        return found

    @property
    def slices(self) -> list[Json]:
        """The ResourceSlices of all machines."""
        return [one for one in self.documents(classes=False) if one["kind"] == "ResourceSlice"]

    def inventory(self, *, classes: bool = True) -> Inventory:
        """All of it, to allocate from."""
        return Inventory.from_documents(self.json(classes=classes))

    def json(self, *, classes: bool = True) -> bytes:
        """The documents as one List."""
        first = device_classes({host.kind.vendor for host in self.hosts}) if classes else ()
        items = [*(json.dumps(one, separators=(",", ":")) for one in first), *(host.text() for host in self.hosts)]
        return f'{{"apiVersion":"v1","kind":"List","items":[{",".join(items)}]}}'.encode()


def describe(text: str, *, compute_domains: bool = False, **features: Unpack[FeatureOptions]) -> Fleet:
    """The machines of a description.

    Args:
        text: Numbers and kinds of machine, separated by commas: `40 x DGX H100, 9 gb200-nvl72`. Of racks it is the
            number of racks. Kinds: :func:`kinds`.
        compute_domains: Publish what the compute-domain driver publishes too, on machines with a fabric of their own.
        **features: As for :func:`gpualloc.nvml.discover`, on NVIDIA machines. No machine has health events, MIG
            devices that exist, or anything but confidential computing switched off.

    Raises:
        InvalidInputError: for text that is no description, with the part at fault, an unknown kind, or features that
            exclude each other or need figures that nobody has published.
    """
    wanted = Features(**features)
    groups = groups_from(text)
    return Fleet(groups, tuple(_hosts(groups, wanted, compute_domains=compute_domains)))


def _hosts(groups: tuple[Group, ...], wanted: Features, *, compute_domains: bool) -> Iterator[FleetHost]:
    seen: dict[str, int] = {}
    for group in groups:
        first = seen.get(group.kind, 0) + 1
        seen[group.kind] = first + group.number - 1
        yield from machines(kind(group.kind), first, group.number, wanted, compute_domains=compute_domains)
