"""A :class:`~gpualloc.nvml.host.Host` as JSON and back.

Field names are those of the classes; what has its default is not written. Reading names the field at fault. Start at
:func:`to_document`.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from gpualloc._errors import InvalidInputError
from gpualloc.nvml.host import Host

__all__ = ["from_document", "to_document"]

_SCHEMA = 1
# No number of NVML's or the kernel's that stands here is negative, and none has more than 64 bits.
_MOST = (1 << 63) - 1
_NAME = "host document"


def to_document(host: Host) -> dict[str, Any]:
    """The host as a mapping of JSON's own types."""
    return {"schema": _SCHEMA, **cast("dict[str, Any]", _written(host))}


def from_document(document: Mapping[str, Any]) -> Host:
    """The host that :func:`to_document` wrote.

    Raises:
        InvalidInputError: with the field at fault, also where a field is unknown.
    """
    if not isinstance(document, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # it may be what JSON says
        raise InvalidInputError("must be an object", _NAME)
    if document.get("schema") != _SCHEMA:
        raise InvalidInputError(f"must be {_SCHEMA}", _NAME, "schema")
    return cast("Host", _read(Host, {name: value for name, value in document.items() if name != "schema"}, ""))


def _written(value: object) -> object:
    if is_dataclass(value):
        return {
            one.name: _written(getattr(value, one.name))
            for one in fields(value)
            if getattr(value, one.name) != one.default
        }
    if isinstance(value, tuple):
        return [_written(one) for one in cast("tuple[object, ...]", value)]
    return value


def _read(kind: Any, value: object, path: str) -> object:
    """The value as `kind`: a class of ours, a tuple, a plain type, or one of these or nothing."""
    if get_origin(kind) in (Union, types.UnionType):
        if value is None and type(None) in get_args(kind):
            return None
        return _read(next(one for one in get_args(kind) if one is not type(None)), value, path)
    if get_origin(kind) is tuple:
        return _read_tuple(get_args(kind), value, path)
    if is_dataclass(kind):
        return _read_class(kind, value, path)
    # JSON tells true from 1, Python does not.
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        raise InvalidInputError(f"must be of type {kind.__name__}", _NAME, path)
    if isinstance(value, int) and not 0 <= value <= _MOST:
        raise InvalidInputError(f"must be from 0 to {_MOST}", _NAME, path)
    return value


def _read_tuple(kinds: tuple[Any, ...], value: object, path: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise InvalidInputError("must be a list", _NAME, path)
    items = cast("list[object]", value)
    of_each = [kinds[0]] * len(items) if kinds[-1] is Ellipsis else list(kinds)
    if len(of_each) != len(items):
        raise InvalidInputError(f"must have {len(of_each)} items", _NAME, path)
    return tuple(_read(kind, item, f"{path}[{at}]") for at, (kind, item) in enumerate(zip(of_each, items, strict=True)))


def _read_class(kind: Any, value: object, path: str) -> object:
    if not isinstance(value, dict):
        raise InvalidInputError("must be an object", _NAME, path)
    table = cast("dict[str, object]", value)
    known = {one.name: one for one in fields(kind)}
    hints = _hints(kind)
    prefix = f"{path}." if path else ""
    for name in table:
        if name not in known:
            raise InvalidInputError("no such field", _NAME, f"{prefix}{name}")
    for name, one in known.items():
        if one.default is MISSING and name not in table:
            raise InvalidInputError("is required", _NAME, f"{prefix}{name}")
    return kind(**{name: _read(hints[name], item, f"{prefix}{name}") for name, item in table.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
