"""The opaque configurations of the NVIDIA drivers, `resource.nvidia.com/v1beta1`: decoded strictly, then completed.

As in the drivers: an unknown kind, an unknown field or a value of the wrong type fails the claim; what is not said gets
the driver's defaults, which depend on its feature gates. Knows no device. Start at :func:`decode`, then
:func:`completed`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from gpualloc._errors import InvalidInputError
from gpualloc._quantity import whole
from gpualloc.prepare._errors import ConfigError, ExclusionError
from gpualloc.vendors import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "API_VERSION",
    "INTERVALS",
    "ChannelConfig",
    "Config",
    "DaemonConfig",
    "GpuConfig",
    "MigDeviceConfig",
    "Mps",
    "Sharing",
    "VfioDeviceConfig",
    "completed",
    "decode",
    "default",
]

API_VERSION: Final = "resource.nvidia.com/v1beta1"
INTERVALS: Final = ("Default", "Short", "Medium", "Long")
"""Time slices by the level that `nvidia-smi compute-policy --set-timeslice` takes."""

_TIME_SLICING, _MPS = "TimeSlicing", "MPS"
_GATES: Final = {_TIME_SLICING: "TimeSlicingSettings", _MPS: "MPSSupport"}
_NO_MPS: Final = {
    "DynamicMIG": "the daemon would have to know the UUIDs of instances that do not exist yet",
    "ConsumableShares": "clients of several claims would need one daemon, and the driver has one for each claim",
}
_POLICIES: Final = ("LegacyOnly", "PreferIommuFD")
_MODES: Final = ("Single", "All")
_PERCENT = 100
_MIB = 1 << 20
# What the API takes as a label's value, which is also one part of a path.
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mps:
    """Limits of an MPS control daemon.

    Attributes:
        thread_percentage: Default active thread percentage, 0 to 100.
        memory_mib: Default pinned device memory limit of every device, in whole MiB.
        memory_mib_by_device: The same for single devices, by UUID or by the device's place among the UUIDs, sorted.
        multi_user: Whether users with different ids share the daemon.
    """

    thread_percentage: int | None = None
    memory_mib: int | None = None
    memory_mib_by_device: tuple[tuple[str, int], ...] = ()
    multi_user: bool = False


@dataclass(frozen=True, slots=True)
class Sharing:
    """How processes share a device: `interval` belongs to the strategy TimeSlicing, `mps` to MPS."""

    strategy: str
    interval: str | None = None
    mps: Mps | None = None


@dataclass(frozen=True, slots=True)
class GpuConfig:
    """For full GPUs."""

    sharing: Sharing | None = None


@dataclass(frozen=True, slots=True)
class MigDeviceConfig:
    """For MIG devices."""

    sharing: Sharing | None = None


@dataclass(frozen=True, slots=True)
class VfioDeviceConfig:
    """For GPUs passed through to a virtual machine."""

    backend_policy: str = "LegacyOnly"
    enable_api_device: bool = False


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """For an IMEX channel: `ComputeDomainChannelConfig`. `domain` is the UID of the ComputeDomain."""

    domain: str = ""
    mode: str = "Single"


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """For an IMEX daemon: `ComputeDomainDaemonConfig`."""

    domain: str = ""


Config: TypeAlias = GpuConfig | MigDeviceConfig | VfioDeviceConfig | ChannelConfig | DaemonConfig

_DEFAULTS: Final[dict[str, Config]] = {
    "gpu": GpuConfig(),
    "mig": MigDeviceConfig(),
    "vfio": VfioDeviceConfig(),
    "channel": ChannelConfig(),
    "daemon": DaemonConfig(),
}


def default(kind: str) -> Config:
    """What holds for a device of this type that no configuration is for."""
    return _DEFAULTS[kind]


def decode(parameters: object, document: str, path: str) -> Config:
    """A configuration.

    Args:
        parameters: The opaque parameters.
        document: The claim, for errors.
        path: Where the parameters stand in it.

    Raises:
        ConfigError: for anything that the driver's strict decoder refuses.
    """
    try:
        fields = Fields(parameters, document, path)
        version, kind = fields.text("apiVersion"), fields.text("kind")
        reader = _KINDS.get(kind)
        if version != API_VERSION or reader is None:
            fields.refuse("kind", f"no kind {version}/{kind}; known are {', '.join(_KINDS)} of {API_VERSION}")
        config = reader(fields)
        fields.close()
    except InvalidInputError as error:
        raise ConfigError(error.message, error.document, error.field) from None
    return config


def completed(config: Config, gates: Mapping[str, bool], document: str, path: str) -> Config:
    """The configuration with the driver's defaults, checked.

    Raises:
        ConfigError: for a strategy whose feature gate is off, for settings of another strategy, for a compute domain
            that is not named.
        ExclusionError: for MPS with what the driver does not have it with.
    """
    if isinstance(config, GpuConfig | MigDeviceConfig):
        sharing = config.sharing
        if sharing is None:
            if not gates["TimeSlicingSettings"]:
                return config
            sharing = Sharing(_TIME_SLICING)
        return replace(config, sharing=_sharing(config, sharing, gates, document, f"{path}.sharing"))
    if isinstance(config, ChannelConfig | DaemonConfig) and not _DOMAIN.fullmatch(config.domain):
        raise ConfigError(
            f"{config.domain!r} is no UID of a ComputeDomain, which a channel and a daemon must have",
            document,
            f"{path}.domainID",
        )
    return config


def _sharing(
    config: GpuConfig | MigDeviceConfig, sharing: Sharing, gates: Mapping[str, bool], document: str, path: str
) -> Sharing:
    gate = _GATES.get(sharing.strategy)
    if gate is None:
        raise ConfigError(
            f"unknown strategy {sharing.strategy!r}; known are {', '.join(_GATES)}", document, f"{path}.strategy"
        )
    for other, reason in _NO_MPS.items() if sharing.strategy == _MPS else ():
        if gates[other]:
            raise ExclusionError(f"MPS is not to be had with {other}: {reason}", document, f"{path}.strategy")
    if not gates[gate]:
        raise ConfigError(
            f"strategy {sharing.strategy} needs the driver's feature gate {gate}, which is off",
            document,
            f"{path}.strategy",
        )
    is_gpu = isinstance(config, GpuConfig)
    if sharing.strategy == _TIME_SLICING:
        # The driver takes a MIG device's strategy and does nothing with it, limits of MPS included.
        if sharing.mps is not None and is_gpu:
            raise ConfigError("does not belong to strategy TimeSlicing", document, f"{path}.mpsConfig")
        return replace(sharing, interval=(sharing.interval or INTERVALS[0]) if is_gpu else None, mps=None)
    if sharing.interval is not None:
        raise ConfigError("does not belong to strategy MPS", document, f"{path}.timeSlicingConfig")
    return replace(sharing, mps=sharing.mps or Mps())


# --- the kinds --------------------------------------------------------------------------------------------------------


def _gpu(fields: Fields) -> GpuConfig:
    return GpuConfig(_read_sharing(fields, has_interval=True))


def _mig(fields: Fields) -> MigDeviceConfig:
    return MigDeviceConfig(_read_sharing(fields, has_interval=False))


def _vfio(fields: Fields) -> VfioDeviceConfig:
    if not fields.takes("iommu"):
        return VfioDeviceConfig()
    iommu = fields.part("iommu")
    # With `iommu` the policy must be said: only without it there is a default.
    policy = iommu.choice("backendPolicy", _POLICIES)
    enabled = iommu.flag("enableAPIDevice") if iommu.takes("enableAPIDevice") else False
    iommu.close()
    return VfioDeviceConfig(policy, enabled)


def _channel(fields: Fields) -> ChannelConfig:
    mode = fields.text("allocationMode") if fields.takes("allocationMode") else ""
    if mode not in ("", *_MODES):
        fields.refuse("allocationMode", f"must be one of {', '.join(_MODES)}, is {mode!r}")
    return ChannelConfig(_read_domain(fields), mode or _MODES[0])


def _daemon(fields: Fields) -> DaemonConfig:
    return DaemonConfig(_read_domain(fields))


_KINDS: Final[dict[str, Callable[[Fields], Config]]] = {
    "GpuConfig": _gpu,
    "MigDeviceConfig": _mig,
    "VfioDeviceConfig": _vfio,
    "ComputeDomainChannelConfig": _channel,
    "ComputeDomainDaemonConfig": _daemon,
}


def _read_domain(fields: Fields) -> str:
    return fields.text("domainID") if fields.takes("domainID") else ""


def _read_sharing(fields: Fields, *, has_interval: bool) -> Sharing | None:
    if not fields.takes("sharing"):
        return None
    sharing = fields.part("sharing")
    strategy = sharing.text("strategy") if sharing.takes("strategy") else ""
    interval = None
    if has_interval and sharing.takes("timeSlicingConfig"):
        interval = _read_interval(sharing.part("timeSlicingConfig"))
    mps = _read_mps(sharing.part("mpsConfig")) if sharing.takes("mpsConfig") else None
    sharing.close()
    return Sharing(strategy, interval, mps)


def _read_interval(fields: Fields) -> str:
    interval = fields.choice("interval", INTERVALS) if fields.takes("interval") else INTERVALS[0]
    fields.close()
    return interval


def _read_mps(fields: Fields) -> Mps:
    percentage = (
        fields.number("defaultActiveThreadPercentage") if fields.takes("defaultActiveThreadPercentage") else None
    )
    if percentage is not None and percentage > _PERCENT:
        fields.refuse("defaultActiveThreadPercentage", f"must not be more than 100, is {percentage}")
    name = "defaultPinnedDeviceMemoryLimit"
    limit = _mebibytes(fields, name, fields.anything(name)) if fields.takes(name) else None
    name = "defaultPerDevicePinnedMemoryLimit"
    limits = fields.part(name) if fields.takes(name) else None
    by_device = () if limits is None else tuple((key, _mebibytes(limits, key, value)) for key, value in limits.items())
    multi_user = fields.flag("multiUser") if fields.takes("multiUser") else False
    fields.close()
    return Mps(percentage, limit, tuple(sorted(by_device)), multi_user)


def _mebibytes(fields: Fields, name: str, value: object) -> int:
    """A limit in whole mebibytes, rounded down, as the daemon is told; less than one is refused."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        fields.refuse(name, f"must be a quantity, is {value!r}")
    try:
        mebibytes = whole(str(value)) // _MIB
    except ValueError as error:
        fields.refuse(name, str(error))
    if mebibytes < 1:
        fields.refuse(name, f"must be at least 1Mi, is {value}")
    return mebibytes
