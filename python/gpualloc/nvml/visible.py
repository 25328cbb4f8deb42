"""Which GPUs a process may see once claims have their devices: their UUIDs, as `CUDA_VISIBLE_DEVICES` takes them.

Looks up what slices say; prepares nothing and knows no sharing. Start at :func:`visible`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from gpualloc._errors import InvalidInputError
from gpualloc.nvml.confidential.devices import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpualloc._native import Answer

__all__ = ["visible"]

Json: TypeAlias = dict[str, Any]
_MEMBER = f"{DOMAIN}/member"


def visible(answer: Answer, slices: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The UUIDs of the devices that all claims of an answer get, in the order of claims and requests, each once.

    Args:
        answer: One that was placed.
        slices: Those it was placed on, with the devices' attributes.

    Raises:
        InvalidInputError: for an answer without devices, or a device whose UUID no slice says: one that is not there, a
            MIG device that has yet to be made, or one that is no GPU of this machine (passthrough, a compute domain).
    """
    if not answer:
        raise InvalidInputError(f"is {answer.outcome}: no device is given", "answer", "outcome")
    known: dict[str, Json] = {}
    for one in slices:
        spec: Json = one["spec"]
        devices: list[Json] = spec.get("devices") or []
        known |= {f"{spec['driver']}/{spec['pool']['name']}/{device['name']}": device for device in devices}
    found: dict[str, None] = {}
    for claim in answer.claims:
        for device in claim.devices:
            found |= dict.fromkeys(_uuids(device.id, known.get(device.id)))
    return tuple(found)


def _uuids(name: str, device: Json | None) -> list[str]:
    if device is None:
        raise InvalidInputError("is in none of the slices", f"device {name}")
    attributes: dict[str, Json] = device.get("attributes") or {}
    kind = attributes.get("type", {}).get("string")
    members = [one["string"] for key, one in attributes.items() if key.startswith(_MEMBER)]
    uuids = members or [attributes[key]["string"] for key in ("uuid",) if key in attributes]
    # A passthrough device has a UUID too, but of its address: no process can name it.
    if not uuids or kind in ("vfio", "ppcie-vfio"):
        raise InvalidInputError("has no UUID that a process could see it by", f"device {name}", "attributes[uuid]")
    return uuids
