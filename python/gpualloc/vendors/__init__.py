"""Other vendors' devices as the ResourceSlices that their DRA drivers publish, from a small description of the host.

Each vendor is one module here: its driver's names, attributes, counters and taints, and the shape of its description.
A module placed here is found by its name; `docs/adding-a-vendor.md` walks through one. Descriptions come from a person,
from a fleet, or from discovery (:mod:`gpualloc.vendors.amd_sysfs`). Start at :func:`produce`.

>>> produced = produce({"vendor": "tpu", "node": "n", "accelerator": "tpu-v6e-slice", "chips": [{"file": "0"}]})
>>> [device["name"] for device in produced.slices[0]["spec"]["devices"]]
['0']
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from gpualloc._errors import InvalidInputError
from gpualloc.vendors._fields import Fields
from gpualloc.vendors._slices import Host, publish
from gpualloc.vendors.concepts import NVIDIA, Concepts, any_accelerator

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "NVIDIA",
    "Concepts",
    "Fields",
    "Host",
    "Produced",
    "Vendor",
    "any_accelerator",
    "names",
    "produce",
    "vendor",
]

Json = dict[str, Any]


class Produced(NamedTuple):
    """What a driver would publish for a host."""

    slices: list[Json]
    """ResourceSlices, valid by the API's rules."""
    left_out: tuple[str, ...]
    """What is not among them, a sentence each."""


class Vendor(Protocol):
    """What a vendor's module has."""

    CONCEPTS: Concepts
    """Its words for what all vendors have."""
    DEVICE_CLASSES: tuple[Json, ...]
    """The DeviceClasses of its chart."""

    def host(self, fields: Fields) -> Host:
        """What its driver publishes for the host described; the shape is told by the module."""
        ...


def names() -> tuple[str, ...]:
    """The vendors that can be described, by name."""
    found = (module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(sorted(name for name in found if hasattr(import_module(f"{__name__}.{name}"), "DEVICE_CLASSES")))


def vendor(name: str) -> Vendor:
    """The module of a vendor.

    Raises:
        InvalidInputError: if there is none of this name.
    """
    if name not in names():
        raise InvalidInputError(f"no vendor {name!r}; known are {', '.join(names())}", "host description", "vendor")
    return cast("Vendor", import_module(f"{__name__}.{name}"))


def produce(description: Mapping[str, Any]) -> Produced:
    """The ResourceSlices that the vendor's driver publishes for a host.

    Args:
        description: `vendor`, `node` (the node's name), and what the vendor's module says of its hosts.

    Raises:
        InvalidInputError: for a description that is not of that shape, with the field; or for slices that an API server
            would refuse, with its rule.
    """
    fields = Fields(description, "host description")
    maker, node = vendor(fields.text("vendor")), fields.text("node")
    fields.document = f"host {node}"
    host = maker.host(fields)
    fields.close()
    return Produced(publish(maker.CONCEPTS.driver, node, host.devices, host.counter_sets), tuple(host.left_out))
