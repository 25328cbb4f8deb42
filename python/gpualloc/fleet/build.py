"""Machines of a fleet: their names, Nodes, slices and links.

The documents of a kind are made once, by what makes them for any host, for a machine whose name, rack and UUIDs are
tokens; each machine's are that text with its own. So slices are what discovery would give, and a thousand machines cost
little. Decides nothing about slices. Start at :func:`machines`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from gpualloc.fleet.amd import amd_links
from gpualloc.fleet.nvidia import cluster_of, gpu_uuid, host_of
from gpualloc.nvml.compute_domain import CLIQUE_LABEL, clique
from gpualloc.nvml.link_table import link_table
from gpualloc.nvml.slices import publish, publish_compute_domain
from gpualloc.vendors import produce

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpualloc.fleet.catalogue import Kind
    from gpualloc.links import LinkTable
    from gpualloc.nvml.features import Features
    from gpualloc.nvml.host import Host

__all__ = ["DOMAIN", "FleetHost", "machines"]

Json: TypeAlias = dict[str, Any]
DOMAIN: Final = "fleet.gpualloc"
"""Of the labels that say what in a fleet a Node is: `kind`, `rack` and `tray`."""
_NVIDIA: Final = "nvidia"
_LABEL: Final = 63
_NODE, _RACK, _TRAY = "fleet-token-node", "fleet-token-rack", "fleet-token-tray"


@dataclass(frozen=True, slots=True)
class FleetHost:
    """One machine."""

    name: str
    """Of the Node and its pool."""
    kind: Kind
    rack: str
    """The rack whose fabric it belongs to; empty where it has none."""
    tray: int
    """Its number in the rack, from 1."""
    features: Features
    compute_domains: bool

    def text(self) -> str:
        """The documents as JSON, separated by commas."""
        made = _template(self.kind, self.features, compute_domains=self.compute_domains)
        text = made.text.replace(_NODE, self.name)
        if self.rack:
            text = text.replace(_RACK, self.rack).replace(_TRAY, str(self.tray))
            text = text.replace(cluster_of(_RACK), cluster_of(self.rack))
        for index, token in enumerate(made.uuids):
            text = text.replace(token, gpu_uuid(self.name, index))
        return text

    def documents(self) -> list[Json]:
        """The Node, then the slices."""
        found: list[Json] = json.loads(f"[{self.text()}]")
        return found

    def node(self) -> Json:
        """The Node, with its labels: kind, rack and tray, the vendor's, and the clique."""
        return self.documents()[0]

    def slices(self) -> list[Json]:
        """What its drivers publish: the same as discovery on such a machine."""
        return self.documents()[1:]

    def host(self) -> Host | None:
        """An NVIDIA machine as it would be read; nothing for other vendors."""
        if self.kind.vendor != _NVIDIA:
            return None
        return host_of(self.kind, self.name, self.features, rack=self.rack, tray=self.tray)

    def links(self) -> LinkTable | None:
        """What lies between its GPUs; nothing where nobody says so."""
        host = self.host()
        if host is not None:
            return link_table(host, self.name)[0]
        return amd_links(self.kind, self.name) if self.kind.vendor == "amd" else None


def machines(kind: Kind, first: int, count: int, features: Features, *, compute_domains: bool) -> Iterator[FleetHost]:
    """So many of a kind, numbered from `first` on: `dgx-h100-1`, and in racks `gb200-nvl72-1-t01`."""
    for number in range(first, first + count):
        name = f"{kind.name}-{number}"
        if kind.hosts == 1:
            yield FleetHost(name, kind, "", 0, features, compute_domains)
            continue
        for tray in range(1, kind.hosts + 1):
            yield FleetHost(f"{name}-t{tray:02}", kind, name, tray, features, compute_domains)


class _Template(NamedTuple):
    text: str
    uuids: tuple[str, ...]


@cache
def _template(kind: Kind, features: Features, *, compute_domains: bool) -> _Template:
    labels = {"kubernetes.io/hostname": _NODE, f"{DOMAIN}/kind": kind.name} | kind.labels
    if kind.hosts > 1:
        labels |= {f"{DOMAIN}/rack": _RACK, f"{DOMAIN}/tray": _TRAY}
    if kind.vendor == _NVIDIA:
        host = host_of(kind, _NODE, features, rack=_RACK)
        labels |= _discovered(host)
        slices = list(publish(host, _NODE, features).slices)
        if compute_domains and clique(host) is not None:
            slices += publish_compute_domain(host, _NODE).slices
        uuids = tuple(gpu.uuid for gpu in host.gpus)
    else:
        slices = list(produce({"vendor": kind.vendor, "node": _NODE, **kind.data["description"]}).slices)
        uuids = ()
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": _NODE, "labels": labels}}
    text = ",".join(json.dumps(one, separators=(",", ":")) for one in (node, *slices))
    return _Template(text, uuids)


def _discovered(host: Host) -> dict[str, str]:
    """The labels that GPU feature discovery and the compute-domain driver give a node."""
    gpu = host.gpus[0]
    labels = {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.count": str(len(host.gpus))}
    if gpu.name is not None:
        labels["nvidia.com/gpu.product"] = gpu.name.replace(" ", "-")[:_LABEL]
    if gpu.memory_bytes is not None:
        labels["nvidia.com/gpu.memory"] = str(gpu.memory_bytes >> 20)
    found = clique(host)
    return labels if found is None else labels | {CLIQUE_LABEL: found}
