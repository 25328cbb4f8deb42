"""Reads MIG profiles, placements and devices of one GPU through NVML.

Cards of one kind share their profiles: each kind is asked once. A MIG device that cannot be read, or that shares its
GPU instance with others, is left out and noted: without permission for MIG all of them, since nothing but NVML says
where on the card an instance lies, and its device is named by that. Start at :class:`Profiles` and :func:`devices`.
"""

from __future__ import annotations

from ctypes import byref, c_uint
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from gpualloc._errors import InvalidInputError
from gpualloc.nvml import mig
from gpualloc.nvml.host import LeftOut, MigDevice, MigProfile, Placement
from gpualloc.nvml.session import (
    INVALID_ARGUMENT,
    NO_PERMISSION,
    NOT_FOUND,
    NOT_SUPPORTED,
    NvmlFailure,
)

if TYPE_CHECKING:
    from gpualloc.nvml.host import Gpu
    from gpualloc.nvml.session import Session

__all__ = ["Profiles", "devices"]

_NONE_HERE = (NOT_SUPPORTED, INVALID_ARGUMENT)
# More placements than any profile has; NVML fills as many as there are.
_ROOM = 64
_PROFILE = "nvmlDeviceGetGpuInstanceProfileInfo"
_PLACEMENTS = "nvmlDeviceGetGpuInstancePossiblePlacements"
_Kind: TypeAlias = tuple[object, ...]


@dataclass(slots=True)
class _Card:
    """What is known of one kind of card."""

    known: list[MigProfile] = field(default_factory=list[MigProfile])
    asked: int = 0
    placed: tuple[MigProfile, ...] | None = None


class Profiles:
    """The GPU-instance profiles of each kind of card, asked for when needed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cards: dict[_Kind, _Card] = {}

    def by_id(self, gpu: Gpu, handle: Any, number: int) -> MigProfile | None:
        """The profile with the card's own number; asks for no more kinds than it must."""
        card = self._card(gpu)
        while True:
            found = next((one for one in card.known if one.id == number), None)
            if found is not None or card.asked == mig.KINDS:
                return found
            self._ask(card, handle)

    def with_placements(self, gpu: Gpu, handle: Any, left_out: list[LeftOut]) -> tuple[MigProfile, ...]:
        """All profiles with their placements; none, and a note, where they cannot be had."""
        card = self._card(gpu)
        name = f"gpu-{gpu.minor} partitions"
        if gpu.memory_bytes is None:
            left_out.append(LeftOut(name, "", None, "the card's memory is unknown, and profiles are named by it"))
            return ()
        if card.placed is None:
            try:
                card.placed = self._all_placed(card, handle)
            except NvmlFailure as failure:
                if failure.is_gone:
                    raise
                return self._from_table(gpu, handle, failure, left_out)
        if not card.placed:
            call = _PLACEMENTS if card.known else _PROFILE
            left_out.append(LeftOut(name, call, None, "NVML offers no profile that can be placed"))
        return card.placed

    def _all_placed(self, card: _Card, handle: Any) -> tuple[MigProfile, ...]:
        while card.asked < mig.KINDS:
            self._ask(card, handle)
        return tuple(filter(None, (self._placed(profile, handle) for profile in card.known)))

    def _from_table(
        self, gpu: Gpu, handle: Any, failure: NvmlFailure, left_out: list[LeftOut]
    ) -> tuple[MigProfile, ...]:
        """Without permission for MIG the shipped tables serve, and it is said that they do."""
        note = failure.leaves_out(f"gpu-{gpu.minor} partitions")
        if failure.code != NO_PERMISSION or gpu.memory_bytes is None:
            left_out.append(note)
            return ()
        card = self._card(gpu)
        # Half of the profiles would say that the card has no others.
        told = card.known if card.asked == mig.KINDS else ()
        try:
            profiles = mig.profiles_from_table(
                gpu.name or "", gpu.memory_bytes, told, pci_device_id=self._pci_device_id(handle)
            )
        except InvalidInputError as refusal:
            left_out.append(replace(note, error=f"{note.error}; {refusal}"))
            return ()
        what = f"gpu-{gpu.minor} {'placements' if told else 'profiles'} from the driver"
        left_out.append(replace(note, what=what, error=f"{note.error}; taken from the shipped table instead"))
        return profiles

    def _pci_device_id(self, handle: Any) -> int | None:
        try:
            return int(self._session.call("nvmlDeviceGetPciInfo", handle).pciDeviceId) >> 16
        except NvmlFailure as failure:
            if failure.is_gone:
                raise
            return None  # then the name alone finds the table

    def _card(self, gpu: Gpu) -> _Card:
        kind = (gpu.name, gpu.architecture, gpu.memory_bytes, gpu.mig_mode)
        return self._cards.setdefault(kind, _Card())

    def _ask(self, card: _Card, handle: Any) -> None:
        index = card.asked
        try:
            # The first version: later ones need MIG mode to be on.
            info = self._session.call(_PROFILE, handle, index, 1)
        except NvmlFailure as failure:
            if failure.code not in _NONE_HERE:
                raise
            card.asked += 1
            return
        card.asked += 1
        card.known.append(
            MigProfile(
                index=index,
                id=info.id,
                multiprocessors=info.multiprocessorCount,
                copy_engines=info.copyEngineCount,
                decoders=info.decoderCount,
                encoders=info.encoderCount,
                jpeg_engines=info.jpegCount,
                ofa_engines=info.ofaCount,
                memory_mib=info.memorySizeMB,
            )
        )

    def _placed(self, profile: MigProfile, handle: Any) -> MigProfile | None:
        array = (self._session.struct("c_nvmlGpuInstancePlacement_t", _PLACEMENTS) * _ROOM)()
        count = c_uint(_ROOM)
        try:
            self._session.call(_PLACEMENTS, handle, profile.id, array, byref(count))
        except NvmlFailure as failure:
            if failure.code in _NONE_HERE:
                return None
            raise
        placements = (Placement(one.start, one.size) for one in array[: count.value])
        return replace(profile, placements=tuple(placements))


