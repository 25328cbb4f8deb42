"""Tenstorrent cards as the driver `tenstorrent.com` publishes them: one device for each chip that the host can open.

A description has, beside `vendor` and `node`, `chips`: each with `chipID`, `trayID`, `asicLocation`, `boardType` (the
number of the driver's enumeration), `chipArch`, `uniqueID` (as text, for it has 64 bits), `memoryBytes`, `mmio`
(whether the host can open it) and `pciAddress` where it has one. Chips that the host cannot open go with the first one
of their tray that it can.

Asks no driver. Start at :func:`host`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gpualloc._quantity import binary
from gpualloc.vendors._fields import PCI_ADDRESS, Fields
from gpualloc.vendors._slices import Host, attribute, capacity, device_class
from gpualloc.vendors.concepts import Concepts

__all__ = ["CONCEPTS", "DEVICE_CLASSES", "host"]

Json = dict[str, Any]

CONCEPTS = Concepts(
    driver="tenstorrent.com",
    device_class="tenstorrent.com",
    stable_id="uniqueID",
    model="boardName",
    memory="memory",
    beyond_counts="adjacency, which is not published",
)
DEVICE_CLASSES = (device_class("tenstorrent.com", "device.driver == 'tenstorrent.com'"),)

_BOARDS = (
    *("e75", "e150", "e300", "n150", "n300", "p100", "p150", "p300", "galaxy"),
    *("galaxy-wormhole", "galaxy-blackhole", "quasar"),
)
_UNIQUE_ID = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)
# Longer texts are refused by the API.
_LONGEST_TEXT = 64


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip of a description."""

    chip_id: int
    tray_id: int
    location: int
    board_type: int
    arch: str
    unique_id: str
    memory_bytes: int
    can_be_opened: bool
    pci: str


def host(fields: Fields) -> Host:
    """What the driver publishes for the host described, by chip id."""
    chips = sorted((_chip(row) for row in fields.rows("chips")), key=lambda chip: chip.chip_id)
    if len({chip.chip_id for chip in chips}) < len(chips):
        fields.refuse("chips", "two chips have one chipID")
    devices, left_out = list[Json](), list[str]()
    for tray in sorted({chip.tray_id for chip in chips}):
        here = [chip for chip in chips if chip.tray_id == tray]
        opened = sorted((chip for chip in here if chip.can_be_opened), key=lambda chip: chip.location)
        others = [chip for chip in here if not chip.can_be_opened]
        if not opened:
            numbers = ", ".join(str(chip.chip_id) for chip in others)
            left_out.append(f"tray {tray}: the host can open none of its chips ({numbers})")
        for place, chip in enumerate(opened):
            devices.append(_device(chip, others if place == 0 else [], left_out))
    return Host(sorted(devices, key=lambda device: int(device["attributes"]["chipID"]["int"])), left_out=left_out)


def _chip(row: Fields) -> Chip:
    chip = Chip(
        chip_id=row.number("chipID"),
        tray_id=row.number("trayID"),
        location=row.number("asicLocation"),
        board_type=row.number("boardType"),
        arch=row.text("chipArch"),
        unique_id=row.text("uniqueID", _UNIQUE_ID),
        memory_bytes=row.number("memoryBytes"),
        can_be_opened=row.flag("mmio"),
        pci=row.text("pciAddress", PCI_ADDRESS, default=""),
    )
    row.close()
    return chip


def _device(chip: Chip, remote: list[Chip], left_out: list[str]) -> Json:
    name = f"tt-{chip.chip_id}"
    attributes = {
        "vendor": attribute("tenstorrent"),
        "chipID": attribute(chip.chip_id),
        "trayID": attribute(chip.tray_id),
        "asicLocation": attribute(chip.location),
        "boardType": attribute(chip.board_type),
        "boardName": attribute(_BOARDS[chip.board_type] if chip.board_type < len(_BOARDS) else "unknown"),
        "chipArch": attribute(chip.arch),
        "uniqueID": attribute(chip.unique_id),
        "chipCount": attribute(1 + len(remote)),
    }
    if chip.pci:
        attributes["pciAddress"] = attribute(chip.pci)
    lists = {
        "remoteChipIDs": [str(one.chip_id) for one in remote],
        "remoteUniqueIDs": [one.unique_id for one in remote],
    }
    for field, items in lists.items():
        text = ",".join(items)
        if len(text) > _LONGEST_TEXT:
            # The driver publishes it all the same, and the API server refuses the slice with every device in it.
            left_out.append(f"device {name}: {field} has {len(text)} characters, the API takes {_LONGEST_TEXT}")
        elif text:
            attributes[field] = attribute(text)
    memory = chip.memory_bytes + sum(one.memory_bytes for one in remote)
    return {
        "name": name,
        "attributes": attributes,
        **({"capacity": {"memory": capacity(binary(memory))}} if memory else {}),
    }
