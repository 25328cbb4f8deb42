"""A card in DRA's own terms: one set of shared counters, and a device for every place of every profile.

As the NVIDIA DRA driver publishes cards that it may partition: counters are the maxima over the profiles and one for
each memory slice; the whole card consumes all of them, an instance what it has and the memory slices it takes. Makes
documents and never chooses between devices. Start at :func:`counter_set` and :func:`partition_devices`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gpualloc._quantity import binary
from gpualloc.mig.profile import FIGURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpualloc.mig.card import Card
    from gpualloc.mig.profile import Profile

__all__ = [
    "capacity",
    "counter_set",
    "counter_set_name",
    "device_name",
    "partition_devices",
    "whole_device",
]

Json = dict[str, Any]

_MEMORY = "memory_mib"


def counter_set_name(minor: int) -> str:
    """The name of a card's counter set; `minor` is the N of `/dev/nvidiaN`."""
    return f"gpu-{minor}-counter-set"


def device_name(minor: int, profile: Profile, start: int) -> str:
    """The name of an instance's device.

    The profile's name loses what a device name may not hold, so `1g.24gb+me` and `1g.24gb-me` differ by the id alone.
    """
    plain = profile.name.lower().replace(".", "").replace("+", "-")
    return f"gpu-{minor}-mig-{plain}-{profile.id}-{start}"


def counter_set(card: Card, minor: int) -> Json:
    """What the whole card has to share, as an item of a ResourceSlice's `sharedCounters`.

    Raises:
        UnpublishedError: if a figure of one of the profiles is not published.
    """
    return {"name": counter_set_name(minor), "counters": _counters(card.largest(), range(card.memory_slices))}


def capacity(card: Card, profile: Profile) -> Json:
    """What an instance has, as a device's `capacity`.

    Raises:
        UnpublishedError: if a figure is not published.
    """
    return _capacity(_figures(card, profile))


def whole_device(card: Card, minor: int, attributes: Mapping[str, Any]) -> Json:
    """The card as one device that consumes all of its counters.

    Args:
        card: The card.
        minor: The N of `/dev/nvidiaN`.
        attributes: The device's attributes as the API has them.

    Raises:
        UnpublishedError: if a figure of one of the profiles is not published.
    """
    figures = card.largest()
    return {
        "name": f"gpu-{minor}",
        "attributes": dict(attributes),
        "capacity": _capacity(figures),
        "consumesCounters": _consumption(minor, figures, range(card.memory_slices)),
    }


def partition_devices(card: Card, minor: int, attributes: Mapping[str, Any]) -> list[Json]:
    """A device for every place of every profile, by name.

    Args:
        card: The card.
        minor: The N of `/dev/nvidiaN`.
        attributes: What the devices have in common, as the API has them; `type` and `profile` are added.

    Raises:
        UnpublishedError: if a figure of one of the profiles is not published.
    """
    devices: list[Json] = []
    for profile in card.profiles:
        figures = _figures(card, profile)
        for start in profile.starts:
            taken = range(start, start + profile.memory_slices)
            devices.append(
                {
                    "name": device_name(minor, profile, start),
                    "attributes": {
                        **attributes,
                        "type": {"string": "mig"},
                        "profile": {"string": profile.name},
                    },
                    "capacity": _capacity(figures),
                    "consumesCounters": _consumption(minor, figures, taken),
                }
            )
    return sorted(devices, key=lambda device: str(device["name"]))


def _figures(card: Card, profile: Profile) -> dict[str, int]:
    return {figure: card.figure(profile, figure) for figure in FIGURES}


def _capacity(figures: Mapping[str, int]) -> Json:
    return {_camel(name): {"value": _value(name, amount)} for name, amount in figures.items()}


def _consumption(minor: int, figures: Mapping[str, int], taken: range) -> list[Json]:
    return [{"counterSet": counter_set_name(minor), "counters": _counters(figures, taken)}]


def _counters(figures: Mapping[str, int], memory_slices: range) -> Json:
    counters = {_kebab(name): {"value": _value(name, amount)} for name, amount in figures.items()}
    return {**counters, **{f"memory-slice-{number}": {"value": "1"} for number in memory_slices}}


def _value(name: str, amount: int) -> str:
    return binary(amount << 20) if name == _MEMORY else str(amount)


def _word(name: str) -> str:
    return "memory" if name == _MEMORY else name


def _camel(name: str) -> str:
    return re.sub("_(.)", lambda match: match[1].upper(), _word(name))


def _kebab(name: str) -> str:
    return _word(name).replace("_", "-")
