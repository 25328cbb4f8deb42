"""Reads a host through NVML and sysfs into a :class:`~gpualloc.nvml.host.Host`, with as few calls as will do.

What fails is left out at the smallest place where that is honest (an attribute, a MIG device, a GPU) and noted; what
every device needs and a failing start end in :class:`gpualloc.DiscoveryError`. Never changes anything on the host,
never decides what is published. Start at :func:`read_host`.
"""

from __future__ import annotations

import os
from ctypes import byref, c_uint
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpualloc._errors import DiscoveryError
from gpualloc.nvml import confidential_read, events_read, links_read, mig, mig_read
from gpualloc.nvml.host import Confidential, Event, Fabric, Gpu, Host, LeftOut
from gpualloc.nvml.session import (
    FUNCTION_NOT_FOUND,
    NOT_SUPPORTED,
    NvmlFailure,
    Session,
    impossible,
)
from gpualloc.nvml.sysfs import Files

if TYPE_CHECKING:
    from gpualloc.nvml.features import Features

__all__ = ["HOST_ROOT", "read_host"]

HOST_ROOT = "GPUALLOC_HOST_ROOT"
"""The environment variable that names the folder with the host's `sys` and `dev`; `/` where it is not set."""

_ABSENT = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)


def read_host(  # noqa: PLR0913  # each is one thing to ask for
    features: Features,
    *,
    fabric: bool = False,
    links: bool = False,
    parts: bool = True,
    host_root: str | os.PathLike[str] | None = None,
    without_nvml: bool = False,
) -> tuple[Host, int]:
    """The host as it is now, and how many NVML calls that took.

    Args:
        features: What will be published; decides what is asked at all.
        fabric: Whether to ask GPUs for their NVLink fabric.
        links: Whether to ask what lies between GPUs; the fabric is then asked too.
        parts: Whether to ask for MIG devices and profiles.
        host_root: Where the host's `sys` and `dev` are, default :data:`HOST_ROOT` or `/`.
        without_nvml: Whether a host where NVML cannot be had is read without it: its GPUs are in virtual machines.

    Raises:
        DiscoveryError: without nvidia-ml-py, without a library or driver, or if NVML cannot list GPUs.
    """
    root = host_root or os.environ.get(HOST_ROOT) or "/"
    left_out: list[LeftOut] = []
    files = Files(root, left_out)
    calls = 0
    try:
        with Session() as session:
            host = _Reader(session, features, files, left_out, fabric=fabric, links=links, parts=parts).host()
        calls = session.calls
    except DiscoveryError as error:
        if not without_nvml:
            raise
        left_out.append(LeftOut("everything that NVML says", error.call, error.code, error.message))
        host = Host(
            confidential=Confidential() if features.confidential else None,
            links=links_read.around(files) if links else None,
        )
    if features.fabric_manager and fabric:
        host = replace(host, own_fabric=files.has_own_fabric())
    if features.vfio:
        on_bus, unread = files.gpus()
        host = replace(host, pci_gpus=on_bus, pci_unread=unread, iommufd=files.has_iommufd())
    if host.confidential is not None:
        host = replace(host, confidential=replace(host.confidential, switches=files.switches()))
    return replace(host, left_out=tuple(left_out)), calls


