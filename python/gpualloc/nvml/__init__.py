"""Finds a machine's NVIDIA GPUs and says of them what the NVIDIA DRA driver would publish.

:func:`discover` asks NVML and sysfs once, changes nothing, and returns the ResourceSlices with everything that had to
be left out, and why. It needs `nvidia-ml-py` (extra `nvml`), a driver, and no cluster. Its two steps are there by
themselves: :func:`read_host` makes plain data of a machine, :func:`publish` makes slices of plain data, which
:func:`to_document` writes and :func:`from_document` reads. It never allocates anything and never prepares a device.

Where the driver's order of devices is random, ours is by PCI address, then name. Where one bad GPU keeps the driver
from publishing anything, the sound rest is published and the other named in :attr:`Discovery.left_out`.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

from gpualloc._errors import DiscoveryError, InvalidInputError
from gpualloc._native import Inventory
from gpualloc.nvml import confidential
from gpualloc.nvml.classes import DEVICE_CLASSES
from gpualloc.nvml.compute_domain import CLIQUE_LABEL, clique
from gpualloc.nvml.confidential import Attestation, Verdict
from gpualloc.nvml.document import from_document, to_document
from gpualloc.nvml.features import FeatureOptions, Features, Partition, Shares, partitions_from
from gpualloc.nvml.health import event_from
from gpualloc.nvml.host import Confidential, Event, Fabric, Gpu, Host, LeftOut, MigDevice, MigProfile, PciGpu, Placement
from gpualloc.nvml.link_table import link_table
from gpualloc.nvml.links import GpuLinks, HostLinks, NvLink, Pair, Platform, RdmaNic
from gpualloc.nvml.read import HOST_ROOT, read_host
from gpualloc.nvml.slices import NO_UID, Publication, publish, publish_compute_domain
from gpualloc.nvml.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpualloc.links import LinkTable

__all__ = [
    "DEVICE_CLASSES",
    "HOST_ROOT",
    "NO_UID",
    "Attestation",
    "Confidential",
    "Discovery",
    "DiscoveryError",
    "Event",
    "Fabric",
    "FeatureOptions",
    "Features",
    "Gpu",
    "GpuLinks",
    "Host",
    "HostLinks",
    "LeftOut",
    "Links",
    "MigDevice",
    "MigProfile",
    "NvLink",
    "Pair",
    "Partition",
    "PciGpu",
    "Placement",
    "Platform",
    "Publication",
    "RdmaNic",
    "Shares",
    "Verdict",
    "confidential",
    "discover",
    "discover_links",
    "event_from",
    "from_document",
    "link_table",
    "partitions_from",
    "publish",
    "publish_compute_domain",
    "read_host",
    "to_document",
    "visible",
]


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found on a machine."""

    host: Host
    """What NVML and sysfs said."""
    slices: tuple[dict[str, Any], ...]
    """ResourceSlices in the API's form, ready for :meth:`gpualloc.Inventory.from_documents`."""
    node: dict[str, Any]
    """The Node, with the label of its NVLink clique where that was asked for and there is one."""
    left_out: tuple[LeftOut, ...]
    """What is missing from the slices, and why. Empty on a sound machine."""
    links: LinkTable | None
    """What lies between the GPUs, which no slice can say; `None` where nobody asked for it."""
    objections: tuple[str, ...]
    """Why an API server would refuse the slices, which are as the driver makes them; see `within_limits`."""
    calls: int
    """How many NVML calls it took."""

    @property
    def classes(self) -> tuple[dict[str, Any], ...]:
        """The DeviceClasses of the driver's chart; with `confidential` those of composite devices, too."""
        return DEVICE_CLASSES if self.host.confidential is None else (*DEVICE_CLASSES, *confidential.DEVICE_CLASSES)

    def inventory(self) -> Inventory:
        """The machine to allocate from, with :attr:`classes`."""
        return Inventory.from_documents([*self.classes, self.node, *self.slices])


