"""Limits of `resource.k8s.io/v1` that slices of GPUs can meet.

What is too much for one slice is spread over more of them. A device that no slice can carry is published as the driver
publishes it, and the objection noted, or left out on demand. Pure. Start at :func:`within_limits`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["objections", "within_limits"]

Json: TypeAlias = dict[str, Any]
_DEVICES = 128
# Where one of them has taints, consumes counters, or has a list for an attribute.
_DEVICES_WITH_MORE = 64
_LISTS = ("bools", "ints", "strings", "versions")
_COUNTER_SETS = 8
_ATTRIBUTES_AND_CAPACITIES = 32
_VALUES = 48
_STRING = 64


def within_limits(spec: Json) -> Iterator[Json]:
    """The devices and counters of one slice as so many slices as the API demands; at least one, be it empty."""
    counters: list[Json] = spec.get("sharedCounters", [])
    devices: list[Json] = spec.get("devices", [])
    room = _DEVICES_WITH_MORE if any(map(_says_more, devices)) else _DEVICES
    parts = max(1, -(-len(counters) // _COUNTER_SETS), -(-len(devices) // room))
    for number in range(parts):
        part: Json = {}
        if chosen := counters[number * _COUNTER_SETS : (number + 1) * _COUNTER_SETS]:
            part["sharedCounters"] = chosen
        if taken := devices[number * room : (number + 1) * room]:
            part["devices"] = taken
        yield part


def _says_more(device: Json) -> bool:
    lists = any(kind in value for value in device["attributes"].values() for kind in _LISTS)
    return lists or "taints" in device or "consumesCounters" in device


def objections(device: Json) -> list[str]:
    """Why an API server would refuse every slice with this device."""
    found: list[str] = []
    count = len(device["attributes"]) + len(device.get("capacity", {}))
    if count > _ATTRIBUTES_AND_CAPACITIES:
        found.append(f"has {count} attributes and capacities, at most {_ATTRIBUTES_AND_CAPACITIES} are allowed")
    said: list[Any] = [one for value in device["attributes"].values() for one in value.values()]
    values = sum(len(one) if isinstance(one, list) else 1 for one in said)  # pyright: ignore[reportUnknownArgumentType]
    if values > _VALUES:
        found.append(f"has {values} values of attributes, at most {_VALUES} are allowed")
    found += [
        f"attribute {name} is longer than {_STRING} bytes"
        for name, value in device["attributes"].items()
        if len(str(value.get("string", value.get("version", ""))).encode()) > _STRING
    ]
    return found
