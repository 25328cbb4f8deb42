"""Which sets of instances a card takes at once, by going through all of them.

This is the plain view of the rules: memory slices do not overlap, compute slices and engines suffice, and no profile
has more instances than its maximum. The engine sees the same card as shared counters (:mod:`gpualloc.mig.partition`)
and never uses this; that both admit the same layouts is what the tests compare. Chooses nothing. Start at
:func:`layouts`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gpualloc.mig.card import Card
    from gpualloc.mig.profile import Placement, Profile

__all__ = ["is_maximal", "is_possible", "layouts", "layouts_of"]

_ENGINES = ("copy_engines", "decoders", "encoders", "jpeg_engines", "ofa_engines")


def layouts(card: Card, profiles: Iterable[int] | None = None) -> Iterator[tuple[Placement, ...]]:
    """Every set of instances the card takes at once, the empty one first.

    Engines of a kind whose figures are not all published limit nothing; see `Card.unpublished`.

    Args:
        card: The card.
        profiles: Profile ids to use; default is all of the card's.
    """
    rules = _Rules(card)
    wanted = None if profiles is None else {card.profile_by_id(profile).id for profile in profiles}
    places = [place for place in card.placements if wanted is None or place.profile in wanted]
    yield from _extended((), places, rules)


def _extended(layout: tuple[Placement, ...], places: list[Placement], rules: _Rules) -> Iterator[tuple[Placement, ...]]:
    yield layout
    for index, place in enumerate(places):
        longer = (*layout, place)
        if rules.allow(longer):
            yield from _extended(longer, places[index + 1 :], rules)


def layouts_of(card: Card, counts: Mapping[str, int]) -> Iterator[tuple[Placement, ...]]:
    """Every layout with exactly so many instances of each profile; none where they do not fit together.

    Args:
        card: The card.
        counts: How many instances by profile name.

    Raises:
        InvalidInputError: for a profile the card does not have.
    """
    ids = Counter({card.profile(name).id: count for name, count in counts.items() if count})
    for layout in layouts(card, ids):
        if Counter(place.profile for place in layout) == ids:
            yield layout


def is_possible(card: Card, layout: Iterable[Placement]) -> bool:
    """Whether the card takes these instances at once.

    Raises:
        InvalidInputError: for a profile or a start that the card does not have.
    """
    return _Rules(card).allow(_known(card, layout))


def is_maximal(card: Card, layout: Iterable[Placement]) -> bool:
    """Whether nothing more fits beside these instances.

    Raises:
        InvalidInputError: for a profile or a start that the card does not have.
    """
    places, rules = _known(card, layout), _Rules(card)
    return not any(rules.allow((*places, place)) for place in card.placements if place not in places)


def _known(card: Card, layout: Iterable[Placement]) -> tuple[Placement, ...]:
    places = tuple(layout)
    for place in places:
        if place.start not in card.profile_by_id(place.profile).starts:
            raise InvalidInputError(
                f"profile {place.profile} cannot begin at memory slice {place.start}", f"card {card.key}", "start"
            )
    return places


class _Rules:
    def __init__(self, card: Card) -> None:
        self._profiles: dict[int, Profile] = {profile.id: profile for profile in card.profiles}
        self._compute_slices = card.compute_slices
        # The chip has what its largest profile has; a kind with a gap in its figures says nothing.
        columns = {engine: [getattr(profile, engine) for profile in card.profiles] for engine in _ENGINES}
        self._engines = {engine: max(column) for engine, column in columns.items() if None not in column}

    def allow(self, layout: tuple[Placement, ...]) -> bool:
        profiles = [self._profiles[place.profile] for place in layout]
        taken = [
            memory_slice
            for place, profile in zip(layout, profiles, strict=True)
            for memory_slice in range(place.start, place.start + profile.memory_slices)
        ]
        instances = Counter(place.profile for place in layout)
        return (
            len(set(taken)) == len(taken)
            and sum(profile.compute_slices for profile in profiles) <= self._compute_slices
            and all(count <= self._profiles[number].max_instances for number, count in instances.items())
            and all(
                sum(getattr(profile, engine) for profile in profiles) <= limit
                for engine, limit in self._engines.items()
            )
        )