def discover(  # noqa: PLR0913  # each is one thing to ask for
    node_name: str | None = None,
    *,
    events: Iterable[str] = (),
    compute_domain: bool = False,
    links: bool = False,
    node_uid: str = NO_UID,
    node_labels: Mapping[str, str] | None = None,
    attestation: Attestation | None = None,
    host_root: str | os.PathLike[str] | None = None,
    **features: Unpack[FeatureOptions],
) -> Discovery:
    """Reads this machine's GPUs and publishes them as the NVIDIA DRA driver would.

    Args:
        node_name: Name of node and pool; default `$NODE_NAME`, else the host's name in lower case.
        events: Health events that somebody else saw, in order, as :func:`event_from` reads them, beside those that are
            pending in NVML.
        compute_domain: Publish what the compute-domain driver publishes, instead of GPUs, and find the clique. Of the
            features `fabric_manager` means something then: GPUs may wait for their partition.
        links: Ask what lies between the GPUs too: :attr:`Discovery.links`.
        node_uid: UID of the Node, which owns the slices. A cluster needs the real one: it deletes what belongs to
            nobody.
        node_labels: Labels of the Node. With `confidential` the label `nvidia.com/cc.mode` says what NVML does not, and
            with `vfio` a host whose GPUs are all in virtual machines needs no NVML then.
        attestation: With `confidential`: verdicts, and the time at which they are looked at.
        host_root: Where the host's `sys` and `dev` are, default `$GPUALLOC_HOST_ROOT`, else `/`.
        **features: What the driver's gates and flags would be: the fields of :class:`Features`, such as
            `dynamic_mig=True` or `shares="memory"`.

    Raises:
        DiscoveryError: if nothing can be found at all, with the NVML call and its error.
        InvalidInputError: for a node name or an event that is none, events without health, or features that exclude
            each other or mean nothing for what is asked.
    """
    wanted = Features(**features)
    events = tuple(events)
    if events and not wanted.health:
        raise InvalidInputError("mean nothing without health", "", "events")
    if compute_domain and wanted != Features(kubernetes=wanted.kubernetes, fabric_manager=wanted.fabric_manager):
        raise InvalidInputError("publishes no GPUs, so that features of GPUs mean nothing", "", "compute_domain")
    if attestation is not None and not wanted.confidential:
        raise InvalidInputError("means nothing without confidential", "", "attestation")
    node = _node(node_name)
    mode = confidential.label_in(node_labels or {}, node) if wanted.confidential else None
    host, calls = read_host(
        wanted,
        fabric=compute_domain,
        links=links,
        host_root=host_root,
        without_nvml=wanted.vfio and mode is not None,
    )
    if host.confidential is not None:
        host = replace(host, confidential=replace(host.confidential, label=mode))
    host = replace(host, events=(*host.events, *(event_from(text, host.gpus) for text in events)))
    labels = dict(node_labels or {})
    if compute_domain:
        made = publish_compute_domain(host, node, node_uid=node_uid)
        found = clique(host)
        labels |= {} if found is None else {CLIQUE_LABEL: found}
    else:
        made = publish(host, node, wanted, node_uid=node_uid, attestation=attestation)
    table, missing = link_table(host, node) if links else (None, ())
    return Discovery(
        host=host,
        slices=made.slices,
        node={"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}},
        left_out=(*host.left_out, *made.left_out, *missing),
        links=table,
        objections=made.objections,
        calls=calls,
    )


@dataclass(frozen=True, slots=True)
class Links:
    """What was found between a machine's GPUs."""

    table: LinkTable
    left_out: tuple[LeftOut, ...]
    """What is missing from the table, and why."""
    calls: int
    """How many NVML calls it took."""


def discover_links(node_name: str | None = None, *, host_root: str | os.PathLike[str] | None = None) -> Links:
    """Reads what lies between this machine's GPUs, and nothing else; with the slices it is `discover(links=True)`.

    Args:
        node_name: As for :func:`discover`.
        host_root: As for :func:`discover`.

    Raises:
        DiscoveryError: if nothing can be found at all, with the NVML call and its error.
    """
    host, calls = read_host(Features(), links=True, parts=False, host_root=host_root)
    table, missing = link_table(host, _node(node_name))
    return Links(table, (*host.left_out, *missing), calls)


def _node(name: str | None) -> str:
    return os.environ.get("NODE_NAME") or socket.gethostname().lower() if name is None else name
