"""Reads what lies between GPUs: NVLinks and PCIe levels through NVML, paths and NICs through sysfs.

What a GPU's links lead to is asked of each link that is up; whether two GPUs are peers only of those that could be. A
call that fails leaves the value unknown, which is noted and never taken for "no link". Changes nothing and never
decides what a link is worth. Start at :class:`Links` and :func:`read_pairs`.
"""

from __future__ import annotations

from ctypes import byref
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from gpualloc.nvml.link_table import may_be_peers
from gpualloc.nvml.links import GpuLinks, HostLinks, NvLink, Pair, Platform
from gpualloc.nvml.session import (
    FUNCTION_NOT_FOUND,
    INVALID_ARGUMENT,
    NOT_SUPPORTED,
    NvmlFailure,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpualloc.nvml.host import Gpu, LeftOut
    from gpualloc.nvml.session import Session
    from gpualloc.nvml.sysfs import Files

__all__ = ["Links", "around", "read_pairs"]

# NVML's own bound grows with each generation (6, 12, 18, 36); far above all of them, so that its answer ends the loop.
_MANY = 1024
_ABSENT = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)
_TO_GPU, _TO_PROCESSOR, _TO_SWITCH, _TO_UNKNOWN = 0, 1, 2, 255
_BY_NVLINK = 2
"""Which kind of peer access is asked for."""


class Links:
    """What leads from each GPU, read as GPUs are found."""

    def __init__(self, session: Session, files: Files, left_out: list[LeftOut]) -> None:
        self._session = session
        self._files = files
        self._left_out = left_out

    def of(self, gpu: Gpu, handle: Any, pci: Any) -> GpuLinks:
        """What leads from a GPU; `pci` is what NVML said of its place on the bus, or nothing.

        Raises:
            NvmlFailure: if the GPU is gone.
        """
        name = f"gpu-{gpu.minor}"
        address = None if pci is None else _address(pci)
        known = address is not None and self._files.is_address(address)
        return GpuLinks(
            address=address,
            path=self._files.path(address) if known and address else (),
            cpus=self._files.cpus(address) if known and address else None,
            memory_numa_node=self._optional(f"{name} memory NUMA node", "nvmlDeviceGetNumaNodeId", handle),
            nvlinks=self._nvlinks(name, handle),
            platform=self._platform(name, handle),
        )

    def _nvlinks(self, name: str, handle: Any) -> tuple[NvLink, ...] | None:
        found: list[NvLink] = []
        for number in range(_MANY):
            try:
                is_up = self._session.call("nvmlDeviceGetNvLinkState", handle, number)
            except NvmlFailure as failure:
                if failure.code in (INVALID_ARGUMENT, NOT_SUPPORTED):
                    break  # there are no more, or the card has none
                self._fail(f"{name} NVLinks", failure)
                return None
            if is_up:
                found.append(self._nvlink(name, handle, number))
        return tuple(found)

    def _nvlink(self, name: str, handle: Any, number: int) -> NvLink:
        what = f"{name} NVLinks, what they lead to"
        kind = self._optional(what, "nvmlDeviceGetNvLinkRemoteDeviceType", handle, number)
        if kind in (_TO_PROCESSOR, _TO_SWITCH):
            return NvLink(link=number, remote_type=kind)
        # A switch need not have an address, a GPU does.
        absent = () if kind == _TO_GPU else _ABSENT
        info = self._optional(what, "nvmlDeviceGetNvLinkRemotePciInfo", handle, number, absent=absent)
        address = None if info is None else _address(info)
        return NvLink(link=number, remote_type=None if kind == _TO_UNKNOWN else kind, remote_address=address)

    def _platform(self, name: str, handle: Any) -> Platform | None:
        call = "nvmlDeviceGetPlatformInfo"
        try:
            info = self._session.struct("c_nvmlPlatformInfo_v2_t", call)()
        except NvmlFailure as failure:
            self._fail(f"{name} tray", failure)
            return None
        if self._optional(f"{name} tray", call, handle, byref(info)) is None:
            return None
        return Platform(
            chassis_serial=_raw(info, "chassisSerialNumber").partition(b"\0")[0].decode("ascii", "replace").strip(),
            slot=_raw(info, "slotNumber")[0],
            tray=_raw(info, "trayIndex")[0],
            host=_raw(info, "hostId")[0],
            peer_type=_raw(info, "peerType")[0],
            module=_raw(info, "moduleId")[0],
        )

    def _optional(self, what: str, function: str, *arguments: Any, absent: tuple[int, ...] = _ABSENT) -> Any:
        try:
            return self._session.call(function, *arguments)
        except NvmlFailure as failure:
            if failure.code not in absent:
                self._fail(what, failure)
            return None

    def _fail(self, what: str, failure: NvmlFailure) -> None:
        if failure.is_gone:
            raise failure
        note = failure.leaves_out(what)
        if note not in self._left_out:  # it is the same for all links of a GPU
            self._left_out.append(note)


def read_pairs(session: Session, files: Files, found: Sequence[tuple[Gpu, Any]], left_out: list[LeftOut]) -> HostLinks:
    """What lies between the GPUs that were found, and the NICs beside them."""
    pairs: list[Pair] = []
    silent: set[str] = set()
    addresses = frozenset(gpu.links.address for gpu, _ in found if gpu.links and gpu.links.address)
    for (one, first), (other, second) in combinations(found, 2):
        pair = Pair(first=one.index, second=other.index)
        what = f"gpu-{one.minor} and gpu-{other.minor}"
        level = _of_two(session, f"{what} PCIe level", "TopologyCommonAncestor", (first, second), silent, left_out)
        peers = None
        if may_be_peers(one, other, addresses):
            peers = _of_two(session, f"{what} peers", "P2PStatus", (first, second, _BY_NVLINK), silent, left_out)
        pairs.append(replace(pair, level=level, peers=peers))
    return replace(around(files), pairs=tuple(pairs))


def around(files: Files) -> HostLinks:
    """What is beside the GPUs, and all that can be known without NVML: NICs, and whether all is on one NUMA node."""
    return HostLinks(nics=files.nics(), only_numa_node=files.only_numa_node())


def _of_two(  # noqa: PLR0913, PLR0917  # whom to ask, what, and whom to blame
    session: Session,
    what: str,
    function: str,
    arguments: tuple[Any, ...],
    silent: set[str],
    left_out: list[LeftOut],
) -> int | None:
    """The answer about two GPUs; a function that the library lacks is asked and noted once."""
    call = f"nvmlDeviceGet{function}"
    if call in silent:
        return None
    try:
        return int(session.call(call, *arguments))
    except NvmlFailure as failure:
        if failure.code == FUNCTION_NOT_FOUND:
            silent.add(call)
            what = "all pairs" + what[what.rindex(" ") :]
        left_out.append(failure.leaves_out(what))
        return None


def _raw(struct: Any, field: str) -> bytes:
    """The bytes of a field; the binding declares numbers as characters and takes them for text."""
    where = getattr(struct.__class__, field)
    return bytes(memoryview(struct).cast("B")[where.offset : where.offset + where.size])


def _address(info: Any) -> str:
    """As sysfs writes it. A GPU is its card's first function."""
    return f"{info.domain:04x}:{info.bus:02x}:{info.device:02x}.0"
