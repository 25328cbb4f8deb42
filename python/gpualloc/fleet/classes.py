"""DeviceClasses of the vendors' charts, which claims name. Makes no slice. Start at :func:`device_classes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from gpualloc.nvml.classes import DEVICE_CLASSES
from gpualloc.vendors import vendor

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["device_classes"]

Json: TypeAlias = dict[str, Any]


def device_classes(vendors: Iterable[str]) -> tuple[Json, ...]:
    """The classes of these vendors, by vendor."""
    return tuple(
        one for name in sorted(vendors) for one in (DEVICE_CLASSES if name == "nvidia" else vendor(name).DEVICE_CLASSES)
    )
