"""GPUs passed through to a virtual machine: taken from their driver and given to a passthrough driver.

Start at :func:`vfio`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpualloc.prepare import steps as do
from gpualloc.prepare._config import VfioDeviceConfig
from gpualloc.prepare._errors import ExclusionError
from gpualloc.prepare._parts import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpualloc.prepare._node import NodeDevice
    from gpualloc.prepare._parts import Context
    from gpualloc.prepare._select import Group

__all__ = ["vfio"]

Json = dict[str, Any]


def vfio(context: Context, groups: Sequence[Group]) -> Part:
    """The steps for the passthrough devices of a claim.

    Raises:
        ExclusionError: for more than one configuration, since what they say is about the whole container.
    """
    part = Part()
    if not groups:
        return part
    if len(groups) > 1:
        raise ExclusionError(
            f"a claim has one VfioDeviceConfig for all its devices; {groups[0].path} is another one",
            context.document,
            groups[1].path,
        )
    config = groups[0].config
    assert isinstance(config, VfioDeviceConfig)
    for device in dict.fromkeys(result.device for result in groups[0].results if not result.is_admin):
        _bind(context, part, device, config)
    if context.for_containers:
        nodes = [{"path": _api_device(groups[0], config)}] if config.enable_api_device else []
        # Void, so that an older runtime does not add GPUs of its own.
        part.common.append({"env": ["NVIDIA_VISIBLE_DEVICES=void"], "deviceNodes": nodes})
    return part


def _bind(context: Context, part: Part, device: NodeDevice, config: VfioDeviceConfig) -> None:
    bus = device.bus_id
    part.steps.append(do.SetPersistenceMode(bus, enabled=False))
    part.steps.append(do.WaitUntilUnused(bus))
    part.steps.append(do.BindDriver(bus, context.options.vfio_driver))
    if context.for_containers:
        is_fd = _uses_fd(device, config)
        part.steps.append(do.FindVfioDevice(device.name, bus, is_fd))
        folder = "/dev/vfio/devices" if is_fd else "/dev/vfio"
        part.edit(device.name, {"deviceNodes": [{"path": f"{folder}/${{{device.name}:node}}"}]})


def _uses_fd(device: NodeDevice, config: VfioDeviceConfig) -> bool:
    return config.backend_policy == "PreferIommuFD" and device.flag("iommuFDEnabled")


def _api_device(group: Group, config: VfioDeviceConfig) -> str:
    return "/dev/iommu" if _uses_fd(group.results[0].device, config) else "/dev/vfio/vfio"
