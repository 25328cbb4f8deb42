"""Reads the text of a fleet: numbers and kinds of machine. Knows no kind. Start at :func:`groups_from`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gpualloc._errors import InvalidInputError
from gpualloc.fleet.catalogue import canonical, kind, kinds

__all__ = ["Group", "groups_from"]

_DOCUMENT: Final = "fleet"
_PART = re.compile(r"(?P<count>[0-9]+)\s*(?:[\u00d7*]|x(?=\s))?\s*(?P<kind>[^\W\d_].*)", re.DOTALL)
# A text is no way to ask for more; whoever plans that many has a list of them.
_MOST: Final = 1_000_000


class Group(NamedTuple):
    """So many of a kind."""

    number: int
    kind: str
    """As :func:`gpualloc.fleet.kinds` names it."""


def groups_from(text: str) -> tuple[Group, ...]:
    """The groups of a description, in its order.

    Raises:
        InvalidInputError: with the number of the part at fault.

    >>> groups_from("40 x DGX H100, 9 gb200-nvl72")
    (Group(number=40, kind='dgx-h100'), Group(number=9, kind='gb200-nvl72'))
    """
    groups = tuple(_group(part, f"part {number}") for number, part in enumerate(text.split(","), 1))
    total = sum(group.number * kind(group.kind).hosts for group in groups)
    if total > _MOST:
        raise InvalidInputError(f"{total} machines are more than {_MOST}", _DOCUMENT)
    return groups


def _group(part: str, where: str) -> Group:
    match = _PART.fullmatch(part.strip())
    if match is None:
        raise InvalidInputError(f"{part.strip()!r} is not of the form '40 dgx-h100'", _DOCUMENT, where)
    name = canonical(match["kind"])
    if name is None:
        raise InvalidInputError(
            f"{match['kind']!r} is no kind of machine; there are {', '.join(kinds())}", _DOCUMENT, where
        )
    count = match["count"]
    # Python refuses to read numbers beyond some length at all.
    if len(count.lstrip("0")) > len(str(_MOST)) or int(count) == 0:
        raise InvalidInputError(f"{count[:20]} is no number of machines from 1 to {_MOST}", _DOCUMENT, where)
    return Group(int(count), name)
