"""MIG in the driver's terms: profile names, device names, capacities, counters.

Pure functions over the numbers that NVML gives for a card's profiles; no table of cards stands here. Sources: NVIDIA's
header for the kinds of profile, the DRA driver's slices for names and counters. Start at :func:`profile_name` and
:func:`is_partitionable`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpualloc._errors import DiscoveryError
from gpualloc.nvml.words import binary_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpualloc.nvml.host import Gpu, MigProfile, Placement

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
    """Compute slices of an instance."""
    return _SLICES[profile.index]


def profile_name(profile: MigProfile, memory_bytes: int) -> str:
    """`1g.10gb+me`: compute slices, and the card's memory in GiB times the eighths of it that the instance has.

    Both the eighths and the card's GiB are rounded up, their product to the nearest. `memory_bytes` is the card's.
    """
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
    values = {counter_name(name): {"value": binary_quantity(amount)} for name, amount in amounts.items()}
    for number in range(placement.start, placement.start + placement.size):
        values[f"memory-slice-{number}"] = {"value": "1"}
    return dict(sorted(values.items()))


def profiles_from_table(product_name: str) -> tuple[MigProfile, ...]:
    """The profiles and placements of a product where NVML may not be asked for them.

    Raises:
        DiscoveryError: always, for now: no table is shipped, and numbers are never invented.
    """
    raise DiscoveryError(f"no MIG profile table for {product_name!r} is shipped; placements need root or MIG rights")
