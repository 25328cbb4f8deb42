"""Answers as text: tables, with rich where it is installed and aligned columns where it is not; JSON and YAML.

Renders what the engine says and adds nothing to it. Start at :func:`allocations`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from gpualloc import _yaml
from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["allocations", "document", "has_rich", "table"]

# Where the output is no terminal there is no width to fit; lines are then as long as they need to be.
_UNLIMITED = 10_000


def has_rich() -> bool:
    """Whether tables come with colour and folding."""
    try:
        import rich as _  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        return False
    return True


def table(out: TextIO, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns in kubectl's manner; columns without any content are left out."""
    used = [index for index in range(len(header)) if any(row[index] for row in rows)]
    header = [header[index] for index in used]
    rows = [[row[index] or "-" for index in used] for row in rows]
    if out.isatty() and has_rich():
        _rich_table(out, header, rows)
        return
    widths = [max(len(row[index]) for row in (header, *rows)) for index in range(len(header))]
    for row in (header, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.write("   ".join(cells).rstrip() + "\n")


def _rich_table(out: TextIO, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415  # rich is an extra
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for name in header:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(file=out, highlight=False).print(drawn)


def document(out: TextIO, form: str, content: dict[str, Any]) -> None:
    """A document as `json` or `yaml`.

    Raises:
        InvalidInputError: if YAML is asked for and PyYAML is not installed.
    """
    if form == "json":
        out.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return
    try:
        out.write(_yaml.dump(content))
    except ModuleNotFoundError:
        raise InvalidInputError("writing YAML needs PyYAML: pip install 'gpualloc[cli]'") from None


def allocations(out: TextIO, claims: Iterable[dict[str, Any]]) -> None:
    """One row per device: claim, request, and which device it got."""
    rows: list[list[str]] = []
    for claim in claims:
        name = f"{claim['namespace']}/{claim['name']}" if claim["namespace"] else claim["name"]
        results: list[dict[str, Any]] = claim["allocation"].get("devices", {}).get("results", [])
        if not results:
            rows.append([name, "", "", "", "", "", ""])
        for result in results:
            consumed: dict[str, str] = result.get("consumedCapacity") or {}
            rows.append(
                [
                    name,
                    result["request"],
                    result["driver"],
                    result["pool"],
                    result["device"],
                    ", ".join(f"{quantity} {what}" for what, quantity in sorted(consumed.items())),
                    ", ".join(_notes(result)),
                ],
            )
    table(out, ("CLAIM", "REQUEST", "DRIVER", "POOL", "DEVICE", "CONSUMES", "NOTES"), rows)


def _notes(result: dict[str, Any]) -> Iterable[str]:
    if result.get("adminAccess"):
        yield "admin access"
    if result.get("shareID"):
        yield f"share {result['shareID']}"
    if result.get("bindingConditions"):
        yield "waits for " + " ".join(result["bindingConditions"])
