"""Which instances fit on a card at once: published counts, and the engine's view of the same card.

Without this file the counters of a card could admit more or less than the card takes: then the engine would promise
instances that cannot be created, or refuse some that can.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc import mig
from mig_cluster import attribute, cards_with_counters, claim, claim_of, inventory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hypothesis.strategies import DataObject

SEVEN = [card for card in mig.cards() if card.compute_slices == 7]
A30, RTX = mig.card("NVIDIA A30"), mig.card("NVIDIA RTX PRO 6000 Blackwell Server Edition")
# Cards, profile ids, then: layouts, maximal layouts, distinct maximal multisets of profiles, all such multisets.
COUNTS = [
    *[(card, (19, 14, 9, 5, 0), (298, 19, 14, 38)) for card in SEVEN],
    *[(card, (19, 14, 9, 5, 0, 15), (723, 78, 38, 78)) for card in SEVEN],
    *[(card, (19, 14, 9, 5, 0, 15, 20), (2319, 239, 64, 128)) for card in SEVEN],
    (A30, (14, 5, 0), (26, 5, 4, 10)),
    (A30, (14, 21, 5, 6, 0), (76, 17, 8, 20)),
    (RTX, (14, 5, 0), (26, 5, 4, 10)),
    (RTX, (14, 21, 47, 65, 67, 5, 35, 64, 66, 0, 32), (717, 302, 64, 115)),
]


@pytest.mark.parametrize(("card", "profiles", "expected"), COUNTS, ids=lambda value: getattr(value, "key", None))
def test_published_counts(card: mig.Card, profiles: tuple[int, ...], expected: tuple[int, int, int, int]) -> None:
    layouts = [frozenset(layout) for layout in mig.layouts(card, profiles)]
    known = set(layouts)
    assert len(known) == len(layouts)
    places = [place for place in card.placements if place.profile in profiles]
    maximal = [layout for layout in known if all(place in layout or layout | {place} not in known for place in places)]
    kinds = [{tuple(sorted(place.profile for place in layout)) for layout in some} for some in (maximal, known)]
    assert (len(known), len(maximal), *map(len, kinds)) == expected


# The multisets that fill a card of seven slices with the five plain profiles, by compute slices.
FILLINGS = "1111111 111112 11113 11122 1113 1114 1123 1222 123 124 223 33 34 7"


@pytest.mark.parametrize("card", SEVEN, ids=lambda card: card.key)
def test_fillings(card: mig.Card) -> None:
    plain = {profile.id: profile.compute_slices for profile in card.profiles if profile.id in (19, 14, 9, 5, 0)}
    layouts = set(map(frozenset, mig.layouts(card, plain)))
    places = [place for place in card.placements if place.profile in plain]
    filled = {
        "".join(sorted(str(plain[place.profile]) for place in layout))
        for layout in layouts
        if all(place in layout or layout | {place} not in layouts for place in places)
    }
    assert filled == set(FILLINGS.split())


@pytest.mark.parametrize("key", cards_with_counters())
def test_the_engine_admits_the_same(key: str) -> None:
    card = cards_with_counters()[key]
    admitted = set(walk(inventory(card), card.placements, ()))
    assert admitted == set(map(frozenset, mig.layouts(card)))


def walk(
    state: ga.Inventory, places: Sequence[mig.Placement], held: tuple[mig.Placement, ...]
) -> Iterator[frozenset[mig.Placement]]:
    """Every set of places that the engine allocates, one after the other."""
    yield frozenset(held)
    for index, place in enumerate(places):
        answer = state.allocate([claim_of(place)], nodes=["node"])
        if answer:
            yield from walk(state.commit(answer), places[index + 1 :], (*held, place))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_order(data: DataObject) -> None:
    """Places taken in any order, with some given back in between."""
    card = data.draw(st.sampled_from(sorted(cards_with_counters().items())))[1]
    state, held = inventory(card), list[mig.Placement]()
    for place in data.draw(st.lists(st.sampled_from(card.placements), max_size=12)):
        if place in held:
            state = state.release(f"default/at-{place.profile}-{place.start}")
            held.remove(place)
            continue
        answer = state.allocate([claim_of(place)], nodes=["node"])
        assert bool(answer) == mig.is_possible(card, [*held, place])
        if answer:
            state = state.commit(answer)
            held.append(place)
    whole = state.allocate([claim("whole", [(f'{attribute("place")} == "whole"', 1)])], nodes=["node"])
    assert bool(whole) == (not held)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_by_profile(data: DataObject) -> None:
    """One claim for several instances by profile is placed exactly where a layout has these counts."""
    card = data.draw(st.sampled_from(sorted(cards_with_counters().items())))[1]
    names = [profile.name for profile in card.profiles]
    counts = Counter(data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=7)))
    requests = [
        (f'has({attribute("profile")}) && {attribute("profile")} == "{name}"', count) for name, count in counts.items()
    ]
    answer = inventory(card).allocate([claim("some", requests)], nodes=["node"])
    layouts = list(mig.layouts_of(card, counts))
    assert answer.outcome == ("placed" if layouts else "impossible")
    if answer:
        results = answer.claims[0].to_dict()["devices"]["results"]
        names_of = {
            mig.device_name(0, card.profile_by_id(place.profile), place.start): place for place in card.placements
        }
        found = {names_of[result["device"]] for result in results}
        assert found in [set(layout) for layout in layouts]


def test_compute_slices_limit() -> None:
    """On the cards so far memory slices run out first; here two halves of the memory have too much to compute."""
    told = [
        mig.ProfileInfo(4, 0, 5, 1, 70, 8, 4, 0, 0, 0, 80 << 10, ((0, 8),)),
        mig.ProfileInfo(2, 9, 3, 2, 42, 4, 2, 0, 0, 0, 40 << 10, ((0, 4), (4, 4))),
    ]
    card = mig.from_nvml("NVIDIA X", 80 << 30, told)
    assert sorted(map(len, mig.layouts(card))) == [0, 1, 1, 1]
    assert set(walk(inventory(card), card.placements, ())) == set(map(frozenset, mig.layouts(card)))


def test_is_maximal() -> None:
    card = mig.card("NVIDIA A100-SXM4-40GB")
    layouts = list(mig.layouts(card))
    assert sum(mig.is_maximal(card, layout) for layout in layouts) == 239
    assert not mig.is_maximal(card, ())


def test_unknown_places() -> None:
    with pytest.raises(ga.InvalidInputError, match="memory slice 1"):
        mig.is_possible(A30, [mig.Placement(5, 1)])
    with pytest.raises(ga.InvalidInputError, match="id 19"):
        mig.is_possible(A30, [mig.Placement(19, 0)])
    with pytest.raises(ga.InvalidInputError, match="id 19"):
        mig.is_maximal(A30, [mig.Placement(19, 0)])
    with pytest.raises(ga.InvalidInputError, match="id 19"):
        list(mig.layouts(A30, [19]))
    with pytest.raises(ga.InvalidInputError, match=r"1g\.5gb"):
        list(mig.layouts_of(A30, {"1g.5gb": 1}))
