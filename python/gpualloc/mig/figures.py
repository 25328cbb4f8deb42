"""A card as its own driver describes it, for cards without published figures and for drivers that differ.

The caller asks NVML and hands in what it said; nothing here asks. Placements may be missing, since NVML tells them to
root only: then they come from the card's table, found by the enum index, which is the same on all cards. Start at
:func:`from_nvml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpualloc._errors import InvalidInputError
from gpualloc.mig.card import Card
from gpualloc.mig.profile import Profile, ProfileName, display_gigabytes, suffix
from gpualloc.mig.tables import card

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ProfileInfo", "from_nvml"]

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class ProfileInfo:
    """What NVML says of one GPU instance profile: `nvmlDeviceGetGpuInstanceProfileInfo` and possible placements.

    Attributes:
        enum_index: The index it was asked for by.
        id: The device-specific id it answered.
        slice_count: Compute slices.
        instance_count: The most instances.
        multiprocessor_count: Streaming multiprocessors.
        copy_engine_count: Copy engines.
        decoder_count: Video decoders.
        encoder_count: Video encoders.
        jpeg_count: JPEG engines.
        ofa_count: Optical flow engines.
        memory_size_mb: Memory in MiB.
        placements: Pairs of start and size in memory slices; `None` where NVML refused to tell.
    """

    enum_index: int
    id: int
    slice_count: int
    instance_count: int
    multiprocessor_count: int
    copy_engine_count: int
    decoder_count: int
    encoder_count: int
    jpeg_count: int
    ofa_count: int
    memory_size_mb: int
    placements: tuple[tuple[int, int], ...] | None = None


def from_nvml(
    product_name: str, memory_bytes: int, profiles: Iterable[ProfileInfo], *, pci_device_id: int | None = None
) -> Card:
    """The card that these answers describe.

    Args:
        product_name: As NVML names it.
        memory_bytes: The card's memory as NVML's first memory call gives it.
        profiles: One for each enum index that the card supports.
        pci_device_id: Finds the table for placements that are missing.

    Raises:
        InvalidInputError: for answers that contradict themselves or the table.
        UnknownCardError: if placements are missing and there is no table for the card.
        UnpublishedError: if placements are missing and nobody has published them.
    """
    document = f"card {product_name!r}"
    if memory_bytes <= 0:
        raise InvalidInputError(f"a card has memory; this says {memory_bytes} bytes", document, "memory_bytes")
    told = sorted(profiles, key=lambda info: info.enum_index)
    _refuse_repeated(document, told)
    table = None
    if any(info.placements is None for info in told):
        table = card(product_name, pci_device_id=pci_device_id)
    rows = tuple(_profile(document, info, memory_bytes, table) for info in told)
    if not rows:
        raise InvalidInputError("no profile was told", document, "profiles")
    ids = () if pci_device_id is None else (pci_device_id,)
    return Card(product_name, (product_name,), ids, -(-memory_bytes // _GIB), rows, ("NVML",))


def _refuse_repeated(document: str, told: list[ProfileInfo]) -> None:
    for field in ("enum_index", "id"):
        values = [getattr(info, field) for info in told]
        for value in values:
            if values.count(value) > 1:
                raise InvalidInputError(f"two profiles have {value}", document, f"profiles.{field}")


def _profile(document: str, info: ProfileInfo, memory_bytes: int, table: Card | None) -> Profile:
    starts, size = _places(document, info, table)
    gigabytes = display_gigabytes(info.memory_size_mb, memory_bytes)
    return Profile(
        name=str(ProfileName(info.slice_count, info.slice_count, gigabytes, suffix(info.enum_index))),
        id=info.id,
        enum_index=info.enum_index,
        compute_slices=info.slice_count,
        memory_slices=size,
        starts=starts,
        max_instances=info.instance_count,
        multiprocessors=info.multiprocessor_count,
        copy_engines=info.copy_engine_count,
        decoders=info.decoder_count,
        encoders=info.encoder_count,
        jpeg_engines=info.jpeg_count,
        ofa_engines=info.ofa_count,
        memory_mib=info.memory_size_mb,
    )


def _places(document: str, info: ProfileInfo, table: Card | None) -> tuple[tuple[int, ...], int]:
    """Starts and size; from the table where NVML kept them to itself."""
    field = f"profiles[enum {info.enum_index}]"
    if info.placements is not None:
        sizes = {size for _, size in info.placements}
        starts = tuple(sorted(start for start, _ in info.placements))
        if len(sizes) != 1 or min(sizes) < 1 or starts[0] < 0 or len(set(starts)) < len(starts):
            raise InvalidInputError(
                f"placements {list(info.placements)} are not starts of one size", document, f"{field}.placements"
            )
        return starts, sizes.pop()
    assert table is not None
    for row in table.profiles:
        if row.enum_index == info.enum_index:
            if row.compute_slices != info.slice_count:
                raise InvalidInputError(
                    f"the driver says {info.slice_count}, table {table.key} says {row.compute_slices}",
                    document,
                    f"{field}.slice_count",
                )
            return row.starts, row.memory_slices
    raise InvalidInputError(f"table {table.key} has no such profile to take placements from", document, field)
