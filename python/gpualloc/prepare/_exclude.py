"""What excludes what: devices that others hold, and parts of one card that cannot be had together.

The counters of a slice tell the engine most of this; nothing ties the passthrough entry of a card to its other entries,
Fabric Manager partitions are exact sets, and a TPU goes by the whole node. So it is judged here once more, before
anything is done. Administrative access is exempt, as in the driver. Start at :func:`exclude`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gpualloc.prepare._errors import ExclusionError
from gpualloc.prepare._node import GPU, TPU

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpualloc.prepare._parts import Context
    from gpualloc.prepare._select import Result

__all__ = ["card_of", "exclude", "fabric_partition"]

_PASSTHROUGH: Final = "vfio"


class _Part(NamedTuple):
    """A card, or a part of one, that somebody holds."""

    card: str
    kind: str
    device: str
    slices: tuple[int, int] | None
    holder: str


def card_of(result: Result) -> str:
    """The PCI address of the card that a device is, or is a part of; empty for other drivers' devices."""
    return result.device.bus_id if result.device.driver == GPU else ""


def exclude(context: Context, results: Sequence[Result]) -> None:
    """Refuses what cannot be prepared.

    Raises:
        ExclusionError: with the reason.
    """
    own = [result for result in results if not result.is_admin]
    for result in own:
        _held_by_others(context, result)
    _one_use_of_each_card(context, own)
    _whole_node(context, [result for result in own if result.device.driver == TPU])


def _held_by_others(context: Context, result: Result) -> None:
    device = result.device
    if device.is_shared:
        return
    for plan in context.prepared:
        for other in plan.devices:
            if not other.is_admin and other.place == (device.driver, device.pool, device.name):
                raise ExclusionError(
                    f"device {device.name} is prepared for ResourceClaim {plan.claim}", context.document, result.path
                )


def _one_use_of_each_card(context: Context, own: Sequence[Result]) -> None:
    parts = [_part(context, result) for result in own if result.device.driver == GPU]
    held = list(_held(context))
    for index, part in enumerate(parts):
        for other in (*held, *parts[:index]):
            reason = _conflict(part, other)
            if reason:
                raise ExclusionError(reason, context.document, own[index].path)


def _part(context: Context, result: Result) -> _Part:
    device = result.device
    slices = device.memory_slices if device.kind == "mig" else None
    return _Part(device.bus_id, device.kind, device.name, slices, context.document)


def _held(context: Context) -> Iterator[_Part]:
    for plan in context.prepared:
        for device in plan.devices:
            if device.driver == GPU and not device.is_admin:
                holder = f"ResourceClaim {plan.claim}"
                yield _Part(device.card, device.kind, device.device, device.slices, holder)


def _conflict(part: _Part, other: _Part) -> str:
    """Why two parts cannot be had together; empty where they can."""
    if part.card != other.card or part.device == other.device:
        return ""
    whom = f"device {other.device} of the same card {part.card}, which {other.holder} has"
    if _PASSTHROUGH in (part.kind, other.kind):
        return f"passthrough takes the card away from its driver: device {part.device} excludes {whom}"
    if part.slices is None or other.slices is None:
        return f"a whole card is not there beside its MIG devices: device {part.device} excludes {whom}"
    start, size = part.slices
    if start < other.slices[0] + other.slices[1] and other.slices[0] < start + size:
        return f"memory slices {start} to {start + size - 1} of device {part.device} overlap with those of {whom}"
    return ""


def _whole_node(context: Context, chips: Sequence[Result]) -> None:
    there = len(context.node.of(TPU))
    if chips and len({chip.device.name for chip in chips}) != there:
        raise ExclusionError(
            f"has {len(chips)} of the {there} TPU chips of node {context.node.name}, which only go together: ask with "
            "allocationMode All",
            context.document,
            "status.allocation.devices.results",
        )


def fabric_partition(context: Context, results: Sequence[Result]) -> int | None:
    """The Fabric Manager partition that is exactly the cards of the claim; nothing where there are no partitions.

    Raises:
        ExclusionError: if no partition is.
    """
    cards = {
        result.device.bus_id: result
        for result in results
        if result.device.driver == GPU and result.device.kind != "mig" and not result.is_admin
    }
    there = {device.bus_id: device.partitions for device in context.node.of(GPU) if device.partitions}
    if not cards or not there:
        return None
    size = len(cards)
    ids = {there.get(card, {}).get(size) for card in cards}
    if len(ids) == 1:
        found = ids.pop()
        if found is not None and sum(partitions.get(size) == found for partitions in there.values()) == size:
            return found
    raise ExclusionError(
        f"GPUs {', '.join(sorted(result.device.name for result in cards.values()))} are no partition of the Fabric "
        f"Manager, which only takes exact ones: ask with matchAttribute {GPU}/partition{size}",
        context.document,
        "status.allocation.devices.results",
    )
