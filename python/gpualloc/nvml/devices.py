"""Devices of a ResourceSlice made of a host's GPUs: names, attributes, capacities, counters, shares.

Pure functions from :class:`~gpualloc.nvml.host.Host` to documents in the API's form; which devices a mode has is
decided in :mod:`gpualloc.nvml.slices`. Source: the slices that the NVIDIA DRA driver published for known hosts. Start
at :func:`whole` (a GPU), :func:`instance` (a MIG device), :func:`partition` (a possible one), :func:`passthrough`.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, TypeAlias

from gpualloc._quantity import binary
from gpualloc.nvml import mig
from gpualloc.nvml.confidential.devices import usable_bytes
from gpualloc.nvml.host import Placement
from gpualloc.nvml.pci_names import name_of
from gpualloc.nvml.words import ADDRESSING_MODES, ARCHITECTURES, BRANDS, cuda_version, semantic_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpualloc.nvml.features import Features, Shares
    from gpualloc.nvml.host import Gpu, Host, MigDevice, MigProfile, PciGpu

__all__ = ["counter_set", "device_name", "instance", "partition", "passthrough", "whole"]

Json: TypeAlias = dict[str, Any]
_STANDARD = "resource.kubernetes.io/"
_MIB = 1 << 20


def device_name(gpu: Gpu) -> str:
    """The name of a whole GPU; its minor number, not NVML's index."""
    return f"gpu-{gpu.minor}"


def whole(host: Host, gpu: Gpu, features: Features) -> Json:
    """A GPU as one device; with profiles it consumes all its counters, and has their sums as capacities."""
    attributes = {"type": _string("gpu"), "uuid": _string(gpu.uuid)} | _common(host, gpu, features)
    attributes |= _fabric_manager(gpu, features)
    # Only then: a host that was read for dynamic MIG can be published without it too.
    most = mig.largest(gpu.profiles) if features.dynamic_mig else {}
    memory = usable_bytes(gpu)
    amounts = most or ({} if memory is None else {"memory": memory})
    device = _device(device_name(gpu), attributes, amounts)
    if most:
        device["consumesCounters"] = [_consumption(gpu, most, Placement(0, mig.memory_slices(gpu.profiles)))]
    return _shared(device, amounts, features.shares)


def instance(host: Host, gpu: Gpu, device: MigDevice, features: Features) -> Json:
    """A MIG device that exists, with a capacity for each memory slice that it lies on."""
    name = mig.profile_name(device.profile, gpu.memory_bytes)
    attributes = _of_mig(host, gpu, name, features) | {"uuid": _string(device.uuid)}
    amounts = mig.capacities(device.profile)
    start, end = device.placement.start, device.placement.start + device.placement.size
    amounts |= {f"memorySlice{number}": 1 for number in range(start, end)}
    made = _device(mig.device_name(gpu, device.profile, device.placement, name), attributes, amounts)
    return _shared(made, amounts, features.shares)


def partition(host: Host, gpu: Gpu, profile: MigProfile, placement: Placement, features: Features) -> Json:
    """A MIG device that could be made: no UUID, and counters instead of memory slices."""
    name = mig.profile_name(profile, gpu.memory_bytes)
    amounts = mig.capacities(profile)
    made = _device(mig.device_name(gpu, profile, placement, name), _of_mig(host, gpu, name, features), amounts)
    made["consumesCounters"] = [_consumption(gpu, amounts, placement)]
    return _shared(made, amounts, features.shares)


def passthrough(host: Host, number: int, pci: PciGpu, gpu: Gpu | None, features: Features) -> Json:
    """A GPU to be handed to a virtual machine; `gpu` is the same card where it is published as a whole too."""
    attributes = {
        "type": _string("vfio"),
        # Version 5, so that the same address always gives the same UUID. It is none of NVML's.
        "uuid": _string(str(uuid.uuid5(uuid.NAMESPACE_DNS, pci.bus_id))),
        "deviceID": _string(f"0x{pci.device:04x}"),
        "vendorID": _string(f"0x{pci.vendor:04x}"),
        "productName": _string(name_of(pci.device)),
        "iommuFDEnabled": {"bool": host.iommufd},
    }
    attributes |= _pci(pci.bus_id, pci.pcie_root, pci.numa_nodes, features)
    if gpu is not None:
        attributes |= _fabric_manager(gpu, features)
    return _device(f"gpu-vfio-{number}", attributes, {"addressableMemory": pci.addressable_bytes})


