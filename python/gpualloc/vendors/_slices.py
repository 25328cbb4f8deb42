"""ResourceSlices of one node from devices and counter sets: cut to the API's limits, named, and judged by its rules.

Knows no vendor and changes no device. Start at :func:`publish`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gpualloc._errors import InvalidInputError
from gpualloc._native import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Host", "attribute", "capacity", "device_class", "publish"]

Json = dict[str, Any]


class Host(NamedTuple):
    """What a vendor's module makes of a description."""

    devices: list[Json]
    """Devices as the API has them, in the order of publication."""
    counter_sets: Sequence[Json] = ()
    """What they share."""
    left_out: Sequence[str] = ()
    """What the driver would not or could not publish, with the reason."""


# Limits of resource.k8s.io: devices in a slice, devices in a slice with taints or counters, counter sets in a slice.
_DEVICES = 128
_ADVANCED_DEVICES = 64
_COUNTER_SETS = 8


def publish(driver: str, node: str, devices: Sequence[Json], counter_sets: Sequence[Json] = ()) -> list[Json]:
    """The slices of the node's pool: devices first, then counter sets, as many of each as the limits ask for.

    A node without anything has one empty slice: it says that the driver is there and found nothing.

    Raises:
        InvalidInputError: where an API server would refuse a slice, with its rule; nothing is left out in silence.
    """
    advanced = any("consumesCounters" in device or "taints" in device for device in devices)
    parts: list[Json] = [{"devices": part} for part in _cut(devices, _ADVANCED_DEVICES if advanced else _DEVICES)] + [
        {"sharedCounters": part} for part in _cut(counter_sets, _COUNTER_SETS)
    ]
    parts = parts or [{}]
    slices = [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            # The index in front keeps the order of publication, which the allocator follows by name.
            "metadata": {"name": f"{index:05x}-{driver}-{node}"},
            "spec": {
                "driver": driver,
                "nodeName": node,
                "pool": {"name": node, "generation": 1, "resourceSliceCount": len(parts)},
                **part,
            },
        }
        for index, part in enumerate(parts)
    ]
    for violation in validate(slices):
        raise InvalidInputError(violation.text, violation.document, violation.field)
    return slices


def _cut(rows: Sequence[Json], size: int) -> Iterator[list[Json]]:
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])


def attribute(value: bool | int | str) -> Json:  # noqa: FBT001  # the value is the point
    """A value as the API writes an attribute; a version is written by hand, as `{"version": …}`."""
    if isinstance(value, bool):
        return {"bool": value}
    return {"int": value} if isinstance(value, int) else {"string": value}


def capacity(value: str) -> Json:
    """A quantity as the API writes a capacity."""
    return {"value": value}


def device_class(name: str, expression: str) -> Json:
    """A DeviceClass with one selector."""
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": {"selectors": [{"cel": {"expression": expression}}]},
    }
