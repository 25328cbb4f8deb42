"""`gpualloc discover`: the GPUs of this machine as ResourceSlices.

Turns options into what :func:`gpualloc.nvml.discover` takes and prints what it gives; notes about what was left out go
to standard error. Decides nothing. Start at :func:`run`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpualloc import _render, _topology
from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    import argparse

    from gpualloc.nvml import Attestation, Discovery, FeatureOptions, Partition, Shares

__all__ = ["add_parser", "run", "shares"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    """Adds the command and its options."""
    parser = commands.add_parser(
        "discover",
        help="print the GPUs of this machine as the NVIDIA DRA driver would publish them",
        description="Prints the ResourceSlices that the NVIDIA DRA driver would publish on this machine. What had to "
        "be left out, and why, is said on standard error.",
        epilog="reads the machine's files below $GPUALLOC_HOST_ROOT, or /",
    )
    parser.add_argument("--node-name", metavar="NAME", help="default: $NODE_NAME, or the host's name")
    parser.add_argument("--node-uid", metavar="UID", help="owner of the slices; needed where they go into a cluster")
    parser.add_argument("--dynamic-mig", action="store_true", help="possible MIG partitions, with shared counters")
    parser.add_argument("--shares", type=shares, metavar="memory|unlimited|N", help="let several claims hold a device")
    parser.add_argument("--vfio", action="store_true", help="passthrough devices too")
    parser.add_argument("--list-attributes", action="store_true", help="NUMA nodes as lists")
    parser.add_argument("--health", action="store_true", help="taints by the health events that are pending in NVML")
    parser.add_argument(
        "--event",
        action="append",
        default=[],
        metavar="xid:GPU:NUMBER[:GI:CI]|lost",
        help="with --health: an event that somebody else saw; GPU is a UUID or an index, and order counts",
    )
    parser.add_argument(
        "--nonfatal-xid",
        action="append",
        type=int,
        default=[],
        metavar="N",
        help="with --health: an XID that keeps no pods away",
    )
    parser.add_argument(
        "--fabric-manager",
        action="store_true",
        help="module ids and Fabric Manager partitions; with --compute-domain: GPUs may wait for theirs",
    )
    parser.add_argument(
        "--fabric-partitions", metavar="FILE", help='JSON: {"partitions": [{"id": 0, "moduleIds": [1, 2]}]}'
    )
    parser.add_argument(
        "--compute-domain", action="store_true", help="what the compute-domain driver publishes instead"
    )
    _add_confidential(parser)
    parser.add_argument(
        "--within-limits", action="store_true", help="leave out devices that an API server would refuse"
    )
    parser.add_argument(
        "--links", metavar="FILE", help="write what lies between the GPUs there, as a LinkTable in JSON or YAML"
    )
    parser.add_argument(
        "--with-node", action="store_true", help="print the Node too, with the label of its NVLink clique"
    )
    parser.add_argument(
        "--with-classes", action="store_true", help="print the DeviceClasses of the driver too, which claims name"
    )
    parser.add_argument("--kubernetes", default="1.37", metavar="1.37", help="version of the API server")
    parser.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")


def _add_confidential(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--confidential",
        action="store_true",
        help="what is known of confidential computing, and only the shapes that are legal under it",
    )
    parser.add_argument(
        "--confidential-mig", action="store_true", help="with --confidential: this platform can attest MIG devices"
    )
    parser.add_argument(
        "--node-label",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a label of the Node; with --confidential nvidia.com/cc.mode says what NVML does not",
    )
    parser.add_argument(
        "--attestation",
        metavar="FILE",
        help='with --confidential: JSON: {"verdicts": [{"passed": true, "issuedAt": TIME, "expiresAt": TIME, '
        '"verifier": "…", "gpus": ["GPU-…"]}]}',
    )
    parser.add_argument("--at", metavar="TIME", help="the time at which verdicts are looked at: 2026-01-31T12:00:00Z")


def run(options: argparse.Namespace) -> int:
    """Discovers and prints; the exit status."""
    from gpualloc import nvml  # noqa: PLC0415  # other commands need none of it

    found = nvml.discover(
        options.node_name,
        events=options.event,
        compute_domain=options.compute_domain,
        links=options.links is not None,
        node_uid=options.node_uid or nvml.NO_UID,
        node_labels=_labels(options.node_label),
        attestation=_attestation(options.attestation, options.at),
        **_features(options),
    )
    _topology.note(found.left_out)
    for objection in found.objections:
        sys.stderr.write(f"warning: an API server will refuse this: {objection}; --within-limits leaves it out\n")
    if found.links is not None:
        _topology.write(found.links, options.links)
    if options.output == "table":
        _table(found)
        return 0
    classes = found.classes if options.with_classes else ()
    node = [found.node] if options.with_node else []
    items = [*classes, *node, *found.slices]
    _render.document(sys.stdout, options.output, {"apiVersion": "v1", "kind": "List", "items": items})
    return 0


def shares(text: str) -> Shares:
    """What `--shares` says; a ValueError is argparse's way to refuse."""
    if text in ("memory", "unlimited"):
        return text  # type: ignore[return-value]  # one of the two words
    return int(text)


