"""MIG in the driver's terms: profile names, device names, capacities, counters.

Pure functions over the numbers that NVML gives for a card's profiles; the tables of cards are those of
:mod:`gpualloc.mig`. Sources: NVIDIA's header for the kinds of profile, the DRA driver's slices for names and counters.
Start at :func:`profile_name` and :func:`is_partitionable`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpualloc._errors import InvalidInputError
from gpualloc._quantity import binary
from gpualloc.mig import figures, tables
from gpualloc.mig.profile import FIGURES
from gpualloc.nvml.host import MigProfile, Placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpualloc.mig.card import Card
    from gpualloc.mig.profile import Profile
    from gpualloc.nvml.host import Gpu

__all__ = [
    "KINDS",
    "capacities",
    "counter_name",
    "counters",
    "device_name",
    "is_partitionable",
    "largest",
    "memory_slices",
    "profile_name",
    "profiles_from_table",
    "slices_of",
    "switches_freely",
]

_SLICES = (1, 2, 3, 4, 7, 8, 6, 1, 2, 1, 1, 2, 4, 1, 2, 1, 2, 3)
_SUFFIXES = {7: "+me", 8: "+me", 10: "+gfx", 11: "+gfx", 12: "+gfx", 13: "-me", 14: "-me", 15: "+me.all"} | {
    16: "+me.all",
    17: "+gfx",
}
KINDS = len(_SLICES)
"""How many kinds of profile NVML tells apart."""

_HOPPER = 9
_VGPU_GUEST = 2
_MIB = 1 << 20
_GIB = 1 << 30
_EIGHTHS = 8


def switches_freely(gpu: Gpu) -> bool:
    """Whether MIG mode can be switched on and off without resetting the card: from Hopper on."""
    return (gpu.architecture or 0) >= _HOPPER


def is_partitionable(gpu: Gpu) -> bool:
    """Whether the driver offers partitions of a GPU: it can make them without resetting the card.

    Guests of a vGPU host cannot, whatever the card.
    """
    if gpu.mig_mode is None or gpu.virtualization_mode in (None, _VGPU_GUEST):
        return False
    return gpu.mig_mode or switches_freely(gpu)


def slices_of(profile: MigProfile) -> int:
    """Compute slices of an instance.

    Raises:
        InvalidInputError: for a kind of profile that there is not, in a host written by hand.
    """
    if not 0 <= profile.index < KINDS:
        raise InvalidInputError(f"{profile.index} is no kind of profile", "", "profile.index")
    return _SLICES[profile.index]


def profile_name(profile: MigProfile, memory_bytes: int | None) -> str:
    """`1g.10gb+me`: compute slices, and the card's memory in GiB times the eighths of it that the instance has.

    Both the eighths and the card's GiB are rounded up, their product to the nearest. `memory_bytes` is the card's.

    Raises:
        InvalidInputError: without the card's memory, which a host with MIG devices has unless it was written by hand.
    """
    if not memory_bytes:
        raise InvalidInputError("is required where there is MIG, for profiles are named by it", "", "memory_bytes")
    eighths = -(-profile.memory_mib * _MIB * _EIGHTHS // memory_bytes)
    gib = -(-memory_bytes // _GIB)
    rounded = (2 * eighths * gib + _EIGHTHS) // (2 * _EIGHTHS)
    return f"{slices_of(profile)}g.{rounded}gb{_SUFFIXES.get(profile.index, '')}"


def device_name(gpu: Gpu, profile: MigProfile, placement: Placement, name: str) -> str:
    """`gpu-0-mig-1g10gb-me-20-4`: parent, profile without dots, the profile's number, the first memory slice."""
    plain = re.sub(r"[^a-z0-9-]", "-", name.replace(".", "").lower()).strip("-")
    return f"gpu-{gpu.minor}-mig-{plain}-{profile.id}-{placement.start}"


def capacities(profile: MigProfile) -> dict[str, int]:
    """What an instance has: counts of engines, and bytes of memory."""
    return {
        "copyEngines": profile.copy_engines,
        "decoders": profile.decoders,
        "encoders": profile.encoders,
        "jpegEngines": profile.jpeg_engines,
        "memory": profile.memory_mib * _MIB,
        "multiprocessors": profile.multiprocessors,
        "ofaEngines": profile.ofa_engines,
    }


def largest(profiles: Iterable[MigProfile]) -> dict[str, int]:
    """The most of each capacity that any placeable profile has: what the driver counts as the whole card."""
    most: dict[str, int] = {}
    for profile in profiles:
        if profile.placements:
            for name, amount in capacities(profile).items():
                most[name] = max(amount, most.get(name, amount))
    return most


def memory_slices(profiles: Iterable[MigProfile]) -> int:
    """Memory slices of the card: the size of the largest placement."""
    return max((placement.size for profile in profiles for placement in profile.placements), default=0)


def counter_name(capacity: str) -> str:
    """The counter that goes with a capacity: `copyEngines` is counted as `copy-engines`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", capacity).lower()


def counters(amounts: Mapping[str, int], placement: Placement) -> dict[str, dict[str, str]]:
    """The counters of some amounts, with one for each memory slice of the placement."""
    values = {counter_name(name): {"value": binary(amount)} for name, amount in amounts.items()}
    for number in range(placement.start, placement.start + placement.size):
        values[f"memory-slice-{number}"] = {"value": "1"}
    return dict(sorted(values.items()))


def profiles_from_table(
    product_name: str,
    memory_bytes: int,
    told: Sequence[MigProfile] = (),
    *,
    pci_device_id: int | None = None,
) -> tuple[MigProfile, ...]:
    """The profiles of a card with their placements where NVML may not be asked for them.

    Args:
        product_name: As NVML names it.
        memory_bytes: The card's, as NVML's first memory call gives it.
        told: What the driver said of the profiles; their placements alone then come from the table, so that no figure
            of the table stands where the driver has its own.
        pci_device_id: Finds the table where the name is not a known one.

    Raises:
        InvalidInputError: without a table, with a table in which what is needed is not published, and where the table
            and what was told contradict each other; numbers are never invented.
    """
    if not told:
        card = tables.card(product_name, pci_device_id=pci_device_id, memory_bytes=memory_bytes)
    else:
        card = figures.from_nvml(product_name, memory_bytes, map(_info, told), pci_device_id=pci_device_id)
    return tuple(_profile(card, one) for one in card.profiles)


def _info(profile: MigProfile) -> figures.ProfileInfo:
    return figures.ProfileInfo(
        enum_index=profile.index,
        id=profile.id,
        slice_count=slices_of(profile),
        # The counters bound the number of instances; nothing that is published needs it.
        instance_count=0,
        multiprocessor_count=profile.multiprocessors,
        copy_engine_count=profile.copy_engines,
        decoder_count=profile.decoders,
        encoder_count=profile.encoders,
        jpeg_count=profile.jpeg_engines,
        ofa_count=profile.ofa_engines,
        memory_size_mb=profile.memory_mib,
    )


def _profile(card: Card, row: Profile) -> MigProfile:
    return MigProfile(
        index=row.enum_index,
        id=row.id,
        placements=tuple(Placement(start, row.memory_slices) for start in row.starts),
        **{name: card.figure(row, name) for name in FIGURES},
    )
