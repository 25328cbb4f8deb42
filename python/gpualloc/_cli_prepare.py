"""The commands `gpualloc prepare` and `gpualloc unprepare`: their options, and plans read from and written to files.

Plans are printed, as a shell script or as data; nothing is run. Decides nothing. Start at :func:`add`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gpualloc import InvalidInputError, _render, _yaml, prepare

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from gpualloc import Inventory

__all__ = ["add", "render", "to_prepare", "to_unprepare"]

Json = dict[str, Any]


def add(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Adds both commands to a parser."""
    make = commands.add_parser(
        "prepare",
        parents=parents,
        help="print what a node must do before a claim's devices can be used",
        epilog="claims without an allocation are allocated first, as `gpualloc allocate` would",
    )
    make.add_argument(
        "--driver-gates",
        default="",
        metavar="A=true,B=false",
        help="the NVIDIA driver's gates that differ from its own",
    )
    make.add_argument(
        "--clients",
        choices=("containers", "processes"),
        default="containers",
        help="who will use the devices: containers, through CDI, or processes of the node, by their environment",
    )
    make.add_argument(
        "--cdi-base", metavar="FILE", help="the node's own CDI specification, with its driver's libraries"
    )
    make.add_argument(
        "--vfio-driver",
        default="vfio-pci",
        metavar="NAME",
        help="the kernel driver for passthrough, where the card needs its own variant of %(default)s",
    )
    undo = commands.add_parser("unprepare", help="print how what was prepared is taken back")
    undo.add_argument(
        "--claim", action="append", default=[], metavar="NS/NAME", help="default: all, the last one first"
    )
    undo.add_argument("--done", type=int, metavar="N", help="only the first N steps were carried out")
    undo.set_defaults(filename=(), namespace="default")
    for command, is_needed in ((make, False), (undo, True)):
        command.add_argument(
            "--prepared",
            action="extend",
            nargs="+",
            default=[],
            required=is_needed,
            metavar="FILE",
            help="plans that were carried out on the node, as -o json wrote them",
        )
        command.add_argument("-o", "--output", choices=("shell", "json", "yaml"), default="shell")


def to_prepare(
    options: argparse.Namespace,
    inventory: Inventory,
    claims: Iterable[str],
    domains: Iterable[Json],
    gates: Callable[[str], dict[str, bool]],
) -> tuple[prepare.Plan, ...]:
    """The plans for claims that are allocated.

    Args:
        options: As parsed.
        inventory: With the claims.
        claims: Their names, in the order in which they are to be prepared.
        domains: ComputeDomain documents.
        gates: Reads a list of gates.
    """
    base = None if options.cdi_base is None else _documents(options.cdi_base)[0]
    wanted = prepare.Options(
        feature_gates=gates(options.driver_gates),
        clients=options.clients,
        cdi_base=base,
        vfio_driver=options.vfio_driver,
    )
    return prepare.plans(inventory, claims, options=wanted, prepared=_plans(options.prepared), domains=domains)


def to_unprepare(options: argparse.Namespace) -> tuple[prepare.Plan, ...]:
    """The plans that take back what the files have; of all, or of the claims named."""
    left = _plans(options.prepared)
    known = {one.claim: one for one in left}
    named = options.claim or [one.claim for one in reversed(left)]
    made: list[prepare.Plan] = []
    for name in named:
        claim = name if "/" in name else f"{options.namespace}/{name}"
        if claim not in known:
            raise InvalidInputError("no plan for it in the files", f"ResourceClaim {claim}", "--claim")
        made.append(prepare.unprepare(known[claim], prepared=left, done=options.done))
        left = [one for one in left if one.claim != claim]
    return tuple(made)


def render(plans: Sequence[prepare.Plan], output: str) -> None:
    """Prints plans in the form asked for; a script is for one node."""
    if output == "shell":
        nodes = sorted({one.node for one in plans if one.node})
        if len(nodes) > 1:
            raise InvalidInputError(f"a script is for one node, these claims are on {', '.join(nodes)}", "", "--node")
        print(prepare.shell(plans), end="")  # noqa: T201  # printing is what a command line does
    else:
        _render.document(sys.stdout, output, {"plans": [one.to_dict() for one in plans]})


def _plans(names: Iterable[str]) -> list[prepare.Plan]:
    found: list[prepare.Plan] = []
    for name in names:
        for document in _documents(name):
            rows = cast("list[object]", document["plans"]) if isinstance(document.get("plans"), list) else [document]
            found.extend(prepare.Plan.from_dict(cast("Json", row)) for row in rows)
    return found


def _documents(name: str) -> list[Json]:
    try:
        text = Path(name).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise _yaml.FileError(name, 0, getattr(error, "strerror", None) or str(error)) from None
    found = [one.document for one in _yaml.read(name, text)]
    if not found:
        raise _yaml.FileError(name, 0, f"holds no document, not even {json.dumps({})}")
    return found