def _features(options: argparse.Namespace) -> FeatureOptions:
    return {
        "dynamic_mig": options.dynamic_mig,
        "shares": options.shares,
        "vfio": options.vfio,
        "list_attributes": options.list_attributes,
        "health": options.health,
        "nonfatal_xids": frozenset(options.nonfatal_xid),
        "fabric_manager": options.fabric_manager,
        "partitions": _partitions(options.fabric_partitions),
        "within_limits": options.within_limits,
        "confidential": options.confidential,
        "confidential_mig": options.confidential_mig,
        "kubernetes": options.kubernetes,
    }


def _labels(given: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InvalidInputError(f"{text!r} is not of the form NAME=VALUE", "", "--node-label")
        labels[name] = value
    return labels


def _attestation(name: str | None, at: str | None) -> Attestation | None:
    from gpualloc.nvml import Attestation  # noqa: PLC0415
    from gpualloc.nvml.confidential import time_from, verdicts_from  # noqa: PLC0415

    if name is None and at is None:
        return None
    if name is None or at is None:
        raise InvalidInputError("mean something only together", "", "--attestation and --at")
    return Attestation(verdicts_from(_json(name)), time_from(at, "", "--at"))


def _partitions(name: str | None) -> tuple[Partition, ...]:
    from gpualloc.nvml import partitions_from  # noqa: PLC0415

    return () if name is None else partitions_from(_json(name))


def _json(name: str) -> object:
    try:
        return json.loads(Path(name).read_bytes())
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidInputError(reason, name) from None
    except RecursionError:
        raise InvalidInputError("nested too deeply", name) from None


def _table(found: Discovery) -> None:
    rows: list[list[str]] = []
    for one in found.slices:
        devices: list[dict[str, Any]] = one["spec"].get("devices", [])
        rows.extend(_row(device) for device in devices)
    if not rows:
        sys.stdout.write("no devices\n")
        return
    _render.table(sys.stdout, ("DEVICE", "TYPE", "PRODUCT", "PROFILE", "MEMORY", "PCI", "NUMA", "TAINTS"), rows)
    labels: dict[str, str] = found.node["metadata"]["labels"]
    for name, value in labels.items():
        sys.stdout.write(f"\nnode label {name}={value}\n")


def _row(device: dict[str, Any]) -> list[str]:
    attributes: dict[str, dict[str, Any]] = device["attributes"]
    capacity: dict[str, dict[str, Any]] = device.get("capacity", {})

    def said(name: str) -> str:
        value: Any = next(iter(attributes.get(name, {"": ""}).values()))
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType]

    memory = capacity.get("memory", capacity.get("addressableMemory", {}))
    return [
        device["name"],
        said("type"),
        said("productName"),
        said("profile"),
        str(memory.get("value", "")),
        said("resource.kubernetes.io/pciBusID"),
        said("resource.kubernetes.io/numaNode"),
        ", ".join(f"{taint['key']}:{taint['effect']}" for taint in device.get("taints", [])),
    ]
