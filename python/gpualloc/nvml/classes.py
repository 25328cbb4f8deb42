"""The DeviceClasses of the NVIDIA DRA driver's chart. Makes no slice. Start at :data:`DEVICE_CLASSES`."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

__all__ = ["DEVICE_CLASSES", "of_type"]

Json: TypeAlias = dict[str, Any]


def _class(name: str, driver: str, condition: str, **more: str) -> Json:
    expression = f"device.driver == '{driver}' && {condition}"
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": {"selectors": [{"cel": {"expression": expression}}], **more},
    }


def of_type(name: str, kind: str, **more: str) -> Json:
    """A class of all devices of a type of driver `gpu.nvidia.com`."""
    return _class(name, "gpu.nvidia.com", f"device.attributes['gpu.nvidia.com'].type == '{kind}'", **more)


def _of_domain(name: str, kind: str, more: str = "") -> Json:
    attributes = "device.attributes['compute-domain.nvidia.com']"
    return _class(name, "compute-domain.nvidia.com", f"{attributes}.type == '{kind}'{more.format(attributes)}")


DEVICE_CLASSES: Final = (
    of_type("gpu.nvidia.com", "gpu", extendedResourceName="nvidia.com/gpu"),
    of_type("mig.nvidia.com", "mig"),
    of_type("vfio.gpu.nvidia.com", "vfio"),
    _of_domain("compute-domain-daemon.nvidia.com", "daemon"),
    _of_domain("compute-domain-default-channel.nvidia.com", "channel", " && {}.id == 0"),
)
"""Whole GPUs, MIG devices, passthrough devices, and both kinds of the compute-domain driver."""
