"""The kinds of machine that a fleet can have, as data.

One file of `data/` for each. All have `vendor`, `title`, `made_up` (what in it is realistic and nothing more), `hosts`
(machines that one of them has: 18 in a rack of trays) and optionally `labels` of their Nodes. NVIDIA's say the rest as
:mod:`gpualloc.fleet.nvidia` reads it, other vendors' as `description` for :func:`gpualloc.vendors.produce`. Makes no
machine. Start at :func:`kinds`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from gpualloc._errors import InvalidInputError

__all__ = ["Kind", "canonical", "kind", "kinds"]

_SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of machine. There is one value of each."""

    name: str
    """`dgx-h100`"""
    vendor: str
    """`nvidia`, or a vendor of :mod:`gpualloc.vendors`."""
    title: str
    hosts: int
    """Machines in one of it: 1, or the trays of a rack."""
    made_up: tuple[str, ...]
    """What in its data is realistic but nobody's in particular."""
    labels: dict[str, str]
    """Of its Nodes."""
    data: dict[str, Any]
    """The rest of the file."""


@cache
def kinds() -> tuple[str, ...]:
    """The names of all kinds."""
    files = resources.files("gpualloc.fleet").joinpath("data").iterdir()
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX)))


@cache
def kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        InvalidInputError: if there is none.
    """
    if name not in kinds():
        raise InvalidInputError(f"{name!r} is no kind of machine; there are {', '.join(kinds())}", "fleet", "kind")
    data: dict[str, Any] = json.loads(
        resources.files("gpualloc.fleet").joinpath("data").joinpath(name + _SUFFIX).read_bytes()
    )
    return Kind(
        name=name,
        vendor=data.pop("vendor"),
        title=data.pop("title"),
        hosts=data.pop("hosts"),
        made_up=tuple(data.pop("made_up")),
        labels=data.pop("labels", {}),
        data=data,
    )


def canonical(text: str) -> str | None:
    """The kind that a person means, or nothing.

    >>> canonical("DGX H100"), canonical("TPU v6e"), canonical("abacus")
    ('dgx-h100', 'tpu-v6e', None)
    """
    name = re.sub(r"[\W_]+", "-", text.strip().lower()).strip("-")
    return name if name in kinds() else None