class _Reader:
    def __init__(  # noqa: PLR0913  # whom to ask, and what
        self,
        session: Session,
        features: Features,
        files: Files,
        left_out: list[LeftOut],
        *,
        fabric: bool,
        links: bool,
        parts: bool,
    ) -> None:
        self.left_out = left_out
        self._session = session
        self._features = features
        self._files = files
        self._fabric = fabric or links
        self._parts = parts
        self._links = links_read.Links(session, files, left_out) if links else None
        self._profiles = mig_read.Profiles(session)
        self._confidential: Confidential | None = None

    def host(self) -> Host:
        try:
            count: int = self._session.call("nvmlDeviceGetCount")
        except NvmlFailure as failure:
            raise impossible(failure) from None
        if self._features.confidential:
            self._confidential = confidential_read.system(self._session, count, self.left_out)
        driver = self._of_system("attribute driverVersion", "nvmlSystemGetDriverVersion")
        cuda = self._of_system("attribute cudaDriverVersion", "nvmlSystemGetCudaDriverVersion_v2")
        found = [one for one in map(self._gpu, range(count)) if one is not None]
        gpus = tuple(gpu for gpu, _ in found)
        events: tuple[Event, ...] = ()
        if self._features.health:
            gpus, events = events_read.watch(self._session, found, self.left_out)
        between = None
        if self._links is not None:
            between = links_read.read_pairs(self._session, self._files, found, self.left_out)
        return Host(
            driver_version=driver,
            cuda_driver_version=cuda,
            gpus=gpus,
            events=events,
            confidential=self._confidential,
            links=between,
        )

    # --- one GPU -----------------------------------------------------------------------------------------------------

    def _gpu(self, index: int) -> tuple[Gpu, Any] | None:
        noted = len(self.left_out)
        try:
            handle = self._session.call("nvmlDeviceGetHandleByIndex", index)
            return self._described(index, handle), handle
        except NvmlFailure as failure:
            # What was noted about its parts says nothing once all of it is gone.
            del self.left_out[noted:]
            self.left_out.append(failure.leaves_out(f"GPU {index}"))
            return None

    def _described(self, index: int, handle: Any) -> Gpu:
        """The GPU. What names it, and whether it is partitioned, must be known; all else may be missing."""
        call = self._session.call
        minor: int = call("nvmlDeviceGetMinorNumber", handle)
        name = f"gpu-{minor}"
        gpu = Gpu(
            index=index,
            minor=minor,
            uuid=call("nvmlDeviceGetUUID", handle),
            mig_mode=self._mig_mode(handle),
            name=self._optional(f"{name} attribute productName", "nvmlDeviceGetName", handle),
            brand=self._optional(f"{name} attribute brand", "nvmlDeviceGetBrand", handle),
            architecture=self._optional(f"{name} attribute architecture", "nvmlDeviceGetArchitecture", handle),
            compute_capability=self._optional(
                f"{name} attribute cudaComputeCapability", "nvmlDeviceGetCudaComputeCapability", handle
            ),
            memory_bytes=self._memory(name, handle),
            addressing_mode=self._optional(
                f"{name} attribute addressingMode", "nvmlDeviceGetAddressingMode", handle, absent=_ABSENT
            ),
        )
        pci = self._optional(f"{name} attributes of PCI", "nvmlDeviceGetPciInfo", handle)
        gpu = gpu if pci is None else self._with_pci(gpu, name, pci)
        if self._features.fabric_manager:
            module: int | None = self._optional(
                f"{name} attribute gpuModuleID", "nvmlDeviceGetModuleId", handle, c_uint(), absent=_ABSENT
            )
            gpu = replace(gpu, module_id=module)
        if self._confidential is not None and confidential_read.is_on(self._confidential):
            protected, unprotected = confidential_read.memory_kib(self._session, name, handle, self.left_out)
            gpu = replace(gpu, protected_kib=protected, unprotected_kib=unprotected)
        if self._fabric or self._features.confidential:
            gpu = replace(gpu, fabric=self._fabric_info(name, handle))
        if self._links is not None:
            gpu = replace(gpu, links=self._links.of(gpu, handle, pci))
        return self._with_mig(gpu, name, handle)

    def _mig_mode(self, handle: Any) -> bool | None:
        try:
            current, _pending = self._session.call("nvmlDeviceGetMigMode", handle)
        except NvmlFailure as failure:
            if failure.code in _ABSENT:
                return None
            raise
        return bool(current)

    def _memory(self, name: str, handle: Any) -> int | None:
        # An integrated GPU has no memory of its own and says so by "not supported".
        memory = self._optional(f"{name} capacity memory", "nvmlDeviceGetMemoryInfo", handle, absent=(NOT_SUPPORTED,))
        return None if memory is None else int(memory.total)

    def _with_pci(self, gpu: Gpu, name: str, info: Any) -> Gpu:
        bus_id = _text(info.busId).removeprefix("0000").lower()
        if not self._files.is_address(bus_id):
            reason = f"the address {bus_id!r} has no form that Kubernetes takes"
            self.left_out.append(LeftOut(f"{name} attributes of PCI", "nvmlDeviceGetPciInfo", None, reason))
            return gpu
        return replace(
            gpu,
            bus_id=bus_id,
            pcie_root=self._files.pcie_root(bus_id, name),
            numa_nodes=self._files.numa_nodes(bus_id, name),
        )

    def _fabric_info(self, name: str, handle: Any) -> Fabric | None:
        call = "nvmlDeviceGetGpuFabricInfoV"
        try:
            info = self._session.struct("c_nvmlGpuFabricInfoV_t", call)()
        except NvmlFailure as failure:
            self.left_out.append(failure.leaves_out(f"{name} fabric"))
            return None
        if self._optional(f"{name} fabric", call, handle, byref(info), absent=_ABSENT) is None:
            return None
        digits = bytes(info.clusterUuid).hex()
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return Fabric(
            state=info.state,
            status=info.status,
            cluster_uuid="-".join(parts),
            clique_id=info.cliqueId,
            health_mask=info.healthMask,
        )

    def _with_mig(self, gpu: Gpu, name: str, handle: Any) -> Gpu:
        if gpu.mig_mode is None or not self._parts:
            return gpu
        if self._features.dynamic_mig:
            mode: int | None = self._optional(f"{name} partitions", "nvmlDeviceGetVirtualizationMode", handle)
            gpu = replace(gpu, virtualization_mode=mode)
            if mig.is_partitionable(gpu):
                profiles = self._profiles.with_placements(gpu, handle, self.left_out)
                return replace(gpu, profiles=profiles)
        if gpu.mig_mode:
            devices = mig_read.devices(self._session, self._profiles, gpu, handle, self.left_out)
            return replace(gpu, mig_devices=devices)
        return gpu

    # --- failures ----------------------------------------------------------------------------------------------------

    def _optional(self, what: str, function: str, *arguments: Any, absent: tuple[int, ...] = ()) -> Any:
        """The answer, or `None` with a note; without one where `absent` codes say that there is nothing to know."""
        try:
            return self._session.call(function, *arguments)
        except NvmlFailure as failure:
            if failure.is_gone:
                raise
            if failure.code not in absent:
                self.left_out.append(failure.leaves_out(what))
            return None

    def _of_system(self, what: str, function: str) -> Any:
        """As above for what belongs to no GPU, so that no GPU can be gone."""
        try:
            return self._session.call(function)
        except NvmlFailure as failure:
            self.left_out.append(failure.leaves_out(what))
            return None


def _text(value: bytes | str) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value
