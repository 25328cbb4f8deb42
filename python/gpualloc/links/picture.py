"""A link table as SVG: a ring of devices with their NVLinks, and beside it the matrix that text draws.

Draws what the table says and adds nothing; the same table is the same bytes. Start at :func:`draw`.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from gpualloc.links.table import Device
from gpualloc.links.text import cell

if TYPE_CHECKING:
    from gpualloc.links.table import LinkTable, Nic

__all__ = ["draw"]

_CELL_WIDTH, _CELL_HEIGHT, _LABEL_WIDTH = 46, 24, 60
_MARGIN, _TITLE = 20, 30
_BOX_WIDTH, _BOX_HEIGHT = 84, 36
# From near to far; chosen to be told apart by people who do not see red from green, and in print.
_COLOURS = {
    "X": "#f0f0f0",
    "NV": "#1b7837",
    "PIX": "#7fbf7b",
    "PXB": "#c7e5c0",
    "PHB": "#fde9c4",
    "NODE": "#f4b26a",
    "SYS": "#b35806",
    "N/A": "#ffffff",
}
_LIGHT_TEXT = ("NV", "SYS")
_NUMA_COLOURS = ("#4575b4", "#d73027", "#7b3294", "#e08214", "#35978f", "#636363", "#c51b7d", "#8c510a")
_UNKNOWN_NUMA = "#999999"


def draw(table: LinkTable) -> str:
    """The picture, as the text of an SVG document."""
    radius = max(90, 26 * len(table.devices))
    ring = 2 * radius + _BOX_WIDTH + 2 * _MARGIN
    matrix = _LABEL_WIDTH + len(table.ends) * _CELL_WIDTH
    height = max(ring, (len(table.ends) + 1) * _CELL_HEIGHT + 2 * _MARGIN) + _TITLE
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {ring + matrix + _MARGIN} {height}",
            "font-family": "sans-serif",
            "font-size": "12",
        },
    )
    ET.SubElement(svg, "title").text = f"Links of {table.node}" if table.node else "Links"
    _text(svg, _MARGIN, _TITLE - 6, table.node, anchor="start", **{"font-weight": "bold"})
    _draw_ring(svg, table, ring / 2, _TITLE + ring / 2, radius)
    _draw_matrix(svg, table, ring, _TITLE + _MARGIN)
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


# --- the ring ---------------------------------------------------------------------------------------------------------


def _draw_ring(svg: ET.Element, table: LinkTable, x: float, y: float, radius: float) -> None:
    count = len(table.devices)
    group = ET.SubElement(svg, "g", {"class": "ring"})
    points = [
        (x + radius * math.sin(2 * math.pi * at / count), y - radius * math.cos(2 * math.pi * at / count))
        for at in range(count)
    ]
    most = max((links or 0 for row in table.links for links in row), default=0)
    for a, b in combinations(range(count), 2):
        if table.links[a][b]:
            _draw_links(group, table, (a, b), (points[a], points[b]), most)
    for device, point in zip(table.devices, points, strict=True):
        _draw_device(group, device, point)


def _draw_links(
    group: ET.Element,
    table: LinkTable,
    pair: tuple[int, int],
    points: tuple[tuple[float, float], tuple[float, float]],
    most: int,
) -> None:
    (a, b), ((ax, ay), (bx, by)) = pair, points
    links, speed = table.links[a][b] or 0, table.bandwidth[a][b]
    line = ET.SubElement(
        group,
        "line",
        {
            "x1": _number(ax),
            "y1": _number(ay),
            "x2": _number(bx),
            "y2": _number(by),
            "stroke": _COLOURS["NV"],
            "stroke-width": _number(1 + 4 * links / most),
            "stroke-opacity": "0.6",
        },
    )
    names = f"{table.devices[a].label} and {table.devices[b].label}: {table.link_word}{links}"
    ET.SubElement(line, "title").text = names if speed is None else f"{names}, {speed} MB/s each way"


def _draw_device(group: ET.Element, device: Device, point: tuple[float, float]) -> None:
    x, y = point
    one = ET.SubElement(group, "g", {"class": "device"})
    said = (device.name, device.product, device.uuid, device.pci_bus_id)
    ET.SubElement(one, "title").text = "\n".join(text for text in said if text)
    ET.SubElement(
        one,
        "rect",
        {
            "x": _number(x - _BOX_WIDTH / 2),
            "y": _number(y - _BOX_HEIGHT / 2),
            "width": str(_BOX_WIDTH),
            "height": str(_BOX_HEIGHT),
            "rx": "6",
            "fill": "#ffffff",
            "stroke": _numa_colour(device),
            "stroke-width": "2",
        },
    )
    _text(one, x, y - 2, device.label, **{"font-weight": "bold"})
    numa = "NUMA not known" if device.numa_node is None else f"NUMA {device.numa_node}"
    _text(one, x, y + 12, numa, **{"font-size": "10", "fill": _numa_colour(device)})


def _numa_colour(end: Device | Nic) -> str:
    return _UNKNOWN_NUMA if end.numa_node is None else _NUMA_COLOURS[end.numa_node % len(_NUMA_COLOURS)]


# --- the matrix -------------------------------------------------------------------------------------------------------


def _draw_matrix(svg: ET.Element, table: LinkTable, x: float, y: float) -> None:
    group = ET.SubElement(svg, "g", {"class": "matrix"})
    for at, end in enumerate(table.ends):
        colour = {"fill": _numa_colour(end)}
        across = x + _LABEL_WIDTH + (at + 0.5) * _CELL_WIDTH
        down = y + (at + 1.5) * _CELL_HEIGHT + 4
        for label in (
            _text(group, across, y + _CELL_HEIGHT - 8, end.label, **colour),
            _text(group, x + _LABEL_WIDTH - 6, down, end.label, anchor="end", **colour),
        ):
            if not isinstance(end, Device):
                ET.SubElement(label, "title").text = end.name
        for other in range(len(table.ends)):
            place = (x + _LABEL_WIDTH + other * _CELL_WIDTH, y + (at + 1) * _CELL_HEIGHT)
            _draw_cell(group, cell(table, at, other), place)


def _draw_cell(group: ET.Element, word: str, place: tuple[float, float]) -> None:
    x, y = place
    kind = "NV" if word.startswith(("NV", "XGMI")) else word
    ET.SubElement(
        group,
        "rect",
        {
            "x": _number(x),
            "y": _number(y),
            "width": str(_CELL_WIDTH - 1),
            "height": str(_CELL_HEIGHT - 1),
            "fill": _COLOURS[kind],
        },
    )
    fill = "#ffffff" if kind in _LIGHT_TEXT else "#222222"
    _text(group, x + _CELL_WIDTH / 2, y + _CELL_HEIGHT / 2 + 4, word, fill=fill)


def _text(parent: ET.Element, x: float, y: float, text: str, anchor: str = "middle", **style: str) -> ET.Element:
    one = ET.SubElement(parent, "text", {"x": _number(x), "y": _number(y), "text-anchor": anchor, **style})
    one.text = text
    return one


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
