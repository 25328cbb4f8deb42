"""Which configuration is for which device: those of the class before those of the claim, and the last one wins.

As in the drivers: a configuration that names requests fails the claim where they got devices of another type; one that
names none is for all devices of its own type. Start at :func:`groups`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gpualloc.prepare._config import (
    ChannelConfig,
    Config,
    DaemonConfig,
    GpuConfig,
    MigDeviceConfig,
    VfioDeviceConfig,
    completed,
    decode,
    default,
)
from gpualloc.prepare._errors import ConfigError
from gpualloc.prepare._node import COMPUTE_DOMAIN, GPU

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpualloc.prepare._node import NodeDevice

__all__ = ["Group", "Result", "groups"]

Json = dict[str, Any]

# Which kinds each driver knows what to do with, and the type of device each is for.
_KINDS: Final[dict[str, dict[type, str]]] = {
    GPU: {GpuConfig: "gpu", MigDeviceConfig: "mig", VfioDeviceConfig: "vfio"},
    COMPUTE_DOMAIN: {ChannelConfig: "channel", DaemonConfig: "daemon"},
}
_SOURCES: Final = ("FromClass", "FromClaim")
_PATH: Final = "status.allocation.devices"


@dataclass(frozen=True, slots=True)
class Result:
    """A device that the claim was given."""

    request: str
    device: NodeDevice
    is_admin: bool
    path: str
    """Where it stands in the claim."""


@dataclass(frozen=True, slots=True)
class Group:
    """The devices that one configuration is for, in the order of the allocation."""

    config: Config
    path: str
    """Where the configuration stands in the claim; for the driver's default where one could stand."""
    results: tuple[Result, ...]

    @property
    def kind(self) -> str:
        """The type of the devices, which is the one that the configuration is for."""
        return self.results[0].device.kind


@dataclass(frozen=True, slots=True)
class _Entry:
    requests: tuple[str, ...]
    config: Config
    path: str


def groups(
    driver: str, allocation: Json, results: Sequence[Result], gates: Mapping[str, bool], document: str
) -> tuple[list[Group], list[str]]:
    """The devices by configuration, in the order of their first devices; and what to know about it, in sentences.

    Raises:
        ConfigError: for a configuration that cannot be decoded or does not hold, or that names requests which got
            devices of another type.
    """
    entries = _entries(driver, allocation, document)
    found: dict[_Entry, list[Result]] = {}
    for result in results:
        found.setdefault(_entry(driver, entries, result, document), []).append(result)
    made: list[Group] = []
    for entry, members in found.items():
        config = completed(entry.config, gates, document, entry.path)
        made.append(Group(config, entry.path, tuple(members)))
    return made, _unheard(entries, results)


def _entries(driver: str, allocation: Json, document: str) -> list[_Entry]:
    """The driver's configurations from the lowest precedence to the highest."""
    by_source: dict[str, list[_Entry]] = {source: [] for source in _SOURCES}
    for index, one in enumerate(allocation.get("devices", {}).get("config") or []):
        path = f"{_PATH}.config[{index}]"
        if one.get("source") not in by_source:
            raise ConfigError(f"must be one of {', '.join(_SOURCES)}", document, f"{path}.source")
        opaque = one.get("opaque")
        if opaque is None:
            raise ConfigError("is missing; the driver knows no other configuration", document, f"{path}.opaque")
        if opaque.get("driver") != driver:
            continue
        path = f"{path}.opaque.parameters"
        config = decode(opaque.get("parameters"), document, path)
        by_source[one["source"]].append(_Entry(tuple(one.get("requests") or ()), config, path))
    return [entry for source in _SOURCES for entry in by_source[source]]


def _entry(driver: str, entries: Sequence[_Entry], result: Result, document: str) -> _Entry:
    """The configuration that is for a device; else the driver's default for its type."""
    kinds = list(_KINDS[driver].values())
    if result.device.kind not in kinds:
        result.device.refuse("attributes[type]", f"is none of {', '.join(kinds)}")
    for entry in reversed(entries):
        names, kind = result.request in entry.requests, _KINDS[driver].get(type(entry.config))
        if not names and (entry.requests or kind not in (None, result.device.kind)):
            continue
        if kind is None:
            raise ConfigError(f"driver {driver} has no such configuration", document, f"{entry.path}.kind")
        if kind != result.device.kind:
            raise ConfigError(
                f"cannot be applied to device {result.device.name} of type {result.device.kind}, "
                f"which request {result.request} got",
                document,
                f"{entry.path}.kind",
            )
        return entry
    return _Entry((), default(result.device.kind), f"{_PATH}.config")


def _unheard(entries: Sequence[_Entry], results: Sequence[Result]) -> list[str]:
    """The driver compares names of requests as they stand, so that the name of a request misses its alternatives."""
    missed = {
        (entry.path, name, result.request)
        for entry in entries
        for name in entry.requests
        for result in results
        if result.request.startswith(f"{name}/")
    }
    return [
        f"{path} names request {name}, but the device is of {request}: the driver does not apply it"
        for path, name, request in sorted(missed)
    ]
