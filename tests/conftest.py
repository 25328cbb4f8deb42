"""A small cluster for all tests."""

from __future__ import annotations

import pytest

import gpualloc as ga
from cluster import Json, claim, device_class, node, resource_slice


@pytest.fixture
def documents() -> list[Json]:
    """Two nodes with two and four devices, and one claim for two."""
    return [
        node("a"),
        node("b", zone="z1"),
        device_class(),
        resource_slice("a", 2),
        resource_slice("b", 4),
        claim("two", 2),
    ]


@pytest.fixture
def inventory(documents: list[Json]) -> ga.Inventory:
    return ga.Inventory.from_documents(documents)
