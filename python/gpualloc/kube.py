"""Kubernetes documents in any usual form, turned into the JSON that the engine reads.

Accepted: JSON as bytes or str, mappings in the API's own camelCase form, objects of the official client, of lightkube,
of kr8s, pydantic models, and iterables of all of these. No client is imported here; each object is asked for its own
serialisation. Nothing is interpreted: what documents mean is the engine's business. Start at :func:`to_json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast, runtime_checkable

from gpualloc._errors import InvalidInputError

__all__ = ["Document", "Documents", "to_json"]


@runtime_checkable
class _Lightkube(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


@runtime_checkable
class _Kr8s(Protocol):
    @property
    def raw(self) -> Any: ...


@runtime_checkable
class _Pydantic(Protocol):
    def model_dump(self, *, mode: str, by_alias: bool, exclude_none: bool) -> dict[str, Any]: ...


@runtime_checkable
class _Official(Protocol):
    @property
    def openapi_types(self) -> Any: ...
    @property
    def attribute_map(self) -> Any: ...


Document: TypeAlias = bytes | bytearray | memoryview | str | Mapping[str, Any] | _Lightkube | _Kr8s | _Pydantic
"""One document, or JSON text with several."""

Documents: TypeAlias = Document | Iterable[Document]
"""What is accepted wherever documents are asked for."""

if TYPE_CHECKING:
    from typing import NoReturn

_SNAKE_CASE_HELP = (
    "keys are snake_case, as the official client's to_dict() makes them and as no API server takes them; "
    "pass the object itself or kubernetes.client.ApiClient().sanitize_for_serialization(obj)"
)
# Kinds of the core group; everything else that the engine reads is of resource.k8s.io.
_CORE_KINDS = ("Node", "Pod")
_RESOURCE_KINDS = ("ResourceSlice", "ResourceClaim", "ResourceClaimTemplate", "DeviceClass", "DeviceTaintRule")


def to_json(documents: Documents) -> bytes:
    r"""JSON text with all the documents, one after the other.

    Raises:
        InvalidInputError: if something is neither JSON text, nor a mapping, nor a client's object.

    >>> to_json([{"kind": "Node", "metadata": {"name": "a"}}, '{"kind": "Pod"}'])
    b'{"kind": "Node", "metadata": {"name": "a"}}\n{"kind": "Pod"}'
    """
    text = _text(documents)
    if text is not None:
        return text
    plain = _plain(documents)
    if plain is not None:
        return _dump(plain)
    if not isinstance(documents, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers lie
        _refuse(documents)
    return b"\n".join(_one(document) for document in documents)


def _one(document: object) -> bytes:
    text = _text(document)
    if text is not None:
        return text
    plain = _plain(document)
    if plain is None:
        _refuse(document)
    return _dump(plain)


def _text(document: object) -> bytes | None:
    if isinstance(document, bytes):
        return document
    if isinstance(document, str):
        try:
            return document.encode()
        except UnicodeEncodeError as error:
            raise InvalidInputError(f"text is not valid Unicode: {error.reason} at {error.start}") from None
    if isinstance(document, bytearray | memoryview):
        return bytes(cast("bytearray", document))
    return None


def _plain(document: object) -> dict[str, Any] | None:
    """A mapping in the API's form, or nothing where the object is no document."""
    if isinstance(document, type):
        return None
    table = _table(document)
    if table is not None:
        plain = dict(table)
    elif isinstance(document, _Official):
        plain = _from_official(document)
        _complete(plain, type(document).__name__)
    elif isinstance(document, _Pydantic):
        plain = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    elif isinstance(document, _Kr8s):
        plain = dict[str, Any](document.raw)
    elif isinstance(document, _Lightkube):
        plain = document.to_dict()
    else:
        return None
    _refuse_snake_case(plain)
    return plain


def _table(value: object) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def _from_official(value: _Official) -> dict[str, Any]:
    """The official client's objects name their attributes in Python's way and keep the API's names in a table."""
    named: dict[str, str] = value.attribute_map
    plain: dict[str, Any] = {}
    for attribute, name in named.items():
        held: object = getattr(value, attribute)
        if held is not None:
            plain[name] = _from_official_value(held)
    return plain


def _from_official_value(value: object) -> Any:
    if isinstance(value, _Official):
        return _from_official(value)
    if isinstance(value, list | tuple):
        return [_from_official_value(item) for item in cast("Iterable[object]", value)]
    table = _table(value)
    return value if table is None else {key: _from_official_value(item) for key, item in table.items()}


def _complete(plain: dict[str, Any], class_name: str) -> None:
    """Items of a list carry no kind; for the official client's objects the class tells it."""
    if "kind" in plain and "apiVersion" in plain:
        return
    for kind in (*_RESOURCE_KINDS, *_CORE_KINDS):
        for suffix in ("", "List"):
            stem = class_name.removesuffix(kind + suffix)
            version = stem.removeprefix("Resource").removeprefix("Core")
            if stem == class_name or not (version.startswith("V") and version[1:2].isdigit()):
                continue
            group = "" if kind in _CORE_KINDS else "resource.k8s.io/"
            plain.setdefault("kind", kind + suffix)
            plain.setdefault("apiVersion", group + version.lower())
            return


def _refuse_snake_case(plain: Mapping[str, Any]) -> None:
    """No field name of the API holds an underscore; label and attribute names, which may, stand deeper."""
    items = cast("object", plain.get("items"))
    first = cast("list[object]", items)[0] if isinstance(items, list) and items else None
    for path, level in (("", plain), ("items[0].", _table(first) or {})):
        inner = {"": level, **{f"{key}.": _table(level.get(key)) or {} for key in ("metadata", "spec", "status")}}
        for prefix, part in inner.items():
            for key in part:
                if isinstance(key, str) and "_" in key:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers lie
                    _refuse_name(plain, path + prefix + key)


def _refuse_name(plain: Mapping[str, Any], field: str) -> NoReturn:
    metadata = _table(plain.get("metadata")) or {}
    name = "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if isinstance(part, str))
    raise InvalidInputError(_SNAKE_CASE_HELP, f"{plain.get('kind') or 'document'} {name}".strip(), field)


def _dump(plain: dict[str, Any]) -> bytes:
    import json  # noqa: PLC0415  # documents given as text need no JSON module, and importing it takes its time

    try:
        return json.dumps(plain, allow_nan=False, default=_default).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidInputError(f"not a JSON document: {message}") from None


def _default(value: object) -> Any:
    """Values inside a document that JSON has no word for: times, and client objects inside plain mappings."""
    written = getattr(value, "isoformat", None)
    if callable(written):
        return str(written()).replace("+00:00", "Z")
    table = _table(value)
    plain = _plain(value) if table is None else dict(table)
    if plain is None:
        raise TypeError(f"a {type(value).__name__} inside the document")
    return plain


def _refuse(value: object) -> NoReturn:
    raise InvalidInputError(
        f"cannot read a {type(value).__name__} as Kubernetes documents; give JSON as bytes or str, a mapping in the "
        "API's camelCase form, an object of the official client, lightkube or kr8s, or an iterable of these",
    )