def devices(
    session: Session, profiles: Profiles, gpu: Gpu, handle: Any, left_out: list[LeftOut]
) -> tuple[MigDevice, ...]:
    """The MIG devices that exist on a GPU, in NVML's order."""
    found: list[MigDevice] = []
    try:
        count: int = session.call("nvmlDeviceGetMaxMigDeviceCount", handle)
    except NvmlFailure as failure:
        _leave_out(f"MIG devices of gpu-{gpu.minor}", failure, left_out)
        return ()
    for index in range(count):
        try:
            device = session.call("nvmlDeviceGetMigDeviceHandleByIndex", handle, index)
            found.append(_device(session, profiles, gpu, handle, device))
        except NvmlFailure as failure:
            if failure.call == "nvmlDeviceGetMigDeviceHandleByIndex" and failure.code in (NOT_FOUND, INVALID_ARGUMENT):
                continue  # instances leave holes in the numbering
            _leave_out(f"MIG device {index} of gpu-{gpu.minor}", failure, left_out)
    return tuple(found)


def _leave_out(what: str, failure: NvmlFailure, left_out: list[LeftOut]) -> None:
    if failure.is_gone:
        raise failure
    left_out.append(failure.leaves_out(what))


def _device(session: Session, profiles: Profiles, gpu: Gpu, handle: Any, device: Any) -> MigDevice:
    call = session.call
    if gpu.memory_bytes is None:
        raise NvmlFailure("", None, "the card's memory is unknown, and profiles are named by it")
    number: int = call("nvmlDeviceGetGpuInstanceId", device)
    instance = call("nvmlDeviceGetGpuInstanceById", handle, number)
    info = call("nvmlGpuInstanceGetInfo", instance)
    compute_number: int = call("nvmlDeviceGetComputeInstanceId", device)
    compute = call("nvmlGpuInstanceGetComputeInstanceById", instance, compute_number)
    compute_info = call("nvmlComputeInstanceGetInfo_v2", compute)
    profile = profiles.by_id(gpu, handle, info.profileId)
    if profile is None:
        raise NvmlFailure(
            _PROFILE, None, f"GPU instance {number} has profile {info.profileId}, which the card does not list"
        )
    slices = compute_info.placement.size
    if slices != mig.slices_of(profile):
        whole = mig.slices_of(profile)
        raise NvmlFailure("", None, f"has {slices} of the {whole} compute slices of GPU instance {number}, not all")
    return MigDevice(
        uuid=call("nvmlDeviceGetUUID", device),
        profile=profile,
        gpu_instance=number,
        compute_instance=compute_number,
        placement=Placement(info.placement.start, info.placement.size),
    )
