"""Strict reading of a small host description: every field is named, typed and used, or refused by its path.

Knows no vendor. Start at :class:`Fields`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from gpualloc._errors import InvalidInputError

__all__ = ["PCI_ADDRESS", "PCI_ID", "PCI_ROOT", "Fields"]

PCI_ADDRESS: Final = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.ASCII)
"""A PCI address as sysfs writes it, such as `0000:05:00.0`."""
PCI_ROOT: Final = re.compile(r"pci[0-9a-f]{4}:[0-9a-f]{2}", re.ASCII)
"""A PCIe root as sysfs names its folder, such as `pci0000:00`."""
PCI_ID: Final = re.compile(r"0x[0-9a-f]{4}", re.ASCII)
"""A PCI device id as sysfs writes it, such as `0x74a1`."""

_UNSET: Final = object()


class Fields:
    """One mapping of a description. Each getter takes a field; :meth:`close` refuses those that nobody took."""

    def __init__(self, table: object, document: str, path: str = "") -> None:
        self.document = document
        self._path = path
        if not isinstance(table, Mapping) or not all(
            isinstance(key, str) for key in cast("Mapping[object, object]", table)
        ):
            self.refuse("", f"must be a mapping with texts as keys, is {table!r}")
        self._table = cast("Mapping[str, Any]", table)
        self._taken: set[str] = set()

    def text(self, name: str, pattern: re.Pattern[str] | None = None, *, default: str | None = None) -> str:
        """A text; with a pattern, one that it matches as a whole. A default makes the field optional."""
        value = self._take(name, _UNSET if default is None else default)
        if not isinstance(value, str):
            self.refuse(name, f"must be text, is {value!r}")
        if pattern is not None and value != default and not pattern.fullmatch(value):
            self.refuse(name, f"{value!r} is not of the form {pattern.pattern}")
        return value

    def choice(self, name: str, choices: tuple[str, ...], *, default: str | None = None) -> str:
        """One of some words."""
        value = self.text(name, default=default)
        if value != default and value not in choices:
            self.refuse(name, f"must be one of {', '.join(choices)}, is {value!r}")
        return value

    def number(self, name: str, *, least: int = 0, default: int | None = None) -> int:
        """A whole number. A default makes the field optional."""
        value = self._take(name, _UNSET if default is None else default)
        if not isinstance(value, int) or isinstance(value, bool) or (value < least and value != default):
            self.refuse(name, f"must be a whole number from {least} on, is {value!r}")
        return value

    def known_number(self, name: str) -> int | None:
        """A whole number from 0 on, or `None` where the field is absent or null: not known."""
        return None if self._take(name, None) is None else self.number(name)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """True or false. A default makes the field optional."""
        value = self._take(name, _UNSET if default is None else default)
        if not isinstance(value, bool):
            self.refuse(name, f"must be true or false, is {value!r}")
        return value

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._table.get(name) is not None

    def takes(self, name: str) -> bool:
        """Whether the field is there and not null; a null one is taken with that."""
        self._taken.add(name)
        return self.has(name)

    def part(self, name: str) -> Fields:
        """A mapping."""
        return Fields(self._take(name, _UNSET), self.document, self._at(name))

    def anything(self, name: str) -> object:
        """A value of any type."""
        return self._take(name, _UNSET)

    def items(self) -> list[tuple[str, object]]:
        """All keys with their values, where the keys are the user's; they are taken with that."""
        self._taken.update(self._table)
        return list(self._table.items())

    def rows(self, name: str, *, optional: bool = False) -> list[Fields]:
        """A list of mappings."""
        value = self._take(name, [] if optional else _UNSET)
        if not isinstance(value, list):
            self.refuse(name, f"must be a list, is {value!r}")
        rows = cast("list[object]", value)
        return [Fields(row, self.document, f"{self._at(name)}[{index}]") for index, row in enumerate(rows)]

    def words(self, name: str, *, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts."""
        value = self._take(name, _UNSET if default is None else list(default))
        if not isinstance(value, list) or not all(isinstance(word, str) for word in cast("list[object]", value)):
            self.refuse(name, f"must be a list of texts, is {value!r}")
        return tuple(cast("list[str]", value))

    def table(self, name: str, *, optional: bool = False) -> Mapping[str, str]:
        """A mapping of text to text."""
        value = self._take(name, {} if optional else _UNSET)
        if not isinstance(value, Mapping):
            self.refuse(name, f"must be a mapping, is {value!r}")
        for key, inner in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str) or not isinstance(inner, str):
                self.refuse(f"{name}.{key}", f"must be text, is {inner!r}")
        return cast("Mapping[str, str]", value)

    def close(self) -> None:
        """Refuses fields that nobody asked for."""
        for name in self._table:
            if name not in self._taken:
                self.refuse(str(name), f"unknown field; known are {', '.join(sorted(self._taken))}")

    def refuse(self, name: str, message: str) -> NoReturn:
        """Refuses the description because of this field."""
        raise InvalidInputError(message, self.document, self._at(name))

    def _at(self, name: str) -> str:
        return ".".join(part for part in (self._path, name) if part)

    def _take(self, name: str, default: object) -> object:
        self._taken.add(name)
        value = self._table.get(name, default)
        if value is _UNSET:
            self.refuse(name, "is required")
        return value
