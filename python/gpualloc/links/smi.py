"""Reads what `nvidia-smi topo -m` prints, for a machine that nobody here can reach.

Takes the text as it was pasted: with what stood before and after it, with tabs or spaces, underlined by the terminal,
of any driver: NICs by their own names or numbered with a legend, `SOC` for `SYS`, with or without NUMA columns. The
text says less than a machine: a pair with NVLinks has no PCIe level, and links have no speed unless the reader is told
their generation. Never guesses a cell. Start at :func:`read`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpualloc._errors import InvalidInputError
from gpualloc.links.bandwidth import NVLINK
from gpualloc.links.table import Device, LinkTable, Nic, PcieLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["DRIVER", "is_picture", "read"]

DRIVER = "gpu.nvidia.com"
"""The DRA driver of every device in such a text."""

_DOCUMENT = "nvidia-smi topo"
# The terminal's underline, also where copying has lost its first character, which nobody sees.
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\[[0-9;]*m")
_TITLES = {title: title.replace(" ", r"\s+") for title in ("CPU Affinity", "NUMA Affinity", "GPU NUMA ID")}
_GPU = re.compile(r"GPU\d+")
_NAME = re.compile(r"[A-Za-z][\w.-]*")
_LEGEND = re.compile(r"\s*(NIC\d+)\s*:\s*(\S+)\s*")
# Copied out of a terminal, cells may have lost the space between them.
_CELL = re.compile(r"\s*(X|NV[0-9]{1,4}|PIX|PXB|PHB|NODE|SYS|SOC|N/A)")
# What drivers before 2018 called the way between sockets.
_LEVELS = {**{level.name: level for level in PcieLevel if level is not PcieLevel.BOARD}, "SOC": PcieLevel.SYS}
_UNSAID = "N/A"


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[str, ...]
    titled: tuple[str, ...]
    """What stands below the titles; empty for a NIC."""


def is_picture(text: str) -> bool:
    """Whether there is a header line in the text such as `nvidia-smi topo -m` prints."""
    return _header(_lines(text)) is not None


def read(text: str, *, node: str = "", nvlink: int | None = None, names: Mapping[str, str] | None = None) -> LinkTable:
    """The link table that the text draws.

    Args:
        text: The output of `nvidia-smi topo -m`, or of `-mp` without NVLinks.
        node: Name of the node.
        nvlink: The generation of its NVLinks, which says how fast they are; without it their bandwidth is unknown.
        names: Names of devices as slices have them, by label: `{"GPU0": "gpu-3"}`. Without it a device is called by
            its label, for the number of a device file does not stand in the text.

    Raises:
        InvalidInputError: with row and column, for a text that has no such table, or that says two things of one pair;
            for a generation whose speed nobody has published; for names of devices that are not there.
    """
    if nvlink is not None and nvlink not in NVLINK:
        known = ", ".join(map(str, NVLINK))
        raise InvalidInputError(f"the speed of generation {nvlink} is not known; {known} are", _DOCUMENT, "nvlink")
    lines = _lines(text)
    found = _header(lines)
    if found is None:
        raise InvalidInputError("no line names GPU0 and others as columns", _DOCUMENT, "header")
    at, columns, titles = found
    rows = _rows(lines[at + 1 :], columns, titles)
    legend = {match[1]: match[2] for line in lines[at + 1 :] if (match := _LEGEND.fullmatch(line))}
    gpus = [column for column in columns if _GPU.fullmatch(column)]
    others = [column for column in columns if column not in gpus]
    called = dict(names or {})
    for label in called:
        if label not in gpus:
            raise InvalidInputError("no such device in the text", _DOCUMENT, f"names[{label}]")

    def cell(a: str, b: str) -> str:
        return rows[a].cells[columns.index(b)]

    _refuse_two_answers(columns, cell)
    links = tuple(tuple(_links(cell(a, b)) for b in gpus) for a in gpus)
    speed = None if nvlink is None else NVLINK[nvlink]
    return LinkTable(
        node=node,
        driver=DRIVER,
        devices=tuple(_device(one, called.get(one, one), rows[one], titles) for one in gpus),
        nics=tuple(_nic(number, one, legend) for number, one in enumerate(others)),
        links=links,
        bandwidth=tuple(tuple(_bandwidth(number, speed) for number in row) for row in links),
        pcie=tuple(tuple(_level(a, b, cell(a, b)) for b in (*gpus, *others)) for a in (*gpus, *others)),
    )


# --- lines ------------------------------------------------------------------------------------------------------------


def _lines(text: str) -> list[str]:
    return [_ESCAPES.sub("", line).lstrip("> ").rstrip() for line in text.lstrip("\ufeff").splitlines()]


def _header(lines: Sequence[str]) -> tuple[int, tuple[str, ...], tuple[str, ...]] | None:
    """Where it is, the columns of the matrix, and the titles after them."""
    for at, line in enumerate(lines):
        titles = tuple(title for title, pattern in _TITLES.items() if re.search(rf"\b{pattern}\b", line))
        columns = tuple(re.split("|".join(_TITLES.values()), line)[0].split())
        is_named = all(map(_NAME.fullmatch, columns)) and any(map(_GPU.fullmatch, columns))
        if is_named and not any(map(_CELL.fullmatch, columns)) and (titles or len(columns) > 1):
            if len(set(columns)) < len(columns):
                raise InvalidInputError("names a column twice", _DOCUMENT, "header")
            return at, columns, titles
    return None


def _rows(lines: Sequence[str], columns: tuple[str, ...], titles: tuple[str, ...]) -> dict[str, _Row]:
    """The row of each column; they follow the header in any order."""
    found: dict[str, _Row] = {}
    for line in lines:
        name, _, rest = line.strip().replace("\t", " ").partition(" ")
        if name not in columns:
            if line.strip() and found:
                break
            continue
        if name in found:
            raise InvalidInputError("stands there twice", _DOCUMENT, f"row {name}")
        found[name] = _row(name, rest, columns, titles)
    for name in columns:
        if name not in found:
            raise InvalidInputError("is missing", _DOCUMENT, f"row {name}")
    return found


def _row(name: str, text: str, columns: tuple[str, ...], titles: tuple[str, ...]) -> _Row:
    cells: list[str] = []
    position = 0
    for column in columns:
        match = _CELL.match(text, position)
        if match is None:
            word = next(iter(text[position:].split()), "nothing")
            raise InvalidInputError(f"{word} is no link", _DOCUMENT, f"row {name}, column {column}")
        cells.append(match[1])
        position = match.end()
    titled = tuple(text[position:].split())
    if titled and len(titled) != len(titles):
        said = f"{len(titled)} values stand below the {len(titles)} titles after the matrix"
        raise InvalidInputError(said, _DOCUMENT, f"row {name}")
    return _Row(tuple(cells), titled)


def _refuse_two_answers(columns: Sequence[str], cell: Callable[[str, str], str]) -> None:
    for a in columns:
        for b in columns:
            one, other = cell(a, b), cell(b, a)
            where = f"row {a}, column {b}"
            if (one == "X") != (a == b):
                raise InvalidInputError(f"{one} is out of place", _DOCUMENT, where)
            if one != other:
                raise InvalidInputError(f"{one}, but {other} the other way round", _DOCUMENT, where)
            if one.startswith("NV") and not (_GPU.fullmatch(a) and _GPU.fullmatch(b)):
                raise InvalidInputError("NVLinks lead to GPUs alone", _DOCUMENT, where)


# --- values -----------------------------------------------------------------------------------------------------------


def _links(cell: str) -> int | None:
    if cell.startswith("NV"):
        return int(cell[2:])
    # Where the driver says nothing of PCIe it has said nothing of NVLinks either.
    return None if cell == _UNSAID else 0


def _bandwidth(links: int | None, speed: int | None) -> int | None:
    if links == 0:
        return 0
    return None if links is None or speed is None else links * speed


def _level(a: str, b: str, cell: str) -> PcieLevel | None:
    return PcieLevel.BOARD if a == b else _LEVELS.get(cell)


def _device(label: str, name: str, row: _Row, titles: tuple[str, ...]) -> Device:
    said = dict(zip(titles, row.titled, strict=False))
    cpus = said.get("CPU Affinity", _UNSAID)
    numa, memory = (_number(label, title, said.get(title, _UNSAID)) for title in ("NUMA Affinity", "GPU NUMA ID"))
    device = Device(name=name, label=label, cpus=None if cpus == _UNSAID else cpus)
    return replace(device, numa_node=numa, memory_numa_node=memory)


def _number(label: str, title: str, text: str) -> int | None:
    """A NUMA node. Several, as on machines that have more than one per socket, name none that is nearest."""
    if text == _UNSAID or re.fullmatch(r"\d+([-,]\d+)+", text):
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise InvalidInputError(f"{text} is no NUMA node", _DOCUMENT, f"row {label}, column {title}")
    return int(text)


def _nic(number: int, column: str, legend: Mapping[str, str]) -> Nic:
    label = column if re.fullmatch(r"NIC\d+", column) else f"NIC{number}"
    return Nic(name=legend.get(column, column), label=label)
