"""What is asked of discovery, in the terms of the driver's feature gates.

One value that reading and publishing both look at; it refuses combinations that the driver refuses. Reads no host.
Start at :class:`Features`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar, cast

from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FeatureOptions", "Features", "Partition", "Shares", "partitions_from"]

Shares: TypeAlias = Literal["memory", "unlimited"] | int
_Item = TypeVar("_Item")
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\..*)?", re.ASCII)
# From this minor version on the API server wants counters and devices in slices of their own.
_SPLIT = (1, 35)
# Numbers of flags and attributes have 64 bits.
_MOST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition that the Fabric Manager can make: its id, and the modules of the GPUs in it."""

    id: int
    module_ids: Collection[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "module_ids", frozenset(_each(self.module_ids, _is_count, "module id", "partitions")))
        if not _is_count(self.id) or self.id > _MOST:
            raise InvalidInputError(f"{self.id!r} is not a number of a partition", "", "partitions")


class FeatureOptions(TypedDict, total=False):
    """The fields of :class:`Features` as keyword arguments."""

    dynamic_mig: bool
    shares: Shares | None
    vfio: bool
    list_attributes: bool
    health: bool
    nonfatal_xids: Collection[int]
    fabric_manager: bool
    partitions: Collection[Partition]
    within_limits: bool
    confidential: bool
    confidential_mig: bool
    kubernetes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the driver's flags and feature gates would be.

    Raises:
        InvalidInputError: for a combination that the driver refuses, or a value that means nothing.
    """

    dynamic_mig: bool = False
    """Publish all possible MIG partitions instead of those that exist (DynamicMIG)."""
    shares: Shares | None = None
    """Let devices be shared: by memory, without limit, or so many times (ConsumableShares)."""
    vfio: bool = False
    """Publish a passthrough device for each GPU on the bus (PassthroughSupport)."""
    list_attributes: bool = False
    """NUMA nodes as lists (DRAListTypeAttributes)."""
    health: bool = False
    """Taint devices by health events (NVMLDeviceHealthCheck)."""
    nonfatal_xids: Collection[int] = frozenset()
    """XIDs beside the driver's own that do not keep pods away."""
    fabric_manager: bool = False
    """Publish module ids and partitions (FabricManagerPartitioning)."""
    partitions: Collection[Partition] = ()
    """What the Fabric Manager offers; empty where none can be reached."""
    within_limits: bool = False
    """Leave out devices that an API server would refuse. The driver does not, and then publishes nothing."""
    confidential: bool = False
    """Say of devices what is known of confidential computing, and keep to the shapes that are legal under it. The
    driver does not."""
    confidential_mig: bool = False
    """MIG devices under confidential computing too, because this platform can attest them."""
    kubernetes: str = "1.37"
    """Version of the API server, which decides how counters are laid out."""

    def __post_init__(self) -> None:
        # Values that hash, whatever collection they came in.
        object.__setattr__(
            self, "nonfatal_xids", frozenset(_each(self.nonfatal_xids, _is_count, "XID", "nonfatal_xids"))
        )
        object.__setattr__(self, "partitions", tuple(_each(self.partitions, _is_partition, "Partition", "partitions")))
        # The first two as the driver excludes them; the third because it cannot taint passthrough devices.
        for one, other in (("dynamic_mig", "vfio"), ("dynamic_mig", "health"), ("vfio", "health")):
            if getattr(self, one) and getattr(self, other):
                raise InvalidInputError("excludes " + other + ", as in the driver", "", one)
        if self.shares not in (None, "memory", "unlimited") and not (_is_count(self.shares) and self.shares):
            raise InvalidInputError(f"{self.shares!r} is not memory, unlimited or a positive number", "", "shares")
        if isinstance(self.shares, int) and self.shares > _MOST:
            raise InvalidInputError(f"{self.shares} is more than {_MOST}", "", "shares")
        if self.nonfatal_xids and not self.health:
            raise InvalidInputError("mean nothing without health", "", "nonfatal_xids")
        if self.partitions and not self.fabric_manager:
            raise InvalidInputError("are published with fabric_manager only", "", "partitions")
        if self.confidential_mig and not self.confidential:
            raise InvalidInputError("means nothing without confidential", "", "confidential_mig")
        if _VERSION.fullmatch(self.kubernetes) is None:
            raise InvalidInputError(f"{self.kubernetes!r} is not a version like 1.37", "", "kubernetes")
        self._check_partitions()

    def _check_partitions(self) -> None:
        seen: set[tuple[int, int]] = set()
        for partition in self.partitions:
            for module in partition.module_ids:
                key = (len(partition.module_ids), module)
                if key in seen:
                    raise InvalidInputError(
                        f"module {module} is in two partitions of {key[0]} GPUs; the driver takes one of each size",
                        "",
                        "partitions",
                    )
                seen.add(key)

    @property
    def splits_counters(self) -> bool:
        """Whether shared counters stand in slices of their own."""
        match = _VERSION.fullmatch(self.kubernetes)
        assert match is not None
        return (int(match[1]), int(match[2])) >= _SPLIT


def partitions_from(document: object) -> tuple[Partition, ...]:
    """Partitions from `{"partitions": [{"id": 0, "moduleIds": [1, 2]}, …]}`.

    Raises:
        InvalidInputError: with the field at fault.
    """
    given = _table(document).get("partitions")
    if not isinstance(given, list):
        raise InvalidInputError("must be a list", "fabric partitions", "partitions")
    return tuple(_partition(one, f"partitions[{index}]") for index, one in enumerate(cast("list[object]", given)))


def _partition(document: object, field: str) -> Partition:
    table = _table(document)
    number, modules = table.get("id"), table.get("moduleIds")
    if not _is_count(number) or cast("int", number) > _MOST:
        raise InvalidInputError("must be a number", "fabric partitions", f"{field}.id")
    if not isinstance(modules, list) or not modules or not all(_is_count(one) for one in cast("list[object]", modules)):
        raise InvalidInputError("must be a list of numbers", "fabric partitions", f"{field}.moduleIds")
    return Partition(cast("int", number), frozenset(cast("list[int]", modules)))


def _table(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _each(values: Collection[_Item], fits: Callable[[object], bool], what: str, field: str) -> Collection[_Item]:
    if not isinstance(values, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInputError(f"{values!r} is no collection of {what}s", "", field)
    for one in values:
        if not fits(one):
            raise InvalidInputError(f"{one!r} is no {what}", "", field)
    return values


def _is_partition(value: object) -> bool:
    return isinstance(value, Partition)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
