"""The configurations that mig-parted makes for a node: everything of one profile, and a balanced mix.

Names and counts as `nvidia-mig-parted generate-config` has them; which cards the node has is the caller's to say.
Start at :func:`standard_configurations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpualloc._errors import InvalidInputError
from gpualloc.mig.parted import Entry
from gpualloc.mig.profile import suffix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpualloc.mig.card import Card
    from gpualloc.mig.profile import Profile

__all__ = ["standard_configurations"]

# Instances by compute slices of the profile, for cards with so many compute slices.
_BALANCED = {7: {1: 2, 2: 1, 3: 1}, 4: {1: 2, 2: 1}}


def standard_configurations(cards: Iterable[Card]) -> dict[str, tuple[Entry, ...]]:
    """`all-disabled`, `all-enabled`, one `all-<profile>` for each profile, and `all-balanced`.

    Where the cards have several PCI device ids, entries say by a filter which they are for.

    Raises:
        InvalidInputError: if there is no card, or a card's PCI device ids are not known.
    """
    by_id: dict[int, Card] = {}
    for card in cards:
        if not card.pci_device_ids:
            raise InvalidInputError("its PCI device ids are not known", f"card {card.key}", "pci_device_ids")
        by_id |= dict.fromkeys(card.pci_device_ids, card)
    if not by_id:
        raise InvalidInputError("no card is given")
    made: dict[str, tuple[Entry, ...]] = {
        "all-disabled": (Entry(None, mig_enabled=False),),
        "all-enabled": (Entry(None, mig_enabled=True, mig_devices={}),),
    }
    names = sorted({profile.name for card in by_id.values() for profile in card.profiles})
    for name in names:
        made[f"all-{name.replace('+', '.')}"] = _all_of(name, by_id)
    balanced = _grouped({number: _balanced(card) for number, card in by_id.items()}, len(by_id))
    return {**made, "all-balanced": balanced} if balanced else made


def _all_of(name: str, by_id: dict[int, Card]) -> tuple[Entry, ...]:
    wanted: dict[int, dict[str, int]] = {}
    for number, card in by_id.items():
        most = [profile.max_instances for profile in card.profiles if profile.name == name]
        if most:
            wanted[number] = {name: max(most)}
    return _grouped(wanted, len(by_id))


def _balanced(card: Card) -> dict[str, int]:
    """Empty where the card lacks a profile for it."""
    counts: dict[str, int] = {}
    for compute_slices, count in _BALANCED.get(card.compute_slices, {}).items():
        plain = [profile for profile in card.profiles if _is_plain(profile, compute_slices)]
        if not plain:
            return {}
        # Of two with as many compute slices that with less memory: more of it fit.
        counts[max(plain, key=lambda profile: profile.max_instances).name] = count
    return counts


def _is_plain(profile: Profile, compute_slices: int) -> bool:
    return profile.compute_slices == compute_slices and not suffix(profile.enum_index)


def _grouped(wanted: dict[int, dict[str, int]], known: int) -> tuple[Entry, ...]:
    """One entry for all cards that want the same."""
    groups: dict[tuple[tuple[str, int], ...], list[int]] = {}
    for number, counts in sorted(wanted.items()):
        if counts:
            groups.setdefault(tuple(counts.items()), []).append(number)
    return tuple(
        Entry(None, mig_enabled=True, mig_devices=dict(counts), device_filter=_filter(numbers) if known > 1 else ())
        for counts, numbers in groups.items()
    )


def _filter(numbers: list[int]) -> tuple[str, ...]:
    return tuple(f"0x{number:04X}10DE" for number in numbers)
