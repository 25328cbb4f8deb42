"""`gpualloc topology`: what lies between the GPUs of this machine, or of one that somebody wrote down.

Reads a link table from this machine, from a document, or from what `nvidia-smi topo -m` printed elsewhere; draws it or
writes it as a document. Decides nothing. Start at :func:`run`.
"""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from gpualloc import _render, _yaml, links
from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    import argparse

    from gpualloc.links import LinkTable
    from gpualloc.nvml import LeftOut

__all__ = ["add_parser", "note", "read", "run", "write"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    """Adds the command and its options."""
    parser = commands.add_parser(
        "topology",
        help="draw the NVLinks, PCIe levels and NUMA nodes between GPUs",
        description="Draws what lies between the GPUs and NICs of this machine, or of one that is written down.",
        epilog="without -f this machine is looked at; what could not be read is said on standard error",
    )
    parser.add_argument(
        "-f",
        "--filename",
        metavar="FILE",
        help="a link table, or what `nvidia-smi topo -m` printed; - for stdin (default: this machine)",
    )
    parser.add_argument("--node-name", metavar="NAME", help="default: $NODE_NAME or the host's name; of a text none")
    parser.add_argument(
        "--nvlink", type=int, metavar="GENERATION", help="of the NVLinks in a text, which says how fast they are"
    )
    parser.add_argument("--pcie", action="store_true", help="the PCIe level also where there are NVLinks")
    parser.add_argument("-o", "--output", choices=("text", "svg", "json", "yaml"), default="text")


def run(options: argparse.Namespace) -> int:
    """Reads and draws; the exit status."""
    if options.pcie and options.output != "text":
        raise InvalidInputError("means nothing but for text", "", "--pcie")
    table = _of_machine(options) if options.filename is None else _of_file(options)
    if options.output == "text":
        sys.stdout.write(links.draw_text(table, pcie=options.pcie))
    elif options.output == "svg":
        sys.stdout.write(links.draw_svg(table))
    else:
        _render.document(sys.stdout, options.output, links.to_document(table))
    return 0


def note(left_out: tuple[LeftOut, ...]) -> None:
    """Says what is missing, and why."""
    for one in left_out:
        sys.stderr.write(f"note: left out: {one}\n")


def write(table: LinkTable, name: str) -> None:
    """Writes the table as a document: YAML by the file's suffix, else JSON."""
    form = "yaml" if Path(name).suffix in (".yaml", ".yml") else "json"
    text = StringIO()
    # What cannot be written must not cost the file that was there.
    _render.document(text, form, links.to_document(table))
    try:
        Path(name).write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(error.strerror or str(error), name) from None


def read(name: str, text: str, *, node: str | None = None, nvlink: int | None = None) -> LinkTable:
    """The table that a text has: a document, or what `nvidia-smi topo -m` printed.

    Raises:
        FileError: with the line, for text that is neither.
        InvalidInputError: with the field, for a document or a drawing that does not say what it must.
    """
    if links.is_nvidia_smi(text):
        return links.read_nvidia_smi(text, node=node or "", nvlink=nvlink)
    if node is not None or nvlink is not None:
        field = "--node-name" if node is not None else "--nvlink"
        raise InvalidInputError("stands in the document already", name, field)
    found = [one for one in _yaml.read(name, text) if one.document.get("kind") == links.KIND]
    if len(found) != 1:
        raise InvalidInputError(f"has {len(found)} link tables, not one, and nothing that nvidia-smi drew", name)
    return links.from_document(found[0].document)


def _of_machine(options: argparse.Namespace) -> LinkTable:
    from gpualloc import nvml  # noqa: PLC0415  # other sources need none of it

    if options.nvlink is not None:
        raise InvalidInputError("is what the machine says itself", "", "--nvlink")
    found = nvml.discover_links(options.node_name)
    note(found.left_out)
    return found.table


def _of_file(options: argparse.Namespace) -> LinkTable:
    name: str = options.filename
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise InvalidInputError(error.strerror or str(error), name) from None
    except UnicodeDecodeError:
        raise InvalidInputError("not UTF-8 text", name) from None
    return read("stdin" if name == "-" else name, text, node=options.node_name, nvlink=options.nvlink)
