"""`gpualloc fleet`: a cluster from a line of text.

Turns options into what :func:`gpualloc.fleet.describe` takes and prints what it gives. Decides nothing. Start at
:func:`run`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gpualloc import _render
from gpualloc._discover import shares

if TYPE_CHECKING:
    import argparse

    from gpualloc.fleet import Fleet

__all__ = ["add_parser", "run"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    """Adds the command and its options."""
    parser = commands.add_parser(
        "fleet",
        help="print the Nodes and ResourceSlices of a described cluster",
        description="Prints what the machines of a description would publish, with DeviceClasses and Nodes: the same "
        "bytes for the same text. For planning, tests and demos.",
        epilog="without a text it lists the kinds of machine there are",
    )
    parser.add_argument("fleet", nargs="?", metavar="TEXT", help='numbers and kinds: "40 dgx-h100, 9 gb200-nvl72"')
    parser.add_argument("--no-classes", action="store_true", help="leave out the DeviceClasses")
    parser.add_argument("--compute-domains", action="store_true", help="what the compute-domain driver publishes too")
    parser.add_argument("--dynamic-mig", action="store_true", help="possible MIG partitions, with shared counters")
    parser.add_argument("--shares", type=shares, metavar="memory|unlimited|N", help="let several claims hold a device")
    parser.add_argument("--vfio", action="store_true", help="passthrough devices too")
    parser.add_argument("--list-attributes", action="store_true", help="NUMA nodes as lists")
    parser.add_argument("--kubernetes", default="1.37", metavar="1.37", help="version of the API server")
    parser.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")


def run(options: argparse.Namespace) -> int:
    """Describes and prints; the exit status."""
    from gpualloc import fleet  # noqa: PLC0415  # other commands need none of it

    if options.fleet is None:
        known = [fleet.kind(name) for name in fleet.kinds()]
        _render.table(
            sys.stdout, ("KIND", "MACHINES", "WHAT"), [[one.name, str(one.hosts), one.title] for one in known]
        )
        return 0
    found = fleet.describe(
        options.fleet,
        compute_domains=options.compute_domains,
        dynamic_mig=options.dynamic_mig,
        shares=options.shares,
        vfio=options.vfio,
        list_attributes=options.list_attributes,
        kubernetes=options.kubernetes,
    )
    if options.output == "table":
        _table(found)
        return 0
    items = found.documents(classes=not options.no_classes)
    _render.document(sys.stdout, options.output, {"apiVersion": "v1", "kind": "List", "items": items})
    return 0


def _table(found: Fleet) -> None:
    from gpualloc.fleet import kind  # noqa: PLC0415

    rows: list[list[str]] = []
    for group in found.groups:
        of_kind = kind(group.kind)
        first = next(host for host in found.hosts if host.kind is of_kind)
        devices = sum(len(one["spec"].get("devices", [])) for one in first.slices())
        machines = group.number * of_kind.hosts
        rows.append([group.kind, str(group.number), str(machines), str(machines * devices), of_kind.title])
    _render.table(sys.stdout, ("KIND", "COUNT", "MACHINES", "DEVICES", "WHAT"), rows)