def counter_set(gpu: Gpu) -> Json | None:
    """The shared counters of a GPU's partitions; nothing where it has none."""
    most = mig.largest(gpu.profiles)
    if not most:
        return None
    everything = Placement(0, mig.memory_slices(gpu.profiles))
    return {"name": _counter_set_name(gpu), "counters": mig.counters(most, everything)}


# --- attributes -------------------------------------------------------------------------------------------------------


def _common(host: Host, gpu: Gpu, features: Features) -> dict[str, Json]:
    """What a GPU and its MIG devices both say."""
    attributes = _pci(gpu.bus_id, gpu.pcie_root, gpu.numa_nodes, features)
    words = {
        "productName": gpu.name,
        "brand": None if gpu.brand is None else BRANDS.get(gpu.brand),
        "architecture": None if gpu.architecture is None else ARCHITECTURES.get(gpu.architecture),
        "addressingMode": None if gpu.addressing_mode is None else ADDRESSING_MODES.get(gpu.addressing_mode),
    }
    attributes |= {name: _string(word) for name, word in words.items() if word is not None}
    capability = gpu.compute_capability
    versions = {
        "cudaComputeCapability": None if capability is None else f"{capability[0]}.{capability[1]}.0",
        "driverVersion": None if host.driver_version is None else semantic_version(host.driver_version),
        "cudaDriverVersion": None if host.cuda_driver_version is None else cuda_version(host.cuda_driver_version),
    }
    return attributes | {name: {"version": text} for name, text in versions.items() if text is not None}


def _of_mig(host: Host, gpu: Gpu, profile: str, features: Features) -> dict[str, Json]:
    own = {"type": _string("mig"), "parentUUID": _string(gpu.uuid), "profile": _string(profile)}
    return own | _common(host, gpu, features)


def _pci(bus_id: str | None, root: str | None, nodes: tuple[int, ...], features: Features) -> dict[str, Json]:
    attributes: dict[str, Json] = {}
    if bus_id is not None:
        attributes[f"{_STANDARD}pciBusID"] = _string(bus_id)
    if root is not None:
        attributes[f"{_STANDARD}pcieRoot"] = _string(root)
    if nodes:
        value: Json = {"ints": list(nodes)} if features.list_attributes else {"int": nodes[0]}
        attributes[f"{_STANDARD}numaNode"] = value
    return attributes


def _fabric_manager(gpu: Gpu, features: Features) -> dict[str, Json]:
    # Module 0 is no module: the driver takes it for "unknown".
    if not features.fabric_manager or not gpu.module_id:
        return {}
    attributes: dict[str, Json] = {"gpuModuleID": {"int": gpu.module_id}}
    for one in features.partitions:
        if gpu.module_id in one.module_ids:
            attributes[f"partition{len(one.module_ids)}"] = {"int": one.id}
    return attributes


def _string(text: str) -> Json:
    return {"string": text}


# --- capacities and counters ------------------------------------------------------------------------------------------


def _device(name: str, attributes: dict[str, Json], amounts: Mapping[str, int]) -> Json:
    device: Json = {"name": name, "attributes": dict(sorted(attributes.items()))}
    if amounts:
        device["capacity"] = {what: {"value": binary(amounts[what])} for what in sorted(amounts)}
    return device


def _counter_set_name(gpu: Gpu) -> str:
    return f"{device_name(gpu)}-counter-set"


def _consumption(gpu: Gpu, amounts: Mapping[str, int], placement: Placement) -> Json:
    return {"counterSet": _counter_set_name(gpu), "counters": mig.counters(amounts, placement)}


def _shared(device: Json, amounts: Mapping[str, int], shares: Shares | None) -> Json:
    """The device as one that several claims can hold at once."""
    if shares is None:
        return device
    device["allowMultipleAllocations"] = True
    if "memory" not in amounts:
        return device  # then there is nothing to share by, and the driver adds no number of shares either
    # Steps of a mebibyte, so that the whole is a multiple of a step as the API demands.
    whole_memory = binary(amounts["memory"] // _MIB * _MIB)
    least = "1Mi" if shares == "memory" else "0"
    policy = {
        "default": whole_memory if shares == "memory" else "0",
        "validRange": {"min": least, "max": whole_memory, "step": "1Mi"},
    }
    device["capacity"]["memory"] = {"value": whole_memory, "requestPolicy": policy}
    if isinstance(shares, int):
        policy = {"default": "1", "validRange": {"min": "1", "max": str(shares), "step": "1"}}
        device["capacity"]["shares"] = {"value": str(shares), "requestPolicy": policy}
    return device
