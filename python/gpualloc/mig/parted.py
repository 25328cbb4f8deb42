"""mig-parted's configuration files: which profiles, and how many of each, the GPUs of a node shall have.

Reads and writes `version: v1` files as strictly as mig-parted itself, and refuses beyond that what it takes but could
never match: a device filter that is no PCI id, an index below zero. A file says counts and no places; which layouts
have these counts tells :func:`gpualloc.mig.layouts_of`. Touches no GPU. Start at :func:`read`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

from gpualloc import _yaml
from gpualloc._errors import InvalidInputError
from gpualloc.mig.profile import ProfileName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Configurations", "Entry", "entry_for", "read", "write"]

_VERSION = "v1"
_VENDOR = 0x10DE
_FIELDS = ("device-filter", "devices", "mig-enabled", "mig-devices")
# Device id, then vendor id, and the same of the subsystem: 0x233010DE or 0x233010DE:0x16C110DE.
_FILTER = re.compile(r"0[xX]([0-9a-fA-F]{1,8})(?::0[xX]([0-9a-fA-F]{1,8}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """What some GPUs of a node shall have.

    Attributes:
        devices: NVML indices of the GPUs; `None` means all.
        mig_enabled: Whether MIG mode shall be on.
        mig_devices: Instances by profile name; may be empty. `None` where the file says nothing, which it may only
            where MIG is off.
        device_filter: PCI ids, each device then vendor as in `0x233010DE`, with `:` and the subsystem's if wanted;
            empty means any GPU.
    """

    devices: tuple[int, ...] | None
    mig_enabled: bool
    mig_devices: Mapping[str, int] | None = None
    device_filter: tuple[str, ...] = ()

    def matches(self, index: int, pci_device_id: int, subsystem: tuple[int, int] | None = None) -> bool:
        """Whether the entry is for this GPU.

        Args:
            index: Its NVML index.
            pci_device_id: Its PCI device id; the vendor is NVIDIA.
            subsystem: Device and vendor id of its subsystem; without them a filter that names one does not match.
        """
        if self.devices is not None and index not in self.devices:
            return False
        own = pci_device_id << 16 | _VENDOR
        below = None if subsystem is None else subsystem[0] << 16 | subsystem[1]
        wanted = [_numbers(text) for text in self.device_filter]
        return not wanted or any(device == own and sub in (None, below) for device, sub in wanted)


Configurations: TypeAlias = "Mapping[str, tuple[Entry, ...]]"
"""Entries by the name of the configuration."""


def entry_for(
    entries: Sequence[Entry], index: int, pci_device_id: int, subsystem: tuple[int, int] | None = None
) -> Entry | None:
    """What the configuration wants of this GPU: its last entry that matches, since mig-parted applies one by one."""
    matching = [entry for entry in entries if entry.matches(index, pci_device_id, subsystem)]
    return matching[-1] if matching else None


# --- reading ----------------------------------------------------------------------------------------------------------


def read(text: str, name: str = "mig-parted configuration") -> dict[str, tuple[Entry, ...]]:
    """The configurations of a file, in its order. YAML needs PyYAML, JSON does not.

    Args:
        text: The file.
        name: What errors call it.

    Raises:
        InvalidInputError: with the name as document, and the field.

    >>> found = read('{"version": "v1", "mig-configs": {"off": [{"devices": "all", "mig-enabled": false}]}}')
    >>> found["off"][0].mig_enabled
    False
    """
    try:
        documents = list(_yaml.read(name, text))
    except _yaml.FileError as error:
        raise InvalidInputError(error.message, name, f"line {error.line}" if error.line else "") from None
    if len(documents) != 1:
        raise InvalidInputError(f"one document is expected, {len(documents)} are there", name)
    return _Decoder(name).configurations(documents[0].document)


class _Decoder:
    def __init__(self, name: str) -> None:
        self._name = name

    def configurations(self, document: dict[str, Any]) -> dict[str, tuple[Entry, ...]]:
        self._known(document, ("version", "mig-configs"), "")
        version = document.get("version")
        if version != _VERSION:
            self._refuse("version", f"must be {_VERSION}, is {version!r}")
        if "mig-configs" not in document:
            return {}
        configs = self._table(document["mig-configs"], "mig-configs")
        if not configs:
            self._refuse("mig-configs", "at least one configuration is required")
        return {name: self._entries(value, f"mig-configs.{name}") for name, value in configs.items()}

    def _entries(self, value: object, field: str) -> tuple[Entry, ...]:
        entries = self._list(value, field)
        if not entries:
            self._refuse(field, "at least one entry is required")
        return tuple(self._entry(entry, f"{field}[{index}]") for index, entry in enumerate(entries))

    def _entry(self, value: object, field: str) -> Entry:
        entry = self._table(value, field)
        self._known(entry, _FIELDS, field)
        for required in ("devices", "mig-enabled"):
            if required not in entry:
                self._refuse(f"{field}.{required}", "is required")
        enabled = entry["mig-enabled"]
        if not isinstance(enabled, bool):
            self._refuse(f"{field}.mig-enabled", f"must be true or false, is {enabled!r}")
        devices = self._devices(entry["devices"], f"{field}.devices")
        wanted = self._mig_devices(entry.get("mig-devices"), f"{field}.mig-devices")
        if enabled and wanted is None:
            self._refuse(f"{field}.mig-devices", "is required where mig-enabled is true")
        if not enabled and wanted:
            self._refuse(f"{field}.mig-devices", "must not be given where mig-enabled is false")
        filters = self._filter(entry["device-filter"], f"{field}.device-filter") if "device-filter" in entry else ()
        return Entry(devices, enabled, wanted, filters)

    def _devices(self, value: object, field: str) -> tuple[int, ...] | None:
        if isinstance(value, str):
            if value != "all":
                self._refuse(field, f"must be all or a list of GPU indices, is {value!r}")
            return None
        indices = self._list(value, field)
        for position, index in enumerate(indices):
            if not isinstance(index, int) or isinstance(index, bool) or index < 0:
                self._refuse(f"{field}[{position}]", f"must be a GPU index, is {index!r}")
            if index in indices[:position]:
                self._refuse(f"{field}[{position}]", f"GPU {index} is named twice")
        return tuple(cast("list[int]", indices))

    def _mig_devices(self, value: object, field: str) -> dict[str, int] | None:
        if value is None:
            return None
        wanted = self._table(value, field)
        for profile, count in wanted.items():
            try:
                ProfileName.parse(profile)
            except InvalidInputError as error:
                self._refuse(f"{field}.{profile}", error.message)
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                self._refuse(f"{field}.{profile}", f"must be a count, is {count!r}")
        if wanted and not any(wanted.values()):
            self._refuse(field, "all counts are 0")
        return wanted

    def _filter(self, value: object, field: str) -> tuple[str, ...]:
        texts = [value] if isinstance(value, str) else self._list(value, field)
        for position, text in enumerate(texts):
            if not isinstance(text, str) or not _FILTER.fullmatch(text):
                place = field if isinstance(value, str) else f"{field}[{position}]"
                self._refuse(place, f"must be PCI ids as text, such as 0x233010DE, is {text!r}")
        return tuple(cast("list[str]", texts))

    def _known(self, table: dict[str, Any], fields: tuple[str, ...], field: str) -> None:
        for key in table:
            if key not in fields:
                self._refuse(f"{field}.{key}".lstrip("."), f"unknown field; known are {', '.join(fields)}")

    def _table(self, value: object, field: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._refuse(field, f"must be a mapping, is {value!r}")
        return cast("dict[str, Any]", value)

    def _list(self, value: object, field: str) -> list[object]:
        if not isinstance(value, list):
            self._refuse(field, f"must be a list, is {value!r}")
        return cast("list[object]", value)

    def _refuse(self, field: str, message: str) -> NoReturn:
        raise InvalidInputError(message, self._name, field)


def _numbers(text: str) -> tuple[int, int | None]:
    match = _FILTER.fullmatch(text)
    if match is None:
        raise InvalidInputError(f"{text!r} is no PCI id such as 0x233010DE", "", "device-filter")
    return int(match[1], 16), None if match[2] is None else int(match[2], 16)


# --- writing ----------------------------------------------------------------------------------------------------------


def write(configurations: Configurations, name: str = "mig-parted configuration") -> str:
    """The file with these configurations, in their order; :func:`read` reads it back as the same. Needs PyYAML.

    Raises:
        InvalidInputError: for what :func:`read` would refuse, or where PyYAML is not installed.
    """
    document = {
        "version": _VERSION,
        "mig-configs": {key: [_plain(entry) for entry in entries] for key, entries in configurations.items()},
    }
    _Decoder(name).configurations(document)
    try:
        return _yaml.dump(document)
    except ModuleNotFoundError:
        raise InvalidInputError("writing YAML needs PyYAML: pip install 'gpualloc[cli]'", name) from None


def _plain(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    if entry.device_filter:
        plain["device-filter"] = list(entry.device_filter)
    plain["devices"] = "all" if entry.devices is None else list(entry.devices)
    plain["mig-enabled"] = entry.mig_enabled
    if entry.mig_devices is not None:
        plain["mig-devices"] = dict(entry.mig_devices)
    return plain
