"""Puts a plan together: reads the claim, refuses what cannot be, asks each maker for its part, has the order judged.

Start at :func:`plan`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from gpualloc.prepare import _cdi, _domain
from gpualloc.prepare import steps as do
from gpualloc.prepare._environment import environments
from gpualloc.prepare._errors import ExclusionError
from gpualloc.prepare._exclude import card_of, exclude, fabric_partition
from gpualloc.prepare._gates import effective
from gpualloc.prepare._mig import mig, uuid_of
from gpualloc.prepare._node import COMPUTE_DOMAIN, GPU, TPU, Cluster, NodeDevice
from gpualloc.prepare._options import Options
from gpualloc.prepare._parts import Context, Part
from gpualloc.prepare._select import Group, Result, groups
from gpualloc.prepare._sharing import sharing
from gpualloc.prepare._tpu import tpu
from gpualloc.prepare._vfio import vfio
from gpualloc.prepare.check import check
from gpualloc.prepare.plan import Plan, PreparedDevice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpualloc import Inventory

__all__ = ["plan", "plans"]

Json = dict[str, Any]

_DRIVERS: Final = (GPU, COMPUTE_DOMAIN, TPU)
_RESULTS: Final = "status.allocation.devices.results"


def plan(
    inventory: Inventory,
    claim: str,
    *,
    options: Options | None = None,
    prepared: Iterable[Plan] = (),
    domains: Iterable[Mapping[str, Any]] = (),
) -> Plan:
    """What its node must do before containers or processes can use a claim's devices.

    Args:
        inventory: With the node's ResourceSlices and the allocated claim; for compute domains with the Node too.
        claim: The claim, as `namespace/name`.
        options: What the caller says about the node and its clients.
        prepared: The plans that were carried out on the node and not undone, in their order. Is the claim among them,
            its plan is the answer.
        domains: ComputeDomain documents.

    Raises:
        InvalidInputError: for a claim without an allocation, a device the node does not publish, or one that lacks what
            is needed; the document and field are named.
        ConfigError: for an opaque configuration that the driver refuses.
        ExclusionError: for devices or features that exclude each other.
        PlanError: if the node is not as the plan needs it, by what was prepared before.
    """
    return plans(inventory, (claim,), options=options, prepared=prepared, domains=domains)[0]


def plans(
    inventory: Inventory,
    claims: Iterable[str],
    *,
    options: Options | None = None,
    prepared: Iterable[Plan] = (),
    domains: Iterable[Mapping[str, Any]] = (),
) -> tuple[Plan, ...]:
    """A plan for each claim, as :func:`plan`; each comes after those before it."""
    cluster, wanted, documents = Cluster(inventory), options or Options(), tuple(domains)
    carried_out, made = list(prepared), list[Plan]()
    for claim in claims:
        one = _plan(cluster, claim, wanted, carried_out, documents)
        made.append(one)
        if one not in carried_out:
            carried_out.append(one)
    return tuple(made)


def _plan(
    cluster: Cluster, claim: str, options: Options, prepared: Sequence[Plan], domains: tuple[Mapping[str, Any], ...]
) -> Plan:
    allocation, known_uid = cluster.claim(claim)
    uid = known_uid or str(uuid5(NAMESPACE_URL, f"gpualloc:claim/{claim}"))
    rows: list[Json] = allocation.get("devices", {}).get("results") or []
    ours = [row for row in rows if row["driver"] in _DRIVERS]
    notes = [
        f"device {row['device']} of driver {row['driver']} is that driver's to prepare"
        for row in rows
        if row["driver"] not in _DRIVERS
    ]
    if not ours:
        return Plan(claim, uid, "", "prepare", (), (), (), tuple(notes))
    name = cluster.node_of(((row["driver"], row["pool"]) for row in ours), claim)
    before = tuple(one for one in prepared if one.node == name)
    for one in before:
        if one.uid == uid:
            return one
    node = cluster.node(name)
    gates = effective(options.feature_gates, node.of(GPU))
    context = Context(claim, uid, node, gates, options, before, domains)
    results = _results(context, rows)
    exclude(context, results)
    return _assembled(context, allocation, results, notes)


def _results(context: Context, rows: Sequence[Json]) -> list[Result]:
    found: list[Result] = []
    for index, row in enumerate(rows):
        if row["driver"] in _DRIVERS:
            path = f"{_RESULTS}[{index}]"
            device = context.node.device(row["driver"], row["pool"], row["device"], context.document, path)
            found.append(Result(row["request"], device, bool(row.get("adminAccess")), path))
    return found


def _assembled(context: Context, allocation: Json, results: list[Result], notes: list[str]) -> Plan:
    joined = [Part(notes=notes)]
    configured: dict[str, str] = {}
    specifications: list[do.Step] = []
    for driver in _DRIVERS:
        own = [result for result in results if result.device.driver == driver]
        if not own:
            continue
        parts, of_devices = _parts(context, driver, allocation, own)
        configured |= of_devices
        part = _joined(parts)
        joined.append(part)
        if context.for_containers:
            text = _cdi.specification(context, driver, (result.device for result in own), part)
            specifications.append(do.WriteCdiSpec(_cdi.path(context, driver), text))
    whole = _joined(joined)
    devices = tuple(_prepared(context, result, configured.get(result.path, "null")) for result in results)
    _same_configuration(context, results, devices)
    made = Plan(
        context.claim,
        context.uid,
        context.node.name,
        "prepare",
        devices,
        (*whole.steps, *specifications),
        environments(context, results, whole),
        tuple(whole.notes),
    )
    check(made, before=context.prepared)
    return made


def _parts(context: Context, driver: str, allocation: Json, own: list[Result]) -> tuple[list[Part], dict[str, str]]:
    """What the makers of one driver add; and the configuration of each device, by where it stands in the claim."""
    if driver == TPU:
        return [tpu(context, own)], {}
    grouped, notes = groups(driver, allocation, own, context.gates, context.document)
    configured = {result.path: _text(group) for group in grouped for result in group.results}
    by_kind = {kind: [group for group in grouped if group.kind == kind] for kind in _KINDS}
    parts = [Part(notes=notes)]
    if driver == GPU:
        partition = fabric_partition(context, own)
        if partition is not None:
            parts.append(Part(steps=[do.ActivateFabricPartition(partition)]))
        elif context.gates["FabricManagerPartitioning"]:
            parts.append(Part(notes=["no Fabric Manager partition is published for these cards, so none is activated"]))
        parts.append(mig(context, own))
        parts.extend(sharing(context, group) for group in (*by_kind["gpu"], *by_kind["mig"]))
        parts.append(vfio(context, by_kind["vfio"]))
    parts.extend(_domain.daemon(context, group) for group in by_kind["daemon"])
    parts.extend(_domain.channel(context, group) for group in by_kind["channel"])
    return parts, configured


_KINDS: Final = ("gpu", "mig", "vfio", "daemon", "channel")


def _joined(parts: Iterable[Part]) -> Part:
    whole = Part()
    for part in parts:
        whole.steps.extend(part.steps)
        whole.common.extend(part.common)
        whole.daemons |= part.daemons
        whole.mounts |= part.mounts
        whole.notes.extend(part.notes)
        for name, edits in part.edits.items():
            for one in edits:
                whole.edit(name, one)
    return whole


def _text(group: Group) -> str:
    return json.dumps({"kind": type(group.config).__name__, **asdict(group.config)}, sort_keys=True)


def _prepared(context: Context, result: Result, configuration: str) -> PreparedDevice:
    device = result.device
    return PreparedDevice(
        request=result.request,
        driver=device.driver,
        pool=device.pool,
        device=device.name,
        kind=device.kind,
        uuid=uuid_of(device) if _has_uuid(device) else "",
        card=card_of(result),
        slices=device.memory_slices if device.kind == "mig" else None,
        is_admin=result.is_admin,
        is_shared=device.is_shared,
        configuration=configuration,
        cdi_device=_cdi.device_id(device.driver, context.uid, device.name) if context.for_containers else "",
    )


def _has_uuid(device: NodeDevice) -> bool:
    return device.driver == GPU or device.has("uuid")


def _same_configuration(context: Context, results: Sequence[Result], devices: Sequence[PreparedDevice]) -> None:
    """Claims that share a device must say the same about it: the driver fails the later one."""
    for plan_before in context.prepared:
        for other in plan_before.devices:
            for result, device in zip(results, devices, strict=True):
                if device.is_admin or other.is_admin or device.place != other.place:
                    continue
                if other.configuration != device.configuration:
                    raise ExclusionError(
                        f"device {device.device} is shared with ResourceClaim {plan_before.claim}, whose configuration "
                        f"is another: {other.configuration}, not {device.configuration}",
                        context.document,
                        result.path,
                    )
