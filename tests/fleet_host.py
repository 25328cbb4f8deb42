"""A machine of a fleet as a fixture of the stand-in library, so that it can be discovered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpualloc import nvml
    from gpualloc.fleet import FleetHost

Json = dict[str, Any]
_BAR = 0x100C  # 64 bit, prefetchable
_GPU, _SWITCH = 0x030200, 0x068000
_NO_TOPOLOGY = 3


def fixture_of(machine: FleetHost) -> Json:
    """Everything that NVML and sysfs would say on the machine."""
    host = machine.host()
    assert host is not None
    pci = machine.kind.data["pci"]
    system = machine.kind.data["system"]
    known = machine.kind.data["confidential"]
    return {
        "schema": 1,
        "host": machine.name,
        "nodeName": machine.name,
        "description": machine.kind.title,
        "system": {
            "driverVersion": system["driver_version"],
            "nvmlVersion": "13",
            "cudaDriverVersion": system["cuda_driver_version"],
        },
        "confCompute": None
        if known["feature"] is None or not known["gpu_caps"]
        else {
            "cpuCaps": known["cpu_caps"],
            "gpusCaps": known["gpu_caps"],
            "environment": known["environment"],
            "ccFeature": known["feature"],
            "devToolsMode": known["devtools"],
            "multiGpuMode": known["multi_gpu"],
            "gpusReady": 0,
        },
        "iommufd": host.iommufd,
        "platform": tray(host.gpus[0]),
        "migProfileSets": {"all": [profile(one) for one in host.gpus[0].profiles]},
        "gpus": [gpu(one, pci) for one in host.gpus],
        "pciOnly": [bus(("pci0000:00", address), None, 0x22A3, 0, _SWITCH) for address in switches(machine)],
        "nics": [
            {
                "name": nic.name,
                "busId": nic.address,
                "root": nic.path[0],
                "parents": list(nic.path[1:-1]),
                "numaNode": -1 if nic.numa_node is None else nic.numa_node,
            }
            for nic in host.links.nics
        ]
        if host.links
        else [],
        "topology": {
            "commonAncestor": machine.kind.data["levels"],
            "p2p": dict.fromkeys(("read", "write", "nvlink", "atomics", "pci"), peers(host)),
        },
    }


def switches(machine: FleetHost) -> list[str]:
    addresses: list[str] = machine.kind.data["switches"]
    return addresses


def tray(one: nvml.Gpu) -> Json | None:
    platform = one.links.platform if one.links else None
    if platform is None:
        return None
    return {
        "chassisSerial": platform.chassis_serial,
        "slotNumber": platform.slot,
        "trayIndex": platform.tray,
        "hostId": platform.host,
        "peerType": platform.peer_type,
    }


def gpu(one: nvml.Gpu, pci: Json) -> Json:
    assert one.links is not None
    assert one.links.nvlinks is not None
    assert one.compute_capability is not None
    fabric = one.fabric
    return {
        "index": one.index,
        "uuid": one.uuid,
        "minor": one.minor,
        "name": one.name,
        "brand": one.brand,
        "architecture": one.architecture,
        "computeCapability": list(one.compute_capability),
        "memory": {"totalBytes": one.memory_bytes, "reservedBytes": 0, "usedBytes": 0},
        "pci": bus(one.links.path, next(iter(one.numa_nodes), None), pci["device"], pci["addressable_bytes"], _GPU),
        "addressingMode": one.addressing_mode,
        "gpuMemoryNumaNode": one.links.memory_numa_node,
        "moduleId": one.module_id,
        "virtualizationMode": one.virtualization_mode,
        "migMode": None if one.mig_mode is None else {"current": 0, "pending": 0},
        "migProfileSet": "all",
        "gpuInstances": [],
        "fabric": None
        if fabric is None
        else {
            "state": fabric.state,
            "status": fabric.status,
            "clusterUuid": fabric.cluster_uuid,
            "cliqueId": fabric.clique_id,
            "healthMask": fabric.health_mask or 0,
            "healthSummary": 1,
        },
        "lost": 0,
        "noEvents": 0,
        "nvlinkCount": len(one.links.nvlinks),
        "nvlinks": [
            {
                "link": link.link,
                "state": 1,
                "version": 4,
                "remoteType": link.remote_type,
                "remoteBusId": link.remote_address or "0000:00:00.0",
                "remotePciDeviceId": 0,
            }
            for link in one.links.nvlinks
        ],
        "maxMigDevices": 7,
    }


def bus(path: tuple[str, ...], numa: int | None, device: int, size: int, kind: int) -> Json:
    root, *parents, address = path
    # One region that fills what is addressable.
    bars = [[1 << 40, (1 << 40) + size - 1, _BAR], *[[0, 0, 0]] * 12] if size else [[0, 0, 0]] * 13
    return {
        "busId": address,
        "root": root,
        "parents": parents,
        "numaNode": -1 if numa is None else numa,
        "vendorId": 0x10DE,
        "deviceId": device,
        "subsystemVendorId": 0x10DE,
        "subsystemDeviceId": 0,
        "classCode": kind,
        "iommuGroup": None,
        "bars": bars,
    }


def profile(one: nvml.MigProfile) -> Json:
    return {
        "enumIndex": one.index,
        "id": one.id,
        "nvmlName": "",
        "computeSlices": 1,
        "memorySlices": one.placements[0].size,
        "starts": [place.start for place in one.placements],
        "maxInstances": len(one.placements),
        "multiprocessors": one.multiprocessors,
        "copyEngines": one.copy_engines,
        "decoders": one.decoders,
        "encoders": one.encoders,
        "jpegEngines": one.jpeg_engines,
        "ofaEngines": one.ofa_engines,
        "memoryMiB": one.memory_mib,
        "p2p": 0,
    }


def peers(host: nvml.Host) -> list[list[int]]:
    assert host.links is not None
    count = len(host.gpus)
    matrix = [[_NO_TOPOLOGY if one != other else 0 for other in range(count)] for one in range(count)]
    for pair in host.links.pairs:
        if pair.peers is not None:
            matrix[pair.first][pair.second] = matrix[pair.second][pair.first] = pair.peers
    return matrix
