"""ResourceSlices of a host: which devices a mode has, in which order, in which slices.

Pure. The order is by PCI address and then by name, where the driver's own is random. What passes a limit of the API is
spread over more slices; what cannot be is published as the driver does, and noted. Start at :func:`publish`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from gpualloc._errors import InvalidInputError
from gpualloc.nvml import devices, health, mig
from gpualloc.nvml.compute_domain import DRIVER as COMPUTE_DOMAIN
from gpualloc.nvml.compute_domain import devices as domain_devices
from gpualloc.nvml.host import LeftOut
from gpualloc.nvml.pci_names import UNKNOWN, name_of
from gpualloc.nvml.words import ADDRESSING_MODES, ARCHITECTURES, BRANDS, semantic_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpualloc.nvml.features import Features
    from gpualloc.nvml.host import Gpu, Host

__all__ = ["DRIVER", "Publication", "publish", "publish_compute_domain"]

DRIVER = "gpu.nvidia.com"
NO_UID = "00000000-0000-0000-0000-000000000000"

Json: TypeAlias = dict[str, Any]
# Limits of resource.k8s.io/v1.
_DEVICES, _DEVICES_WITH_COUNTERS_OR_TAINTS, _COUNTER_SETS = 128, 64, 8
_ATTRIBUTES_AND_CAPACITIES, _STRING = 32, 64
# What the API server does with generateName: at most so much of it, then five characters.
_PREFIX = 58
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_NODE_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Publication:
    """Slices, and what they leave out or what speaks against them."""

    slices: tuple[Json, ...]
    left_out: tuple[LeftOut, ...]


def publish(host: Host, node: str, features: Features, *, node_uid: str = NO_UID) -> Publication:
    """The slices of driver `gpu.nvidia.com`, one pool named as the node.

    Raises:
        InvalidInputError: if the node's name is none.
    """
    noted = list(_unknown_words(host, features))
    gpus = sorted(host.gpus, key=lambda gpu: (gpu.bus_id is None, gpu.bus_id or "", gpu.minor))
    if features.dynamic_mig:
        specs = _per_gpu(host, gpus, features, noted)
    else:
        specs = _in_one(host, gpus, features, noted)
    specs = [part for spec in specs for part in _within_limits(spec, noted)]
    return Publication(_slices(DRIVER, node, node_uid, specs), tuple(noted))


def publish_compute_domain(host: Host, node: str, *, node_uid: str = NO_UID) -> Publication:
    """The slice of driver `compute-domain.nvidia.com`.

    Raises:
        DiscoveryError: if the GPU driver is too old.
        InvalidInputError: if the node's name is none.
    """
    return Publication(_slices(COMPUTE_DOMAIN, node, node_uid, [{"devices": domain_devices(host)}]), ())


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


# --- limits -----------------------------------------------------------------------------------------------------------


def _within_limits(spec: Json, noted: list[LeftOut]) -> Iterator[Json]:
    """The spec in as many parts as the API demands; always at least one, be it empty."""
    counters: list[Json] = spec.get("sharedCounters", [])
    found: list[Json] = spec.get("devices", [])
    for device in found:
        _check(device, noted)
    heavy = any("taints" in device or "consumesCounters" in device for device in found)
    room = _DEVICES_WITH_COUNTERS_OR_TAINTS if heavy else _DEVICES
    parts = max(1, -(-len(counters) // _COUNTER_SETS), -(-len(found) // room))
    for number in range(parts):
        part: Json = {}
        if chosen := counters[number * _COUNTER_SETS : (number + 1) * _COUNTER_SETS]:
            part["sharedCounters"] = chosen
        if taken := found[number * room : (number + 1) * room]:
            part["devices"] = taken
        yield part


def _check(device: Json, noted: list[LeftOut]) -> None:
    """Notes what an API server will refuse. The driver publishes it nevertheless, and so do we."""
    count = len(device["attributes"]) + len(device.get("capacity", {}))
    if count > _ATTRIBUTES_AND_CAPACITIES:
        reason = f"has {count} attributes and capacities; an API server takes {_ATTRIBUTES_AND_CAPACITIES}"
        noted.append(LeftOut(f"{device['name']} (published, but will be refused)", "", None, reason))
    for name, value in device["attributes"].items():
        if len(value.get("string", "")) > _STRING:
            reason = f"attribute {name} is longer than the {_STRING} characters that an API server takes"
            noted.append(LeftOut(f"{device['name']} (published, but will be refused)", "", None, reason))


def _unknown_words(host: Host, features: Features) -> Iterator[LeftOut]:
    """Codes without a word: the attribute is left out. (The driver publishes nothing at all then.)"""
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
