"""YAML and JSON files, read as kubectl reads them.

Plain scalars resolve as in the YAML library of the Kubernetes tools, not as in PyYAML: no base-60 numbers, dates stay
text, ``1e3`` is a number. As there, ``yes``, ``on`` and ``y`` are booleans: quote them. A key given twice is an error.
Knows files and lines, never what a document means. Start at :func:`read`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

__all__ = ["FileError", "Found", "dump", "read"]

# Aliases may make a short text long; no honest file of documents comes near this many values.
_MAX_VALUES = 20_000_000
# Deeper than any document of the API; PyYAML and the json module recurse.
_MAX_DEPTH = 200

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_INT = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"\.nan|\.NaN|\.NAN|[-+]?(\.inf|\.Inf|\.INF)")
# The tag that plain scalars get here; what they mean is decided by `resolve`.
_PLAIN = "plain"
_RESOLVED_TAGS = (_PLAIN, *(f"tag:yaml.org,2002:{word}" for word in ("null", "bool", "int", "float")))


class FileError(Exception):
    """A file that cannot be read, with its name and the line."""

    def __init__(self, name: str, line: int, message: str) -> None:
        super().__init__(f"{name}:{line}: {message}" if line else f"{name}: {message}")
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Found:
    """One document and where it began."""

    document: dict[str, Any]
    name: str
    line: int


def read(name: str, text: str) -> Iterator[Found]:
    """The documents of a file in their order; empty ones are left out."""
    try:
        if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
            yield from _read_json(name, text)
        else:
            yield from _read_yaml(name, text)
    except RecursionError:
        raise FileError(name, 0, "nested too deeply") from None


def _read_json(name: str, text: str) -> Iterator[Found]:
    decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant)
    found: list[Found] = []
    at = _skip_blank(text, 1 if text.startswith("\ufeff") else 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            if name.endswith(".json") or not _has_yaml():
                raise FileError(name, error.lineno, f"not JSON: {error.msg}") from None
            # YAML's own short form, `{kind: Node}`, begins like JSON.
            yield from _read_yaml(name, text)
            return
        except ValueError as error:
            raise FileError(name, line, str(error)) from None
        found.extend(_documents(name, line, value))
        at = _skip_blank(text, end)
    yield from found


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _documents(name: str, line: int, value: object) -> Iterator[Found]:
    documents = cast("list[object]", value) if isinstance(value, list) else [value]
    for document in documents:
        if not isinstance(document, dict):
            raise FileError(name, line, f"a document is a mapping; this is {json.dumps(document)[:40]}")
        yield Found(cast("dict[str, Any]", document), name, line)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"key {key!r} is given twice")
            seen.add(key)
    return table


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of a document")


# --- YAML -------------------------------------------------------------------------------------------------------------


def _has_yaml() -> bool:
    try:
        import yaml as _  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        return False
    return True


def _read_yaml(name: str, text: str) -> Iterator[Found]:
    if not _has_yaml():
        raise FileError(name, 0, "reading YAML needs PyYAML: pip install 'gpualloc[cli]'; JSON works without")
    import yaml  # noqa: PLC0415  # only the command line reads YAML, and only where PyYAML is installed

    base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc,valid-type]
        def resolve(self, kind: type[yaml.Node], value: object, implicit: object) -> str:
            if kind is yaml.ScalarNode and isinstance(implicit, tuple) and implicit[0]:
                return _PLAIN
            return str(super().resolve(kind, value, (False, True)))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    reader = _Reader(name)
    try:
        for node in yaml.compose_all(text, Loader=Loader):
            line = node.start_mark.line + 1
            value = reader.value(node, 0)
            if value is not None:
                yield from _documents(name, line, value)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise FileError(name, mark.line + 1 if mark else 0, f"not YAML: {message}") from None
    except yaml.YAMLError as error:
        raise FileError(name, 0, f"not YAML: {' '.join(str(error).split())}") from None


class _Reader:
    """Turns nodes into plain values; counts them, so that aliases cannot blow a file up."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._values = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        import yaml  # noqa: PLC0415

        self._values += 1
        if self._values > _MAX_VALUES or depth > _MAX_DEPTH:
            self._fail(node, "aliases or nesting make this document too large")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        return self._mapping(node, depth)

    def _mapping(self, node: yaml.Node, depth: int) -> dict[str, Any]:
        table: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        for key_node, value_node in node.value:
            if key_node.value == "<<" and key_node.tag == _PLAIN:
                inner = self.value(value_node, depth + 1)
                merged.extend(inner if isinstance(inner, list) else [inner])  # pyright: ignore[reportUnknownArgumentType]
                continue
            key = self._key(key_node)
            if key in table:
                self._fail(key_node, f"key {key!r} is given twice")
            table[key] = self.value(value_node, depth + 1)
        for other in merged:
            if not isinstance(other, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
                self._fail(node, "only a mapping can be merged with <<")
            for key, value in other.items():
                table.setdefault(key, value)
        return table

    def _key(self, node: yaml.Node) -> str:
        import yaml  # noqa: PLC0415

        key = self._scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if key is None:
            self._fail(node, "a key must be text")
        return key if isinstance(key, str) else json.dumps(key)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        resolved = resolve(node.value) if node.tag in _RESOLVED_TAGS else node.value
        if isinstance(resolved, float) and (resolved != resolved or resolved in (float("inf"), float("-inf"))):  # noqa: PLR0124
            self._fail(node, f"{node.value} is no number of a document")
        return resolved

    def _fail(self, node: yaml.Node, message: str) -> NoReturn:
        raise FileError(self._name, node.start_mark.line + 1, message)


def resolve(text: str) -> bool | float | str | None:
    """What a plain scalar means to the YAML library of the Kubernetes tools."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    if text[0] not in "+-.0123456789":
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    whole = _INT.fullmatch(plain)
    if whole and len(plain) <= 66:  # noqa: PLR2004  # 64 binary digits, sign and prefix
        number = _whole(whole)
        if -(1 << 63) <= number < 1 << 64:
            return number
    if _FLOAT.fullmatch(plain):
        return _short_float(plain)
    return text


def _whole(match: re.Match[str]) -> int:
    sign, hexadecimal, binary, octal, decimal = match.groups()
    for digits, base in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10)):
        if digits is not None:
            return int(sign + digits, base)
    return 0


def _short_float(text: str) -> float | int | str:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        return text
    # Written to JSON, 1e3 is 1000; a Quantity is read from the number's text.
    return int(number) if number.is_integer() and abs(number) < 1 << 53 else number


def dump(document: dict[str, Any]) -> str:
    """YAML text that the Kubernetes tools read back as the same document."""
    import yaml  # noqa: PLC0415

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            del data
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        style = None if resolve(value) == value else '"'
        return dumper.represent_scalar(  # pyright: ignore[reportUnknownMemberType]
            "tag:yaml.org,2002:str", value, style=style
        )

    Dumper.add_representer(str, text)
    dumped = yaml.dump(  # pyright: ignore[reportUnknownMemberType]
        document, Dumper=Dumper, sort_keys=False, allow_unicode=True
    )
    return str(dumped)
