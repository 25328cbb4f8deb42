"""DeviceClasses of the vendors' charts, which claims name. Makes no slice. Start at :func:`device_classes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gpualloc.vendors import vendor

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NVIDIA", "device_classes"]

Json: TypeAlias = dict[str, Any]


def _class(name: str, driver: str, condition: str, **more: str) -> Json:
    expression = f"device.driver == '{driver}' && {condition}"
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": {"selectors": [{"cel": {"expression": expression}}], **more},
    }


def _of_type(name: str, kind: str, **more: str) -> Json:
    return _class(name, "gpu.nvidia.com", f"device.attributes['gpu.nvidia.com'].type == '{kind}'", **more)


def _of_domain(name: str, kind: str, more: str = "") -> Json:
    attributes = "device.attributes['compute-domain.nvidia.com']"
    return _class(name, "compute-domain.nvidia.com", f"{attributes}.type == '{kind}'{more.format(attributes)}")


NVIDIA: Final = (
    _of_type("gpu.nvidia.com", "gpu", extendedResourceName="nvidia.com/gpu"),
    _of_type("mig.nvidia.com", "mig"),
    _of_type("vfio.gpu.nvidia.com", "vfio"),
    _of_domain("compute-domain-daemon.nvidia.com", "daemon"),
    _of_domain("compute-domain-default-channel.nvidia.com", "channel", " && {}.id == 0"),
)
"""Those of the NVIDIA DRA driver's chart."""


def device_classes(vendors: Iterable[str]) -> tuple[Json, ...]:
    """The classes of these vendors, by vendor."""
    return tuple(
        one for name in sorted(vendors) for one in (NVIDIA if name == "nvidia" else vendor(name).DEVICE_CLASSES)
    )
