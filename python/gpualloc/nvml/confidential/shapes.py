"""Which shapes of devices are legal under confidential computing, said with devices, counters and attributes.

In protected PCIe all GPUs and all NVSwitches of a host belong to one virtual machine. So the host's GPUs become one
composite device of type `ppcie` that consumes every counter of the host; its passthrough GPUs become one of type
`ppcie-vfio` that consumes the same ones, so that only one of the two is ever held. A GPU by itself is not published. In
the mode for single GPUs (Hopper's `on`) each GPU is a device as ever, without an `island`, since NVLink would carry
plain text; with encrypted NVLink (Blackwell) islands are what they are otherwise.

A composite device has the attributes that its members agree on, the sums of their capacities, and as `member0` … what
each is called: UUIDs, or PCI addresses of passthrough GPUs. Pure. Start at :func:`whole_host`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gpualloc._errors import InvalidInputError
from gpualloc._quantity import binary, whole
from gpualloc.nvml.classes import of_type
from gpualloc.nvml.confidential.devices import DOMAIN, kind_of
from gpualloc.nvml.host import LeftOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DEVICE_CLASSES", "KINDS", "whole_host"]

Json: TypeAlias = dict[str, Any]
KINDS: Final = {"gpu": "ppcie", "vfio": "ppcie-vfio"}
"""The type of the composite device that stands for all devices of a type."""
DEVICE_CLASSES: Final = tuple(of_type(f"{kind}.{DOMAIN}", kind) for kind in KINDS.values())
"""Classes of composite devices; those of the driver's chart select none of them."""

_COUNTER_SET: Final = "host-counter-set"
_ADDRESS: Final = "resource.kubernetes.io/pciBusID"
_IDENTITY: Final = ("uuid", _ADDRESS)
_PROTECTED: Final = f"{DOMAIN}/protectedMemory"


def whole_host(
    devices: Sequence[Json], *, switches: Sequence[str] = (), expected: Mapping[str, int | None], noted: list[LeftOut]
) -> tuple[list[Json], list[Json]]:
    """The composite devices in place of single ones, and the counter set that they consume.

    Args:
        devices: The devices of the host.
        switches: PCI addresses of its NVSwitches, which have counters too.
        expected: How many devices of each type in :data:`KINDS` there must be; `None` takes what there is. With fewer
            there is no composite device, because part of a host is no legal shape.
        noted: Where to say what was left out.
    """
    counters = {_counter(device): {"value": "1"} for device in devices if kind_of(device) in KINDS}
    counters |= {address.translate(_DASHES): {"value": "1"} for address in switches}
    made: list[Json] = []
    for kind, composite in KINDS.items():
        members = [device for device in devices if kind_of(device) == kind]
        wanted = expected.get(kind)
        if wanted is not None and len(members) != wanted:
            reason = f"protected PCIe takes all {wanted} GPUs of the host or none, and {len(members)} are published"
            noted.append(LeftOut(f"composite device {composite}", "", None, reason))
        elif members:
            made.append(_composite(composite, members, len(switches), counters))
    if others := [device["name"] for device in devices if kind_of(device) not in KINDS]:
        reason = "protected PCIe takes whole GPUs only"
        noted.append(LeftOut(f"{len(others)} devices from {others[0]} to {others[-1]}", "", None, reason))
    return made, [{"name": _COUNTER_SET, "counters": dict(sorted(counters.items()))}] if made else []


_DASHES = str.maketrans(":.", "--")


def _counter(device: Json) -> str:
    """The card's address, which is the same for a GPU and for its passthrough device."""
    address = device["attributes"].get(_ADDRESS, {}).get("string")
    return str(device["name"] if address is None else address.translate(_DASHES))


def _composite(kind: str, members: Sequence[Json], switches: int, counters: Mapping[str, Json]) -> Json:
    first, *others = (device["attributes"] for device in members)
    attributes = {
        name: value
        for name, value in first.items()
        if name not in _IDENTITY and all(one.get(name) == value for one in others)
    }
    if _PROTECTED in attributes:
        attributes[_PROTECTED] = {"int": len(members) * _integer(members[0], attributes[_PROTECTED])}
    attributes["type"] = {"string": kind}
    attributes[f"{DOMAIN}/gpus"] = {"int": len(members)}
    if switches:
        attributes[f"{DOMAIN}/switches"] = {"int": switches}
    key = _ADDRESS if kind == "ppcie-vfio" else "uuid"
    for number, device in enumerate(members):
        name = device["attributes"].get(key)
        if "string" not in (name or {}):
            raise InvalidInputError("is required in protected PCIe", f"device {device['name']}", f"attributes[{key}]")
        attributes[f"{DOMAIN}/member{number}"] = name
    capacity = {name: {"value": _sum(members, name)} for name in _common(members)}
    taints = {taint["key"]: taint for device in members for taint in device.get("taints", [])}
    return {
        "name": kind,
        "attributes": dict(sorted(attributes.items())),
        **({"capacity": capacity} if capacity else {}),
        "consumesCounters": [
            {"counterSet": _COUNTER_SET, "counters": {name: dict(one) for name, one in counters.items()}}
        ],
        **({"taints": [taints[key] for key in sorted(taints)]} if taints else {}),
    }


def _integer(device: Json, attribute: Json) -> int:
    if "int" not in attribute:
        raise InvalidInputError("must be an int", f"device {device['name']}", f"attributes[{_PROTECTED}]")
    return int(attribute["int"])


def _common(members: Sequence[Json]) -> list[str]:
    """Capacities that all have; without the number of shares, since a host is not shared."""
    first, *others = (device.get("capacity", {}) for device in members)
    return sorted(name for name in first if name != "shares" and all(name in one for one in others))


def _sum(members: Sequence[Json], name: str) -> str:
    total = 0
    for device in members:
        try:
            total += whole(str(device["capacity"][name]["value"]))
        except ValueError as error:
            raise InvalidInputError(str(error), f"device {device['name']}", f"capacity[{name}].value") from None
    return binary(total)
