"""A plan as plain data: the devices of one claim, the steps that make them ready, and what their clients are told.

A plan is written with :meth:`Plan.to_dict` and read back, equal, with :meth:`Plan.from_dict`; its form is on the page
`docs/prepare.md`. Whether the steps work in their order is judged elsewhere. Start at :class:`Plan`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gpualloc._errors import InvalidInputError
from gpualloc.prepare.steps import REFERENCE, Step, WriteCdiSpec, step_from
from gpualloc.vendors import Fields

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

__all__ = ["ClientEnvironment", "Mount", "Plan", "PreparedDevice"]

Json = dict[str, Any]

_FORMAT: Final = 1
_ACTIONS: Final = ("prepare", "unprepare")


@dataclass(frozen=True, slots=True)
class PreparedDevice:
    """A device of the claim."""

    request: str
    driver: str
    pool: str
    device: str
    kind: str
    """`gpu`, `mig`, `vfio`, `channel`, `daemon` or `chip`."""
    uuid: str
    """UUID, maybe one that a step tells first; empty where the device has none."""
    card: str
    """PCI address of the card, whatever part of it this is; empty where it is not on PCI."""
    slices: tuple[int, int] | None
    """First memory slice and their number, of a MIG device."""
    is_admin: bool
    """Whether it is given for administration, next to whoever holds it."""
    is_shared: bool
    """Whether several claims may hold it."""
    configuration: str
    """What the driver was told about it, completed, as JSON text: claims that share it must say the same."""
    cdi_device: str
    """Its fully qualified CDI name; empty where clients are processes of the node."""

    @property
    def place(self) -> tuple[str, str, str]:
        """Driver, pool and name, which no other device of a cluster has."""
        return self.driver, self.pool, self.device

    def to_dict(self) -> Json:
        """As plain JSON data."""
        slices = None if self.slices is None else {"start": self.slices[0], "size": self.slices[1]}
        return {
            "request": self.request,
            "driver": self.driver,
            "pool": self.pool,
            "device": self.device,
            "kind": self.kind,
            "uuid": self.uuid,
            "card": self.card,
            "slices": slices,
            "admin": self.is_admin,
            "shared": self.is_shared,
            "configuration": json.loads(self.configuration),
            "cdiDevice": self.cdi_device,
        }

    @staticmethod
    def read(row: Fields) -> PreparedDevice:
        """Reads what :meth:`to_dict` wrote."""
        slices = None
        if row.takes("slices"):
            part = row.part("slices")
            slices = (part.number("start"), part.number("size", least=1))
            part.close()
        device = PreparedDevice(
            **{name: row.text(name) for name in ("request", "driver", "pool", "device", "kind", "uuid", "card")},
            slices=slices,
            is_admin=row.flag("admin"),
            is_shared=row.flag("shared"),
            configuration=json.dumps(row.anything("configuration"), sort_keys=True),
            cdi_device=row.text("cdiDevice"),
        )
        row.close()
        return device


@dataclass(frozen=True, slots=True)
class Mount:
    """A directory of the node in a container."""

    host_path: str
    container_path: str


@dataclass(frozen=True, slots=True)
class ClientEnvironment:
    """What a client without CDI needs to use the devices: a process of the node, or a container of an older runtime.

    Attributes:
        request: The request whose devices it is for; empty for all of the claim.
        variables: Environment variables, by name.
        mounts: What a container has to have mounted.
        problem: Why one client cannot use these devices together; then there is nothing else.
    """

    request: str
    variables: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    problem: str = ""

    def to_dict(self) -> Json:
        """As plain JSON data."""
        return {
            "request": self.request,
            "variables": dict(self.variables),
            "mounts": [{"hostPath": one.host_path, "containerPath": one.container_path} for one in self.mounts],
            "problem": self.problem,
        }

    @staticmethod
    def read(row: Fields) -> ClientEnvironment:
        """Reads what :meth:`to_dict` wrote."""
        mounts: list[Mount] = []
        for one in row.rows("mounts"):
            mounts.append(Mount(one.text("hostPath"), one.text("containerPath")))
            one.close()
        variables = tuple(row.table("variables").items())
        environment = ClientEnvironment(row.text("request"), variables, tuple(mounts), row.text("problem"))
        row.close()
        return environment


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node must do for one claim.

    Attributes:
        claim: The claim, as `namespace/name`.
        uid: Its UID, or one made of its name where it has none.
        node: The node.
        action: `prepare` or `unprepare`.
        devices: Its devices, in the order of the allocation.
        steps: What to do, in this order; what comes after a step that failed must not be done.
        environments: For all of the claim first, then for each request.
        notes: What to know about it, a sentence each.
    """

    claim: str
    uid: str
    node: str
    action: str
    devices: tuple[PreparedDevice, ...]
    steps: tuple[Step, ...]
    environments: tuple[ClientEnvironment, ...] = ()
    notes: tuple[str, ...] = ()

    def environment(self, request: str = "") -> dict[str, str]:
        """The variables for a client of a request, or of the whole claim.

        Raises:
            InvalidInputError: if there is no such request, or one client cannot use these devices together.
        """
        for one in self.environments:
            if one.request == request:
                if one.problem:
                    raise InvalidInputError(one.problem, f"ResourceClaim {self.claim}", f"request {request!r}")
                return dict(one.variables)
        raise InvalidInputError(f"no request {request!r} in the plan", f"ResourceClaim {self.claim}")

    @property
    def cdi_specs(self) -> dict[str, Json]:
        """The CDI specifications that the steps write, by path."""
        return {step.path: json.loads(step.specification) for step in self.steps if isinstance(step, WriteCdiSpec)}

    def resolved(self, told: Mapping[tuple[str, str], str | int]) -> Plan:
        """The plan with what steps have told in the place of references to it.

        Args:
            told: Values by name and field, as in :meth:`gpualloc.prepare.steps.Step.told`. A value that makes up the
                whole of a text in a CDI specification keeps its type.

        Raises:
            InvalidInputError: if a value is missing.
        """
        document = self.to_dict()
        return Plan.from_dict(_filled(document, told, f"plan for ResourceClaim {self.claim}"))

    def to_dict(self) -> Json:
        """The plan as plain JSON data."""
        return {
            "format": _FORMAT,
            "claim": self.claim,
            "uid": self.uid,
            "node": self.node,
            "action": self.action,
            "devices": [one.to_dict() for one in self.devices],
            "steps": [one.to_dict() for one in self.steps],
            "environments": [one.to_dict() for one in self.environments],
            "notes": list(self.notes),
        }

    @staticmethod
    def from_dict(document: Mapping[str, Any]) -> Plan:
        """Reads what :meth:`to_dict` wrote.

        Raises:
            InvalidInputError: for a document that is not of that form, with the field.
        """
        fields = Fields(document, "plan")
        claim = fields.text("claim")
        fields.document = f"plan for ResourceClaim {claim}"
        if fields.number("format") != _FORMAT:
            fields.refuse("format", f"must be {_FORMAT}")
        plan = Plan(
            claim=claim,
            uid=fields.text("uid"),
            node=fields.text("node"),
            action=fields.choice("action", _ACTIONS),
            devices=tuple(PreparedDevice.read(row) for row in fields.rows("devices")),
            steps=tuple(step_from(row) for row in fields.rows("steps")),
            environments=tuple(ClientEnvironment.read(row) for row in fields.rows("environments")),
            notes=fields.words("notes"),
        )
        fields.close()
        return plan


def _filled(value: Any, told: Mapping[tuple[str, str], str | int], document: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, told, document) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_filled(inner, told, document) for inner in value]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, str):
        return value

    def one(match: re.Match[str]) -> str:
        return str(_told(match, told, document))

    whole = REFERENCE.fullmatch(value)
    return _told(whole, told, document) if whole else REFERENCE.sub(one, value)


def _told(match: re.Match[str], told: Mapping[tuple[str, str], str | int], document: str) -> str | int:
    name, field = match.groups()
    if (name, field) not in told:
        raise InvalidInputError("nothing was told", document, match[0])
    return told[name, field]
