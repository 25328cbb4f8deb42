"""Feature gates of the NVIDIA driver: which there are, what excludes what, and which ones its slices give away.

Knows no claim. Start at :func:`effective`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpualloc._errors import InvalidInputError
from gpualloc.prepare._errors import ExclusionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpualloc.prepare._node import NodeDevice

__all__ = ["DEFAULTS", "effective"]

DEFAULTS: Final = {
    "ComputeDomainCliques": True,
    "ConsumableShares": False,
    "CrashOnNVLinkFabricErrors": True,
    "DRAListTypeAttributes": False,
    "DeviceMetadata": False,
    "DynamicMIG": False,
    "FabricManagerPartitioning": False,
    "HostManagedIMEXDaemon": False,
    "IMEXDaemonsWithDNSNames": True,
    "MPSSupport": False,
    "NVMLDeviceHealthCheck": False,
    "PassthroughSupport": False,
    "TimeSlicingSettings": False,
}
"""The gates with their defaults (driver 0.5)."""

_EXCLUSIVE: Final = (
    ("DynamicMIG", "MPSSupport"),
    ("DynamicMIG", "NVMLDeviceHealthCheck"),
    ("DynamicMIG", "PassthroughSupport"),
    ("NVMLDeviceHealthCheck", "PassthroughSupport"),
)
_NEEDS: Final = (("DeviceMetadata", "PassthroughSupport"), ("ComputeDomainCliques", "IMEXDaemonsWithDNSNames"))


def effective(wanted: Mapping[str, bool], devices: Iterable[NodeDevice]) -> dict[str, bool]:
    """The gates that hold on a node: the driver's defaults, what its slices show, and what the caller says.

    Raises:
        InvalidInputError: for a gate that the driver does not have, or one that the slices contradict.
        ExclusionError: for gates that exclude or need one another.
    """
    for name in wanted:
        if name not in DEFAULTS:
            raise InvalidInputError(
                f"the driver has no gate {name!r}; it has {', '.join(DEFAULTS)}", "", "feature_gates"
            )
    shown = _shown(devices)
    for name, device in shown.items():
        if not wanted.get(name, True):
            raise InvalidInputError(
                f"{name} is said to be off, but the driver publishes {device}, which it does only with it",
                "",
                "feature_gates",
            )
    gates = {**DEFAULTS, **dict.fromkeys(shown, True), **wanted}
    for one, other in _EXCLUSIVE:
        if gates[one] and gates[other]:
            raise ExclusionError(_with(one, other, shown, "exclude each other in the driver"), "", "feature_gates")
    for one, other in _NEEDS:
        if gates[one] and not gates[other]:
            raise ExclusionError(f"{one} needs {other}, which is off", "", "feature_gates")
    return gates


def _with(one: str, other: str, shown: Mapping[str, str], message: str) -> str:
    seen = "".join(f"; {name} is on, as {shown[name]} shows" for name in (one, other) if name in shown)
    return f"{one} and {other} {message}{seen}"


def _shown(devices: Iterable[NodeDevice]) -> dict[str, str]:
    """The gates without which the driver would not have published these devices, each with one of them."""
    found: dict[str, str] = {}
    for device in devices:
        if device.is_dynamic:
            found.setdefault("DynamicMIG", device.name)
        if device.kind == "vfio":
            found.setdefault("PassthroughSupport", device.name)
        if device.is_shared and device.kind in ("gpu", "mig"):
            found.setdefault("ConsumableShares", device.name)
        if device.partitions or device.has("gpuModuleID"):
            found.setdefault("FabricManagerPartitioning", device.name)
    return found
