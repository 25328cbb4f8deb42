"""Writes this machine down as a fixture: `python tests/nvml/record.py > host.json`.

Asks the real NVML and sysfs everything that a fixture holds. UUIDs are replaced and no serial number is read, so that
the file says what the machine is and not which. Needs root for MIG placements; without it they stay empty. Not written
down: the Fabric Manager's partitions, MIG instances, peer access other than by NVLink. Start at :func:`record`.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from ctypes import byref, c_uint
from pathlib import Path
from typing import Any

import pynvml

Json = dict[str, Any]
ROOT = Path(os.environ.get("GPUALLOC_HOST_ROOT") or "/")


def record(name: str = "recorded") -> Json:
    """The fixture."""
    pynvml.nvmlInitWithFlags(pynvml.NVML_INIT_FLAG_NO_GPUS)
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        sets: dict[str, list[Json]] = {}
        return {
            "schema": 1,
            "host": name,
            "nodeName": name,
            "description": "recorded from a real machine; UUIDs are made up",
            "system": {
                "driverVersion": pynvml.nvmlSystemGetDriverVersion(),
                "nvmlVersion": pynvml.nvmlSystemGetNVMLVersion(),
                "cudaDriverVersion": pynvml.nvmlSystemGetCudaDriverVersion_v2(),
            },
            "confCompute": confidential(),
            "iommufd": (ROOT / "dev/iommu").exists(),
            "migProfileSets": sets,
            "gpus": [gpu(index, handle, sets) for index, handle in enumerate(handles)],
            "pciOnly": [],
            "topology": {
                "commonAncestor": [
                    [0 if a is b else ask("TopologyCommonAncestor", a, b) for b in handles] for a in handles
                ],
                "p2p": {"nvlink": [[0 if a is b else ask("P2PStatus", a, b, 2) for b in handles] for a in handles]},
            },
            "platform": platform(handles),
            "nics": nics(),
            "numaNodes": len(list((ROOT / "sys/devices/system/node").glob("node[0-9]*"))),
            "invented": ["uuid"],
        }
    finally:
        pynvml.nvmlShutdown()


def confidential() -> Json | None:
    """The state of confidential computing; nothing where NVML has none, or the driver is too old to say all of it."""
    settings = pynvml.c_nvmlSystemConfComputeSettings_v1_t()
    try:
        if pynvml.nvmlSystemGetConfComputeSettings(byref(settings)):
            return None
        capabilities = pynvml.nvmlSystemGetConfComputeCapabilities()
        ready = pynvml.nvmlSystemGetConfComputeGpusReadyState()
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return None
    return {
        "cpuCaps": capabilities.cpuCaps,
        "gpusCaps": capabilities.gpusCaps,
        "environment": settings.environment,
        "ccFeature": settings.ccFeature,
        "devToolsMode": settings.devToolsMode,
        "multiGpuMode": settings.multiGpuMode,
        "gpusReady": ready,
    }


def protected(handle: Any) -> Json | None:
    memory = ask("ConfComputeMemSizeInfo", handle)
    if memory is None:
        return None
    return {"protectedKiB": memory.protectedMemSizeKib, "unprotectedKiB": memory.unprotectedMemSizeKib}


def ask(name: str, *arguments: Any) -> Any:
    """What `nvmlDeviceGet…` says, nothing where the card or the library cannot."""
    try:
        return getattr(pynvml, f"nvmlDeviceGet{name}")(*arguments)
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound, pynvml.NVMLError_NoPermission):
        return None


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def gpu(index: int, handle: Any, sets: dict[str, list[Json]]) -> Json:
    memory, ecc, mode = ask("MemoryInfo", handle), ask("EccMode", handle), ask("MigMode", handle)
    name = ask("Name", handle)
    if mode is not None and name not in sets:
        sets[name] = profiles(handle)
    links = [link for link in (nvlink(handle, number) for number in range(36)) if link is not None]
    return {
        "index": index,
        "uuid": f"GPU-{uuid.uuid5(uuid.NAMESPACE_OID, str(index))}",
        "minor": ask("MinorNumber", handle),
        "name": name,
        "brand": ask("Brand", handle),
        "architecture": ask("Architecture", handle),
        "computeCapability": list(ask("CudaComputeCapability", handle)),
        "memory": None if memory is None else {"totalBytes": memory.total, "reservedBytes": 0, "usedBytes": 0},
        "pci": pci(handle),
        "confComputeMemory": protected(handle),
        "addressingMode": ask("AddressingMode", handle),
        "gpuMemoryNumaNode": ask("NumaNodeId", handle),
        "moduleId": ask("ModuleId", handle, c_uint()),
        "virtualizationMode": ask("VirtualizationMode", handle),
        "persistenceMode": ask("PersistenceMode", handle),
        "computeMode": ask("ComputeMode", handle),
        "ecc": None if ecc is None else {"current": ecc[0], "pending": ecc[1]},
        "migMode": None if mode is None else {"current": mode[0], "pending": mode[1]},
        "migProfileSet": None if mode is None else name,
        "gpuInstances": [],
        "fabric": fabric(handle),
        "lost": 0,
        "noEvents": int(not ask("SupportedEventTypes", handle)),
        "nvlinkCount": len(links),
        "nvlinks": links,
        "maxMigDevices": ask("MaxMigDeviceCount", handle),
    }


def pci(handle: Any) -> Json:
    info = pynvml.nvmlDeviceGetPciInfo(handle)
    address = text(info.busId).lower().removeprefix("0000")
    folder = (ROOT / "sys/bus/pci/devices" / address).resolve()
    root, *parents = folder.relative_to((ROOT / "sys/devices").resolve()).parts[:-1]
    lines = (folder / "resource").read_text().split("\n")[:13]
    group = folder / "iommu_group"
    return {
        "busId": address,
        "root": root,
        "parents": parents,
        "numaNode": int((folder / "numa_node").read_text()),
        "vendorId": info.pciDeviceId & 0xFFFF,
        "deviceId": info.pciDeviceId >> 16,
        "subsystemVendorId": info.pciSubSystemId & 0xFFFF,
        "subsystemDeviceId": info.pciSubSystemId >> 16,
        "classCode": int((folder / "class").read_text(), 16),
        "iommuGroup": int(group.resolve().name) if group.exists() else None,
        **local_cpus(folder),
        "bars": [[int(field, 16) for field in line.split()] for line in lines if line],
    }


def local_cpus(folder: Path) -> Json:
    path = folder / "local_cpulist"
    return {"localCpus": path.read_text().strip()} if path.exists() else {}


def nics() -> list[Json]:
    found: list[Json] = []
    devices = (ROOT / "sys/devices").resolve()
    for entry in sorted((ROOT / "sys/class/infiniband").glob("*")):
        folder = (entry / "device").resolve()
        root, *parents, address = folder.relative_to(devices).parts
        node = int((folder / "numa_node").read_text())
        found.append({"name": entry.name, "busId": address, "root": root, "parents": parents, "numaNode": node})
    return found


def platform(handles: list[Any]) -> Json | None:
    info = pynvml.c_nvmlPlatformInfo_v2_t()
    if not handles or ask("PlatformInfo", handles[0], byref(info)) is None:
        return None
    raw = {
        name: bytes(info)[field.offset : field.offset + field.size]
        for name, field in ((name, getattr(type(info), name)) for name, _ in info._fields_)
    }
    # The serial number says which machine this is.
    serial = "0" * len(raw["chassisSerialNumber"].rstrip(b"\0"))
    numbers = ("slotNumber", "trayIndex", "hostId", "peerType")
    return {"chassisSerial": serial, **{name: raw[name][0] for name in numbers}}


def profiles(handle: Any) -> list[Json]:
    found: list[Json] = []
    for index in range(pynvml.NVML_GPU_INSTANCE_PROFILE_COUNT):
        try:
            one = pynvml.nvmlDeviceGetGpuInstanceProfileInfo(handle, index, version=1)
        except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_InvalidArgument):
            continue
        named = ask("GpuInstanceProfileInfo", handle, index)
        room = (pynvml.c_nvmlGpuInstancePlacement_t * 64)()
        count = c_uint(64)
        if ask("GpuInstancePossiblePlacements", handle, one.id, room, byref(count)) is None:
            count = c_uint(0)
        found.append(
            {
                "enumIndex": index,
                "id": one.id,
                "nvmlName": "" if named is None else text(named.name),
                "computeSlices": one.sliceCount,
                "memorySlices": room[0].size,
                "starts": [place.start for place in room[: count.value]],
                "maxInstances": one.instanceCount,
                "multiprocessors": one.multiprocessorCount,
                "copyEngines": one.copyEngineCount,
                "decoders": one.decoderCount,
                "encoders": one.encoderCount,
                "jpegEngines": one.jpegCount,
                "ofaEngines": one.ofaCount,
                "memoryMiB": one.memorySizeMB,
                "p2p": one.isP2pSupported,
            }
        )
    return found


def fabric(handle: Any) -> Json | None:
    info = pynvml.c_nvmlGpuFabricInfoV_t()
    if ask("GpuFabricInfoV", handle, byref(info)) is None:
        return None
    # The cluster is no secret of the hardware, but it says which machine this is.
    known = any(info.clusterUuid)
    return {
        "state": info.state,
        "status": info.status,
        "clusterUuid": str(uuid.uuid5(uuid.NAMESPACE_OID, "cluster") if known else uuid.UUID(int=0)),
        "cliqueId": info.cliqueId,
        "healthMask": info.healthMask,
        "healthSummary": 0,
    }


def nvlink(handle: Any, number: int) -> Json | None:
    try:
        state = pynvml.nvmlDeviceGetNvLinkState(handle, number)
    except pynvml.NVMLError:
        return None
    remote = ask("NvLinkRemotePciInfo", handle, number) if state else None
    return {
        "link": number,
        "state": state,
        "version": ask("NvLinkVersion", handle, number) if state else None,
        "remoteType": ask("NvLinkRemoteDeviceType", handle, number) if state else None,
        "remoteBusId": None if remote is None else text(remote.busId).lower().removeprefix("0000"),
        "remotePciDeviceId": None if remote is None else remote.pciDeviceId,
    }


if __name__ == "__main__":
    json.dump(record(*sys.argv[1:]), sys.stdout, indent=1)
    sys.stdout.write("\n")
