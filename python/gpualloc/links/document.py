"""A link table as a document and back: `kind: LinkTable`, beside the ResourceSlices of the same node.

What is unknown is `null` in a matrix and left out elsewhere. Islands and cliques stand in the document for those who
read it and are compared with the matrices when it is read. The fields are described in `docs/links.md`. Start at
:func:`to_document`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gpualloc._errors import InvalidInputError
from gpualloc.links.table import Device, FabricPlace, LinkTable, Nic, PcieLevel, TrayPlace

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpualloc.links.table import Island, Matrix

__all__ = ["API_VERSION", "KIND", "from_document", "to_document"]

API_VERSION = "gpualloc/v1"
KIND = "LinkTable"

Json = dict[str, Any]
_Part = TypeVar("_Part", Device, Nic, FabricPlace, TrayPlace)

# Names of fields in documents, where they are not those of the classes in camel case.
_SPELLED = {"cluster_uuid": "clusterUUID", "clique_id": "cliqueID", "pci_bus_id": "pciBusID", "uuid": "uuid"}
_NUMBERS = ("numa_node", "memory_numa_node", "clique_id", "status", "slot", "tray", "host", "module")


def to_document(table: LinkTable) -> Json:
    """The table as a mapping of JSON's own types."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": table.node},
        "spec": {
            "driver": table.driver,
            "devices": [_written(one) for one in table.devices],
            **({"nics": [_written(one) for one in table.nics]} if table.nics else {}),
            "links": [list(row) for row in table.links],
            "megabytesPerSecond": [list(row) for row in table.bandwidth],
            "pcie": [_words(row, at) for at, row in enumerate(table.pcie)],
            **({"islands": [_island(one) for one in table.islands]} if table.islands else {}),
        },
    }


def from_document(document: Mapping[str, Any]) -> LinkTable:
    """The table that :func:`to_document` wrote.

    Raises:
        InvalidInputError: with the field at fault, also where a field is unknown or contradicts another.
    """
    name = KIND
    if not isinstance(document, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # it may be what JSON says
        raise InvalidInputError("must be an object", name)
    for field, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if document.get(field) != wanted:
            raise InvalidInputError(f"must be {wanted}", name, field)
    metadata = _object(document.get("metadata"), name, "metadata")
    node = _typed(metadata.get("name"), str, name, "metadata.name")
    name = f"{KIND} {node}"
    _known(document, ("apiVersion", "kind", "metadata", "spec"), name, "")
    _known(metadata, ("name",), name, "metadata.")
    spec = _object(document.get("spec"), name, "spec")
    _known(spec, ("driver", "devices", "nics", "links", "megabytesPerSecond", "pcie", "islands"), name, "spec.")
    table = LinkTable(
        node=node,
        driver=_typed(spec.get("driver"), str, name, "spec.driver"),
        devices=tuple(
            _read(Device, item, name, f"spec.devices[{at}]")
            for at, item in enumerate(_list(spec.get("devices"), name, "spec.devices"))
        ),
        nics=tuple(
            _read(Nic, item, name, f"spec.nics[{at}]")
            for at, item in enumerate(_list(spec.get("nics", []), name, "spec.nics"))
        ),
        links=_matrix(spec, "links", name, _number),
        bandwidth=_matrix(spec, "megabytesPerSecond", name, _number),
        pcie=_matrix(spec, "pcie", name, _level),
    )
    if spec.get("islands", []) != [_island(one) for one in table.islands]:
        raise InvalidInputError("are not what the links come to", name, "spec.islands")
    return table


# --- writing ----------------------------------------------------------------------------------------------------------


def _written(part: Device | Nic | FabricPlace | TrayPlace) -> Json:
    made: Json = {}
    for one in fields(part):
        value = getattr(part, one.name)
        if value is None or value == ():
            continue
        if isinstance(value, (FabricPlace, TrayPlace)):
            value = _written(value)
        made[_spelling(one.name)] = list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value
    return made


def _spelling(field: str) -> str:
    first, *rest = field.split("_")
    return _SPELLED.get(field, first + "".join(part.capitalize() for part in rest))


def _words(row: tuple[int | None, ...], at: int) -> list[str | None]:
    return ["X" if other == at else None if level is None else PcieLevel(level).name for other, level in enumerate(row)]


def _island(island: Island) -> Json:
    made: Json = {"devices": list(island.devices), "complete": island.is_complete}
    return made if island.bandwidth is None else {**made, "megabytesPerSecond": island.bandwidth}


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(kind: type[_Part], value: object, name: str, path: str) -> _Part:
    table = _object(value, name, path)
    known = {_spelling(one.name): one for one in fields(kind)}
    _known(table, tuple(known), name, f"{path}.")
    made: Json = {}
    for spelling, one in known.items():
        where = f"{path}.{spelling}"
        if spelling not in table:
            if one.default is not None and one.default != ():
                raise InvalidInputError("is required", name, where)
            continue
        item = table[spelling]
        if one.name == "fabric":
            made["fabric"] = _read(FabricPlace, item, name, where)
        elif one.name == "tray" and kind is Device:
            made["tray"] = _read(TrayPlace, item, name, where)
        elif one.name == "problems":
            items = enumerate(_list(item, name, where))
            made["problems"] = tuple(_typed(text, str, name, f"{where}[{at}]") for at, text in items)
        elif one.name in _NUMBERS:
            made[one.name] = _typed(item, int, name, where)
        else:
            made[one.name] = _typed(item, str, name, where)
    return kind(**made)


def _matrix(spec: Json, field: str, name: str, read: Callable[[object, bool, str, str], int | None]) -> Matrix:
    field = f"spec.{field}"
    rows = _list(spec.get(field.removeprefix("spec.")), name, field)
    return tuple(
        tuple(
            read(item, a == b, name, f"{field}[{a}][{b}]") for b, item in enumerate(_list(row, name, f"{field}[{a}]"))
        )
        for a, row in enumerate(rows)
    )


def _number(value: object, is_diagonal: bool, name: str, path: str) -> int | None:  # noqa: FBT001  # of one shape with _level
    del is_diagonal
    return None if value is None else _typed(value, int, name, path)


def _level(value: object, is_diagonal: bool, name: str, path: str) -> int | None:  # noqa: FBT001
    if is_diagonal:
        if value != "X":
            raise InvalidInputError("must be X", name, path)
        return PcieLevel.BOARD
    if value is None:
        return None
    if not isinstance(value, str) or value not in PcieLevel.__members__:
        raise InvalidInputError(f"must be one of {', '.join(PcieLevel.__members__)}, or null", name, path)
    return PcieLevel[value]


def _known(table: Mapping[str, Any], known: tuple[str, ...], name: str, prefix: str) -> None:
    for field in table:
        if field not in known:
            raise InvalidInputError("no such field", name, f"{prefix}{field}")


_Plain = TypeVar("_Plain", str, int)


def _typed(value: object, kind: type[_Plain], name: str, path: str) -> _Plain:
    # JSON tells true from 1, Python does not.
    if not isinstance(value, kind) or isinstance(value, bool):
        word = "text" if kind is str else "a whole number"
        raise InvalidInputError(f"must be {word}", name, path)
    return value


def _object(value: object, name: str, path: str) -> Json:
    if not isinstance(value, dict):
        raise InvalidInputError("must be an object", name, path)
    return cast("Json", value)


def _list(value: object, name: str, path: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidInputError("must be a list", name, path)
    return cast("list[object]", value)
