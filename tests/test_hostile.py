"""Hostile input: whatever comes in, an exception of this package or an answer comes out."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gpualloc as ga
from cluster import claim, device_class, node, resource_slice
from gpualloc import cel

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator


@contextmanager
def tolerated() -> Generator[None]:
    """Only errors of this package, each with something to say."""
    try:
        yield
    except ga.GpuallocError as error:
        if not str(error):
            raise


# More of them on demand: GPUALLOC_EXAMPLES=100000.
RELAXED = settings(
    max_examples=int(os.environ.get("GPUALLOC_EXAMPLES", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

numbers = st.one_of(st.integers(), st.integers(-(10**40), 10**40), st.floats(allow_nan=False, allow_infinity=False))
words = st.one_of(
    st.text(max_size=8), st.sampled_from(["", "All", "ExactCount", "1e999999999", "-1", "80Gi", "\ud800"])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)


def base() -> list[dict[str, Any]]:
    shared = resource_slice(
        "a",
        2,
        allowMultipleAllocations=True,
        attributes={"model": {"string": "x"}, "index": {"int": 1}},
        capacity={"memory": {"value": "80Gi", "requestPolicy": {"default": "1Gi", "validRange": {"min": "1Gi"}}}},
        taints=[{"key": "k", "effect": "NoSchedule"}],
    )
    wanted = claim("x", tolerations=[{"operator": "Exists"}], capacity={"requests": {"memory": "2Gi"}})
    return [node("a"), device_class(), shared, wanted]


def _entries(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, dict) else enumerate(value)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    entries: Any = ()
    if isinstance(value, dict | list):
        entries = list(_entries(value))
    for key, inner in entries:
        yield from places(inner, (*path, key))


PLACES = sorted(places(base()), key=repr)


def put(documents: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        documents = documents[key]
    documents[path[-1]] = value


def ask(documents: Any) -> None:
    inventory = ga.Inventory.from_documents(documents)
    for name in inventory.claims:
        answer = inventory.allocate(name, max_steps=2000)
        if answer:
            after = inventory.commit(answer)
            assert ga.Inventory.from_state(after.to_state()) == after
            for one in answer.claims:
                assert after.verify(one.claim, node=answer.node) == []


@RELAXED
@given(st.lists(st.tuples(st.sampled_from(PLACES), values), min_size=1, max_size=3))
def test_mutated_documents(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    documents = base()
    for path, value in changes:
        try:
            put(documents, path, value)
        except (KeyError, IndexError, TypeError):
            continue
    with tolerated():
        ask(documents)


@RELAXED
@given(st.binary(max_size=64), st.data())
def test_mutated_text(noise: bytes, data: st.DataObject) -> None:
    text = json.dumps(base()).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    with tolerated():
        ask(text[:start] + noise + text[end:])


@RELAXED
@given(values)
def test_any_value(value: Any) -> None:
    with tolerated():
        ga.Inventory.from_documents(value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"kind":"List","items":' * 10_000])
def test_deep_text(text: str) -> None:
    with pytest.raises(ga.InvalidInputError):
        ga.Inventory.from_documents(text)


def test_deep_mapping() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"metadata": deep}
    with pytest.raises(ga.InvalidInputError):
        ga.Inventory.from_documents(deep)


WORDS = """
device . attributes [ ] ( ) "d" driver == 1 1u 9999999999999999999999999 , && ! ? : x .all(x, .map(y, { } ''' r' \\
quantity( matches('(((') has( é < > + - * / % 0x 1.5e999 b"\\xff" .?a [?0] optional.none() cel.bind(x, .format([
"""
PIECES = st.sampled_from([*WORDS.split(), " in ", "\x00"])


def evaluate(expression: str) -> None:
    with tolerated():
        cel.compile(expression).matches({"attributes": {"a": {"int": 1}}}, driver="d")


@RELAXED
@given(st.lists(PIECES, max_size=30).map("".join))
def test_selectors(expression: str) -> None:
    evaluate(expression)


LIST = "[" + ",".join("0123456789") + "]"


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 5_000 + "true" + ")" * 5_000,
        "[" * 5_000,
        "!" * 10_000 + "true",
        "-" * 10_000 + "1 == 1",
        "true" + " && true" * 1_100,
        "true" + " ? true : true" * 600,
        "device" + ".x" * 4_000,
        '"' + "a" * 10_000,
        "".join(f"{LIST}.all({name}, " for name in "abcdefg") + "true" + ")" * 7,
        "'a'.matches('(a*)*" + "(a{0,1000}){0,1000}" + "$')",
    ],
)
def test_heavy_selectors(expression: str) -> None:
    evaluate(expression)
