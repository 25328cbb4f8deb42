"""A MIG profile: how much of a card one GPU instance takes, where it may begin, and how its name comes about.

Names are computed as the tools compute them: the memory of the instance as a share of the card's, rounded up to
eighths, times the card's memory in whole GiB. So one profile has other names on other cards and, where a driver keeps
more memory back, on the same card; what stays is the enum index. Knows no card. Start at :class:`Profile`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from gpualloc._errors import InvalidInputError

__all__ = [
    "FIGURES",
    "Placement",
    "Profile",
    "ProfileName",
    "display_gigabytes",
    "eighths",
    "nominal_gigabytes",
    "suffix",
]

# NVML's GPU instance profile enumeration: the only numbering that is the same on all cards (nvml.h, 13.0).
_SUFFIXES = {
    **dict.fromkeys((0x7, 0x8), "+me"),
    **dict.fromkeys((0xA, 0xB, 0xC, 0x11), "+gfx"),
    **dict.fromkeys((0xD, 0xE), "-me"),
    **dict.fromkeys((0xF, 0x10), "+me.all"),
}
_MIB = 1 << 20
_GIB = 1 << 30
_NAME = re.compile(r"(?:([1-9][0-9]?)c\.)?([1-9][0-9]?)g\.(0|[1-9][0-9]{0,4})gb(\+me|\+me\.all|\+gfx|-me)?", re.ASCII)

FIGURES = (
    "multiprocessors",
    "copy_engines",
    "decoders",
    "encoders",
    "jpeg_engines",
    "ofa_engines",
    "memory_mib",
)
"""What a profile holds beside its slices, by the names of the fields of :class:`Profile`."""


class Placement(NamedTuple):
    """One GPU instance on a card: which profile, and its first memory slice."""

    profile: int
    """The device-specific profile id."""
    start: int
    """The first memory slice taken."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One row of a card's table. A figure is `None` where nobody has published it.

    Attributes:
        name: As the tools print it for this card, such as `1g.10gb+me`.
        id: The device-specific profile id, as in `nvidia-smi mig -lgip` and in device names.
        enum_index: NVML's enumeration index, the same on all cards.
        compute_slices: Compute slices (the `g` of the name).
        memory_slices: Memory slices; the size of every placement.
        starts: First memory slices at which an instance may begin, ascending.
        max_instances: How many instances an empty card takes.
        multiprocessors: Streaming multiprocessors.
        copy_engines: Copy engines.
        decoders: Video decoders.
        encoders: Video encoders.
        jpeg_engines: JPEG engines.
        ofa_engines: Optical flow engines.
        memory_mib: Memory in MiB.
    """

    name: str
    id: int
    enum_index: int
    compute_slices: int
    memory_slices: int
    starts: tuple[int, ...]
    max_instances: int
    multiprocessors: int | None = None
    copy_engines: int | None = None
    decoders: int | None = None
    encoders: int | None = None
    jpeg_engines: int | None = None
    ofa_engines: int | None = None
    memory_mib: int | None = None

    @property
    def unpublished(self) -> tuple[str, ...]:
        """The figures nobody has published, by field name."""
        return tuple(figure for figure in FIGURES if getattr(self, figure) is None)

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Every place on an empty card."""
        return tuple(Placement(self.id, start) for start in self.starts)


@dataclass(frozen=True, slots=True)
class ProfileName:
    """The parts of a profile's name: `[<C>c.]<G>g.<GB>gb` and one of `+me`, `+me.all`, `+gfx`, `-me` or nothing."""

    compute_slices: int
    """Slices of the compute instance; differs from `gpu_slices` where a GPU instance is split (`1c.3g.20gb`)."""
    gpu_slices: int
    gigabytes: int
    suffix: str = ""

    @staticmethod
    def parse(text: str) -> ProfileName:
        """The parts of a name.

        Raises:
            InvalidInputError: if the text as a whole is no profile name.

        >>> ProfileName.parse("1g.24gb-me")
        ProfileName(compute_slices=1, gpu_slices=1, gigabytes=24, suffix='-me')
        >>> str(ProfileName.parse("1c.3g.20gb"))
        '1c.3g.20gb'
        """
        match = _NAME.fullmatch(text)
        if match is None:
            raise InvalidInputError(f"{text!r} is no MIG profile such as 1g.10gb, 1c.3g.20gb, 1g.10gb+me or 1g.24gb-me")
        split, gpu, gigabytes, ending = match.groups()
        compute_slices, gpu_slices = int(split or gpu), int(gpu)
        if compute_slices > gpu_slices:
            raise InvalidInputError(f"{text!r} has more compute slices than its GPU instance")
        return ProfileName(compute_slices, gpu_slices, int(gigabytes), ending or "")

    def __str__(self) -> str:
        split = "" if self.compute_slices == self.gpu_slices else f"{self.compute_slices}c."
        return f"{split}{self.gpu_slices}g.{self.gigabytes}gb{self.suffix}"


def suffix(enum_index: int) -> str:
    """What the name of a profile ends with, by NVML's enumeration index."""
    return _SUFFIXES.get(enum_index, "")


def display_gigabytes(memory_mib: int, total_bytes: int) -> int:
    """The `gb` of a profile's name.

    Args:
        memory_mib: Memory of the instance in MiB.
        total_bytes: Memory of the card in bytes, as NVML's first memory call gives it.

    >>> display_gigabytes(9984, 85_520_809_984)
    10
    """
    return _of_eighths(eighths(memory_mib * _MIB, total_bytes), -(-total_bytes // _GIB))


def eighths(part: int, whole: int) -> int:
    """A part in eighths of the whole, rounded up."""
    return -(-part * 8 // whole)


def _of_eighths(number: int, total_gib: int) -> int:
    """So many eighths of the card's memory in whole GiB, a half rounded up."""
    return (number * total_gib + 4) // 8


def nominal_gigabytes(memory_slices: int, grid: int, total_gib: int) -> int:
    """The `gb` of a profile whose memory is not published: its memory slices are its share of the card."""
    return _of_eighths(eighths(memory_slices, grid), total_gib)
