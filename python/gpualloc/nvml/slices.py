"""ResourceSlices of a host: which devices a mode has, in which order, in which slices.

Pure. The order is by PCI address and then by name, where the driver's own is random. What passes a limit of the API is
spread over more slices; see :mod:`gpualloc.nvml.limits`. Start at :func:`publish`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from gpualloc._errors import InvalidInputError
from gpualloc.nvml import confidential, devices, health, mig
from gpualloc.nvml.compute_domain import DRIVER as COMPUTE_DOMAIN
from gpualloc.nvml.compute_domain import devices as domain_devices
from gpualloc.nvml.host import LeftOut
from gpualloc.nvml.limits import objections, within_limits
from gpualloc.nvml.pci_names import UNKNOWN, name_of
from gpualloc.nvml.words import ADDRESSING_MODES, ARCHITECTURES, BRANDS, semantic_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpualloc.nvml.confidential import Attestation
    from gpualloc.nvml.features import Features
    from gpualloc.nvml.host import Gpu, Host

__all__ = ["DRIVER", "NO_UID", "Publication", "publish", "publish_compute_domain"]

DRIVER = "gpu.nvidia.com"
NO_UID = "00000000-0000-0000-0000-000000000000"

Json: TypeAlias = dict[str, Any]
# What the API server does with generateName: at most so much of it, then five characters.
_PREFIX = 58
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_NODE_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Publication:
    """Slices, what they leave out, and what speaks against them."""

    slices: tuple[Json, ...]
    left_out: tuple[LeftOut, ...] = ()
    objections: tuple[str, ...] = ()
    """Why an API server would refuse slices that the driver makes nevertheless."""


def publish(
    host: Host, node: str, features: Features, *, node_uid: str = NO_UID, attestation: Attestation | None = None
) -> Publication:
    """The slices of driver `gpu.nvidia.com`, one pool named as the node.

    Raises:
        InvalidInputError: if the node's name is none, or for a host whose MIG devices cannot be named, or with two
            devices of one name.
    """
    noted = list(_unknown_words(host, features))
    host = confidential.without_mig(host, features, noted)
    gpus = sorted(host.gpus, key=lambda gpu: (gpu.bus_id is None, gpu.bus_id or "", gpu.minor))
    layout = _per_gpu if features.dynamic_mig else _in_one
    refused: list[str] = []
    specs = [
        part
        for spec in confidential.applied(layout(host, gpus, features, noted), host, features, attestation, noted)
        for part in within_limits(_acceptable(spec, features, noted, refused))
    ]
    names = Counter(device["name"] for spec in specs for device in spec.get("devices", []))
    if twice := next((name for name, count in names.items() if count > 1), None):
        raise InvalidInputError(f"two devices are called {twice}", "", "gpus")
    return Publication(_slices(DRIVER, node, node_uid, specs), tuple(noted), tuple(refused))


def publish_compute_domain(host: Host, node: str, *, node_uid: str = NO_UID) -> Publication:
    """The slice of driver `compute-domain.nvidia.com`.

    Raises:
        DiscoveryError: if the GPU driver is too old.
        InvalidInputError: if the node's name is none.
    """
    return Publication(_slices(COMPUTE_DOMAIN, node, node_uid, [{"devices": domain_devices(host)}]))


# --- layouts ----------------------------------------------------------------------------------------------------------


def _in_one(host: Host, gpus: Sequence[Gpu], features: Features, noted: list[LeftOut]) -> list[Json]:
    """All devices in one slice: whole GPUs, or the MIG devices of those in MIG mode, and passthrough devices."""
    made: list[tuple[str, Json]] = []
    published: dict[str, Gpu] = {}
    for gpu in gpus:
        if not gpu.mig_mode and gpu.bus_id is not None:
            published[gpu.bus_id] = gpu
        made += [(gpu.bus_id or "~", device) for device in _existing(host, gpu, features, noted)]
    for number, pci in enumerate(host.pci_gpus):
        made.append((pci.bus_id, devices.passthrough(host, number, pci, published.get(pci.bus_id), features)))
    made.sort(key=lambda one: (one[0], one[1]["name"]))
    taints = health.taints(host, features)
    noted += health.ignored(host)
    for _, device in made:
        if device["name"] in taints:
            device["taints"] = taints[device["name"]]
    return [{"devices": [device for _, device in made]}]


def _per_gpu(host: Host, gpus: Sequence[Gpu], features: Features, noted: list[LeftOut]) -> list[Json]:
    """A slice for each GPU; shared counters before them, or with them where the API server is old."""
    counters = {gpu.uuid: devices.counter_set(gpu) for gpu in gpus}
    of_gpus: list[Json] = []
    splits = features.splits_counters and any(gpu.mig_mode is not None for gpu in gpus)
    for gpu in gpus:
        spec: Json = {}
        own = counters[gpu.uuid]
        if own is not None and not splits:
            spec["sharedCounters"] = [own]
        spec["devices"] = sorted(_possible(host, gpu, features, noted), key=lambda device: device["name"])
        of_gpus.append(spec)
    if not splits:
        return of_gpus
    return [{"sharedCounters": [one for one in counters.values() if one is not None]}, *of_gpus]


def _existing(host: Host, gpu: Gpu, features: Features, noted: list[LeftOut]) -> list[Json]:
    if not gpu.mig_mode:
        return [devices.whole(host, gpu, features)]
    if not gpu.mig_devices:
        reason = "MIG mode is on and there is no MIG device to publish"
        noted.append(LeftOut(devices.device_name(gpu), "", None, reason))
    return [devices.instance(host, gpu, device, features) for device in gpu.mig_devices]


def _possible(host: Host, gpu: Gpu, features: Features, noted: list[LeftOut]) -> list[Json]:
    """The whole GPU if it can be had without a reset, and all partitions; else what exists."""
    if not gpu.profiles:
        if gpu.mig_mode and mig.is_partitionable(gpu):
            reason = "MIG mode is on and its partitions are unknown"
            noted.append(LeftOut(devices.device_name(gpu), "", None, reason))
            return []
        return _existing(host, gpu, features, noted)
    by_name: dict[str, Json] = {}
    for profile in gpu.profiles:
        for placement in profile.placements:
            device = devices.partition(host, gpu, profile, placement, features)
            by_name[device["name"]] = device
    found = list(by_name.values())
    if not gpu.mig_mode or mig.switches_freely(gpu):
        found.append(devices.whole(host, gpu, features))
    return found


# --- notes ------------------------------------------------------------------------------------------------------------


def _acceptable(spec: Json, features: Features, noted: list[LeftOut], refused: list[str]) -> Json:
    """The spec without what an API server refuses if that is asked for, else as it is and the objections noted."""
    kept: list[Json] = []
    for device in spec.get("devices", []):
        against = objections(device)
        if against and features.within_limits:
            noted.append(LeftOut(device["name"], "", None, "; ".join(against)))
            continue
        refused += [f"{device['name']}: {one}" for one in against]
        kept.append(device)
    return {**spec, "devices": kept} if "devices" in spec else spec


def _unknown_words(host: Host, features: Features) -> Iterator[LeftOut]:
    """Codes without a word, for which the driver publishes nothing at all: the attribute is left out."""
    for gpu in host.gpus:
        for attribute, code, words in (
            ("brand", gpu.brand, BRANDS),
            ("architecture", gpu.architecture, ARCHITECTURES),
            ("addressingMode", gpu.addressing_mode, ADDRESSING_MODES),
        ):
            if code is not None and code not in words:
                yield LeftOut(f"gpu-{gpu.minor} attribute {attribute}", "", None, f"no word is known for code {code}")
    if host.driver_version is not None and semantic_version(host.driver_version) is None:
        yield LeftOut("attribute driverVersion", "", None, f"{host.driver_version!r} is no semantic version")
    if features.vfio:
        for pci in host.pci_gpus:
            if name_of(pci.device) == UNKNOWN:
                reason = f"no PCI database here names device {pci.device:04x}; published as {UNKNOWN}"
                yield LeftOut(f"product name of the vfio device at {pci.bus_id}", "", None, reason)


# --- documents --------------------------------------------------------------------------------------------------------


def _slices(driver: str, node: str, node_uid: str, specs: Sequence[Json]) -> tuple[Json, ...]:
    if _NODE_NAME.fullmatch(node) is None:
        raise InvalidInputError(f"{node!r} is not a name that a Node can have", "", "node_name")
    owner = {"apiVersion": "v1", "controller": True, "kind": "Node", "name": node, "uid": node_uid}
    pool = {"generation": 1, "name": node, "resourceSliceCount": len(specs)}
    return tuple(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {**_names(f"{index:05x}-{driver}-{node}-"), "ownerReferences": [dict(owner)]},
            "spec": {"driver": driver, "nodeName": node, "pool": dict(pool), **spec},
        }
        for index, spec in enumerate(specs)
    )


def _names(prefix: str) -> Json:
    """A name of the form that the API server would make, but always the same one.

    Its five random characters are five times `x` here, which is one of the names it could give. Only where it would
    cut the prefix do they depend on the whole of it, because the names of two nodes may begin alike.
    """
    if len(prefix) <= _PREFIX:
        return {"generateName": prefix, "name": f"{prefix}xxxxx"}
    digest = hashlib.sha256(prefix.encode()).digest()
    tail = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:5])
    return {"generateName": prefix, "name": prefix[:_PREFIX] + tail}
