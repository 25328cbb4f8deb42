"""A card that can be partitioned: its profiles, and what all of it comes to.

Pure data: asks no driver and decides nothing. Where the tables come from: :mod:`gpualloc.mig.tables`; a card as its
driver describes it: :mod:`gpualloc.mig.figures`. Start at :class:`Card`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpualloc._errors import InvalidInputError
from gpualloc.mig._errors import UnpublishedError
from gpualloc.mig.profile import FIGURES, Placement, Profile

__all__ = ["Card"]


@dataclass(frozen=True, slots=True)
class Card:
    """A kind of card and its MIG profiles.

    Attributes:
        key: Our name of the table, such as `h100-80`; of a card read from a driver its product name.
        products: NVML's product names, without the leading `NVIDIA`.
        pci_device_ids: PCI device ids (vendor 0x10de).
        memory_gib: The card's memory in GiB, rounded up; what names are computed with.
        profiles: The rows of the table, by enum index.
        sources: Where the figures were published.
        notes: What to know about them, such as which are missing.
    """

    key: str
    products: tuple[str, ...]
    pci_device_ids: tuple[int, ...]
    memory_gib: int
    profiles: tuple[Profile, ...]
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def memory_slices(self) -> int:
        """Length of the memory grid: 8, 4 or 12 on the cards known; never assume 8."""
        return max(start + profile.memory_slices for profile in self.profiles for start in profile.starts)

    @property
    def compute_slices(self) -> int:
        """Compute slices of the largest profile."""
        return max(profile.compute_slices for profile in self.profiles)

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Every place of every profile on an empty card."""
        return tuple(placement for profile in self.profiles for placement in profile.placements)

    @property
    def unpublished(self) -> tuple[str, ...]:
        """The figures nobody has published, as `profile.figure`; empty where counters can be had from the table."""
        return tuple(f"{profile.name}.{figure}" for profile in self.profiles for figure in profile.unpublished)

    def profile(self, name: str) -> Profile:
        """The profile of this name.

        Raises:
            InvalidInputError: if the card has none; names depend on the card and on its driver.
        """
        for profile in self.profiles:
            if profile.name == name:
                return profile
        known = ", ".join(profile.name for profile in self.profiles)
        raise InvalidInputError(f"no profile {name!r}; the card has {known}", f"card {self.key}", "profile")

    def profile_by_id(self, profile_id: int) -> Profile:
        """The profile of this device-specific id.

        Raises:
            InvalidInputError: if the card has none.
        """
        for profile in self.profiles:
            if profile.id == profile_id:
                return profile
        raise InvalidInputError(f"no profile with id {profile_id}", f"card {self.key}", "profile")

    def figure(self, profile: Profile, name: str) -> int:
        """A figure of a profile, by field name.

        Raises:
            UnpublishedError: if nobody has published it.
        """
        value: int | None = getattr(profile, name)
        if value is None:
            raise UnpublishedError(
                "not published; only the driver of such a card can tell it",
                f"card {self.key}",
                f"{profile.name}.{name}",
            )
        return value

    def largest(self) -> dict[str, int]:
        """Each figure's maximum over the profiles; what the driver takes for the whole card, not what the chip has.

        Raises:
            UnpublishedError: if one of the figures is not published.
        """
        return {name: max(self.figure(profile, name) for profile in self.profiles) for name in FIGURES}
