"""The devices of a node as its ResourceSlices have them, with what a plan wants to know of each.

Reads what the engine has read already (all API versions, shapes checked), the newest generation of each pool. Decides
nothing. Start at :meth:`Node.device`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpualloc import Inventory

__all__ = ["COMPUTE_DOMAIN", "GPU", "TPU", "Cluster", "Node", "NodeDevice"]

Json = dict[str, Any]

GPU: Final = "gpu.nvidia.com"
COMPUTE_DOMAIN: Final = "compute-domain.nvidia.com"
TPU: Final = "tpu.google.com"

_STANDARD = "resource.kubernetes.io"
# What goes into commands and paths is held to its form, whoever published it.
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_UUID = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", re.ASCII)
_BUS_ID = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.ASCII)
_WHOLE = re.compile(r"gpu-(0|[1-9][0-9]*)", re.ASCII)
_MIG = re.compile(r"gpu-(0|[1-9][0-9]*)-mig-(.+)-(0|[1-9][0-9]*)-(0|[1-9][0-9]*)", re.ASCII)
_SLICE_COUNTER = re.compile(r"memory-slice-([0-9]+)", re.ASCII)
_SLICE_CAPACITY = re.compile(r"memorySlice([0-9]+)", re.ASCII)
_PARTITION = re.compile(r"partition([1-9][0-9]*)", re.ASCII)


@dataclass(frozen=True, eq=False)
class NodeDevice:
    """A device of a slice. What it is asked for and does not say is refused with the slice and field."""

    driver: str
    pool: str
    name: str
    document: str
    """The slice it stands in."""
    path: str
    """Where it stands in there."""
    attributes: Mapping[str, Any] = field(repr=False)
    capacity: Mapping[str, Any] = field(repr=False)
    consumes: tuple[Mapping[str, Any], ...] = field(repr=False)
    is_shared: bool
    """Whether several claims may hold it (`allowMultipleAllocations`)."""

    @property
    def kind(self) -> str:
        """What the NVIDIA drivers call its type: `gpu`, `mig`, `vfio`, `channel`, `daemon`; `chip` of a TPU."""
        return "chip" if self.driver == TPU else self.text("type")

    @property
    def is_dynamic(self) -> bool:
        """Whether it is a MIG device that does not exist yet."""
        return self.driver == GPU and self.kind == "mig" and not self.has("uuid")

    @property
    def uuid(self) -> str:
        """The hardware's UUID as the driver writes it."""
        return self.text("uuid", _UUID)

    @property
    def card(self) -> str:
        """The UUID of the whole card; of a vfio device, which NVML does not know, its PCI address."""
        if self.kind == "vfio":
            return self.bus_id
        return self.text("parentUUID", _UUID) if self.kind == "mig" else self.uuid

    @property
    def bus_id(self) -> str:
        """The PCI address of the card, such as `0000:18:00.0`."""
        return self.text(f"{_STANDARD}/pciBusID", _BUS_ID)

    @property
    def minor(self) -> int:
        """The N of `/dev/nvidiaN`, which is in the name."""
        match = _WHOLE.fullmatch(self.name) or _MIG.fullmatch(self.name)
        if match is None:
            self.refuse("name", f"{self.name!r} is no name of a GPU or a MIG device")
        return int(match[1])

    @cached_property
    def profile_id(self) -> int:
        """The device-specific id of the MIG profile, which is in the name."""
        return self._mig(3)

    @cached_property
    def memory_slices(self) -> tuple[int, int]:
        """First memory slice and number of slices of a MIG device."""
        taken = sorted(self._slices())
        start = self._mig(4)
        if not taken or taken != list(range(start, start + len(taken))):
            self.refuse("capacity", f"takes memory slices {taken}, but its name says that they begin at {start}")
        return start, len(taken)

    @property
    def partitions(self) -> dict[int, int]:
        """Fabric Manager partitions that hold the card: size to id."""
        return {
            int(match[1]): self.number(match[0])
            for match in map(_PARTITION.fullmatch, (key.removeprefix(f"{GPU}/") for key in self.attributes))
            if match
        }

    def has(self, name: str) -> bool:
        """Whether the attribute is published."""
        return self._attribute(name) is not None

    def text(self, name: str, pattern: re.Pattern[str] | None = None) -> str:
        """An attribute that is a text or a version; with a pattern, one that it matches as a whole."""
        value = self._attribute(name) or {}
        found = value.get("string", value.get("version"))
        if not isinstance(found, str):
            self.refuse(f"attributes[{name}]", "is missing or no text")
        if pattern is not None and not pattern.fullmatch(found):
            self.refuse(f"attributes[{name}]", f"{found!r} is not of the form {pattern.pattern}")
        return found

    def number(self, name: str) -> int:
        """An attribute that is a whole number."""
        found = (self._attribute(name) or {}).get("int")
        if not isinstance(found, int) or isinstance(found, bool):
            self.refuse(f"attributes[{name}]", "is missing or no whole number")
        return found

    def flag(self, name: str) -> bool:
        """An attribute that is true or false."""
        found = (self._attribute(name) or {}).get("bool")
        if not isinstance(found, bool):
            self.refuse(f"attributes[{name}]", "is missing or neither true nor false")
        return found

    def refuse(self, name: str, message: str) -> NoReturn:
        """Refuses the slice because of this field of the device."""
        raise InvalidInputError(f"device {self.name}: {message}", self.document, f"{self.path}.{name}")

    def _attribute(self, name: str) -> Mapping[str, Any] | None:
        """A bare name is in the driver's own domain."""
        value = self.attributes.get(name)
        return self.attributes.get(f"{self.driver}/{name}") if value is None else value

    def _mig(self, group: int) -> int:
        match = _MIG.fullmatch(self.name)
        if match is None:
            self.refuse("name", f"{self.name!r} is no name of a MIG device")
        return int(match[group])

    def _slices(self) -> Iterable[int]:
        """A device that exists has its memory slices as capacities, one that may come as counters."""
        counters = (str(name) for entry in self.consumes for name in entry.get("counters", {}))
        pattern, names = (_SLICE_COUNTER, counters) if self.is_dynamic else (_SLICE_CAPACITY, iter(self.capacity))
        return (int(match[1]) for match in map(pattern.fullmatch, names) if match)


