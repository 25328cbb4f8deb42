"""MIG devices: those that are only a possibility are created, those that exist are looked up. Start at :func:`mig`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpualloc.mig import ProfileName
from gpualloc.prepare import steps as do
from gpualloc.prepare._parts import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpualloc.prepare._node import NodeDevice
    from gpualloc.prepare._parts import Context
    from gpualloc.prepare._select import Result

__all__ = ["capability_nodes", "mig", "uuid_of"]

Json = dict[str, Any]

# There a change of the mode waits for a reset, so that the driver leaves it as it is.
_NEEDS_RESET: Final = "Ampere"


def uuid_of(device: NodeDevice) -> str:
    """A device's UUID; of a MIG device that is yet to be created, what its creation tells."""
    return f"${{{device.name}:uuid}}" if device.is_dynamic else device.uuid


def mig(context: Context, results: Sequence[Result]) -> Part:
    """The steps for the MIG devices of a claim, card by card, each in the order of the allocation."""
    part = Part()
    cards: dict[str, list[NodeDevice]] = {}
    for result in results:
        device = result.device
        if device.kind == "mig" and device not in cards.setdefault(device.card, []):
            cards[device.card].append(device)
    for gpu, devices in cards.items():
        if any(device.is_dynamic and device.text("architecture") != _NEEDS_RESET for device in devices):
            part.steps.append(do.SetMigMode(gpu, enabled=True))
        for device in devices:
            if device.is_dynamic:
                part.steps.append(_create(device))
            elif context.for_containers:
                part.steps.append(_find(device))
            if context.for_containers:
                part.edit(device.name, {"deviceNodes": capability_nodes(device.name)})
    return part


def _create(device: NodeDevice) -> do.Step:
    start, size = device.memory_slices
    profile = device.text("profile")
    ProfileName.parse(profile)
    return do.CreateMigInstance(
        device.name, device.card, device.minor, profile, device.profile_id, start, size, device.is_shared
    )


def _find(device: NodeDevice) -> do.Step:
    start, _ = device.memory_slices
    return do.FindMigInstance(device.name, device.card, device.minor, device.profile_id, start)


def capability_nodes(name: str) -> list[Json]:
    """The device nodes of a MIG device's GPU and compute instance, whose numbers a step before tells."""
    return [
        {
            "path": f"/dev/nvidia-caps/nvidia-cap${{{name}:{minor}}}",
            "type": "c",
            "major": f"${{{name}:major}}",
            "minor": f"${{{name}:{minor}}}",
        }
        for minor in ("giMinor", "ciMinor")
    ]
