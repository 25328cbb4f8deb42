"""The tables that come with the package: which cards there are, and what is published about their profiles.

`data/cards.json` lists the cards, `data/<key>.csv` has a card's profiles; an empty cell is a figure that nobody has
published and nothing here fills one in. Asks no driver. Start at :func:`card`.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, NoReturn

from gpualloc.mig._errors import UnknownCardError, UnpublishedError
from gpualloc.mig.card import Card
from gpualloc.mig.profile import FIGURES, Profile, ProfileName, display_gigabytes, eighths, nominal_gigabytes, suffix

__all__ = ["card", "cards", "without_table"]

_GIB = 1 << 30
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Untabled:
    """A card that can be partitioned, but of which too little is published for a table."""

    key: str
    products: tuple[str, ...]
    reason: str


def card(product_name: str, *, pci_device_id: int | None = None, memory_bytes: int | None = None) -> Card:
    """The table of a card.

    Args:
        product_name: As NVML names it, such as `NVIDIA H100 80GB HBM3`; with or without `NVIDIA`.
        pci_device_id: The PCI device id, which finds the table where the name is not a known one.
        memory_bytes: The card's memory as NVML gives it; names are then computed with it, as the tools do.

    Raises:
        UnknownCardError: if no table is for this card, or what is given contradicts itself: a name and an id of two
            tables, or more or less memory than the profiles of the table leave room for.
        UnpublishedError: if the card can be partitioned but its placements are not published.

    >>> h100 = card("NVIDIA H100 80GB HBM3")
    >>> [(profile.name, profile.id, profile.starts) for profile in h100.profiles if profile.compute_slices == 3]
    [('3g.40gb', 9, (0, 4))]
    """
    short = _short(product_name)
    named = next((one for one in cards() if short in map(_short, one.products)), None)
    numbered = next((one for one in cards() if pci_device_id in one.pci_device_ids), None)
    if named and numbered and named is not numbered:
        raise UnknownCardError(
            f"the name is of table {named.key}, the PCI device id of {numbered.key}",
            f"card {product_name!r}",
            "pci_device_id",
        )
    found = named or numbered
    if found is None:
        _refuse(product_name, short, pci_device_id)
    return found if memory_bytes is None else _named_for(found, product_name, memory_bytes)


@cache
def cards() -> tuple[Card, ...]:
    """All cards with a table."""
    return tuple(_read(entry) for entry in _index() if "unpublished" not in entry)


@cache
def without_table() -> tuple[Untabled, ...]:
    """The cards that can be partitioned but have no table, with the reason."""
    return tuple(
        Untabled(entry["key"], tuple(entry["products"]), entry["unpublished"])
        for entry in _index()
        if "unpublished" in entry
    )


def _refuse(product_name: str, short: str, pci_device_id: int | None) -> NoReturn:
    for one in without_table():
        if short in map(_short, one.products):
            raise UnpublishedError(f"{one.reason}; only the driver of such a card can tell", f"card {one.key}", "table")
    number = "" if pci_device_id is None else f" (PCI device id 0x{pci_device_id:04x})"
    raise UnknownCardError(f"no MIG table for this card{number}", f"card {product_name!r}")


def _short(product_name: str) -> str:
    return product_name.strip().casefold().removeprefix("nvidia ")


def _named_for(table: Card, product_name: str, memory_bytes: int) -> Card:
    """The table with the names that the profiles have on a card of so much memory."""
    if memory_bytes <= 0:
        _refuse_memory(table, product_name, memory_bytes)
    grid, renamed = table.memory_slices, list[Profile]()
    total_gib = -(-memory_bytes // _GIB)
    for profile in table.profiles:
        if profile.memory_mib is None:
            gigabytes = nominal_gigabytes(profile.memory_slices, grid, total_gib)
        else:
            if eighths(profile.memory_mib * _MIB, memory_bytes) != eighths(profile.memory_slices, grid):
                _refuse_memory(table, product_name, memory_bytes)
            gigabytes = display_gigabytes(profile.memory_mib, memory_bytes)
        renamed.append(replace(profile, name=_name(profile.compute_slices, gigabytes, profile.enum_index)))
    return replace(table, memory_gib=total_gib, profiles=tuple(renamed))


def _refuse_memory(table: Card, product_name: str, memory_bytes: int) -> NoReturn:
    raise UnknownCardError(
        f"a card with {memory_bytes} bytes of memory is not one of table {table.key}, "
        f"whose cards have {table.memory_gib} GiB",
        f"card {product_name!r}",
        "memory_bytes",
    )


def _name(compute_slices: int, gigabytes: int, enum_index: int) -> str:
    return str(ProfileName(compute_slices, compute_slices, gigabytes, suffix(enum_index)))


# --- package data -----------------------------------------------------------------------------------------------------


@cache
def _index() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(_text("cards.json"))["cards"]
    return entries


def _text(name: str) -> str:
    return (resources.files("gpualloc.mig") / "data" / name).read_text("utf-8")


def _read(entry: dict[str, Any]) -> Card:
    rows = list(csv.DictReader(_text(f"{entry['key']}.csv").splitlines()))
    total_gib = int(entry["memoryGiB"])
    grid = max(int(start) + int(row["memory_slices"]) for row in rows for start in row["starts"].split())
    return Card(
        key=entry["key"],
        products=tuple(entry["products"]),
        pci_device_ids=tuple(int(text, 16) for text in entry["pciDeviceIds"]),
        memory_gib=total_gib,
        profiles=tuple(_profile(row, grid, total_gib) for row in rows),
        sources=tuple(entry["sources"]),
        notes=tuple(entry.get("notes", ())),
    )


def _profile(row: dict[str, str], grid: int, total_gib: int) -> Profile:
    figures = {figure: int(row[figure]) if row[figure] else None for figure in FIGURES}
    memory_mib, memory_slices = figures["memory_mib"], int(row["memory_slices"])
    gigabytes = (
        nominal_gigabytes(memory_slices, grid, total_gib)
        if memory_mib is None
        else display_gigabytes(memory_mib, total_gib * _GIB)
    )
    compute_slices, enum_index = int(row["compute_slices"]), int(row["enum_index"])
    return Profile(
        name=_name(compute_slices, gigabytes, enum_index),
        id=int(row["id"]),
        enum_index=enum_index,
        compute_slices=compute_slices,
        memory_slices=memory_slices,
        starts=tuple(map(int, row["starts"].split())),
        max_instances=int(row["max_instances"]),
        **figures,
    )