@dataclass(frozen=True)
class Node:
    """A node's devices of the drivers that plans are made for.

    Attributes:
        name: The node.
        labels: Its labels; `None` where there is no Node document.
        devices: By driver, pool and name.
    """

    name: str
    labels: Mapping[str, str] | None
    devices: Mapping[tuple[str, str, str], NodeDevice] = field(repr=False)

    def device(self, driver: str, pool: str, name: str, document: str, path: str) -> NodeDevice:
        """A device that an allocation names.

        Raises:
            InvalidInputError: if the node does not publish it; `document` and `path` say where it is named.
        """
        found = self.devices.get((driver, pool, name))
        if found is None:
            raise InvalidInputError(f"node {self.name} publishes no device {driver}/{pool}/{name}", document, path)
        if not _NAME.fullmatch(name):
            found.refuse("name", f"{name!r} is no name of a device")
        return found

    def of(self, driver: str) -> list[NodeDevice]:
        """All devices of a driver, by pool and name."""
        return [self.devices[key] for key in sorted(self.devices) if key[0] == driver]


class Cluster:
    """Slices, nodes and claims of an inventory, read once for all claims that are planned."""

    def __init__(self, inventory: Inventory) -> None:
        state: Json = json.loads(inventory.to_state())
        self._claims = {_key(document): document for document in state["resourceClaims"]}
        self._labels: dict[str, dict[str, str]] = {
            document["metadata"]["name"]: document["metadata"].get("labels") or {} for document in state["nodes"]
        }
        self._slices: list[Json] = state["resourceSlices"]
        self._inventory = inventory

    def claim(self, name: str) -> tuple[Json, str]:
        """The allocation of a claim, and its UID where it has one.

        Raises:
            InvalidInputError: if the inventory has no such claim, or it is not allocated.
        """
        held = self._inventory.held(name)
        if held is not None:
            if held.uid and not _UUID.fullmatch(held.uid):
                raise InvalidInputError(f"{held.uid!r} is no UID", f"ResourceClaim {name}", "metadata.uid")
            return held.allocation, held.uid
        if name in self._claims:
            raise InvalidInputError("not allocated yet", f"ResourceClaim {name}", "status.allocation")
        raise InvalidInputError("no such claim in the inventory", f"ResourceClaim {name}")

    def node_of(self, pools: Iterable[tuple[str, str]], claim: str) -> str:
        """The node that publishes these pools, given as driver and pool.

        Raises:
            InvalidInputError: if it is none, or more than one.
        """
        wanted = set(pools)
        names = {
            str(one["spec"]["nodeName"])
            for one in self._slices
            if one["spec"].get("nodeName") and (one["spec"]["driver"], one["spec"]["pool"]["name"]) in wanted
        }
        if len(names) != 1:
            found = f"nodes {', '.join(sorted(names))}" if names else "no node"
            raise InvalidInputError(
                f"its pools belong to {found}", f"ResourceClaim {claim}", "status.allocation.devices.results"
            )
        return names.pop()

    def node(self, name: str) -> Node:
        """A node with its devices."""
        slices = [one for one in self._slices if one["spec"].get("nodeName") == name]
        newest: dict[tuple[str, str], int] = {}
        for one in slices:
            pool, key = one["spec"]["pool"], _pool(one)
            newest[key] = max(newest.get(key, 0), pool["generation"])
        current = [one for one in slices if one["spec"]["pool"]["generation"] == newest[_pool(one)]]
        devices = (device for one in current for device in _devices(one))
        return Node(
            name, self._labels.get(name), {(device.driver, device.pool, device.name): device for device in devices}
        )


def _pool(document: Json) -> tuple[str, str]:
    return document["spec"]["driver"], document["spec"]["pool"]["name"]


def _devices(document: Json) -> Iterable[NodeDevice]:
    spec = document["spec"]
    for index, device in enumerate(cast("list[Json]", spec.get("devices") or [])):
        yield NodeDevice(
            driver=spec["driver"],
            pool=spec["pool"]["name"],
            name=device["name"],
            document=f"ResourceSlice {document['metadata']['name']}",
            path=f"spec.devices[{index}]",
            attributes=device.get("attributes") or {},
            capacity=device.get("capacity") or {},
            consumes=tuple(device.get("consumesCounters") or ()),
            is_shared=bool(device.get("allowMultipleAllocations")),
        )


def _key(document: Json) -> str:
    metadata = document["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"
