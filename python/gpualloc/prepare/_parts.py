"""What the makers of plans share: the claim and its surroundings, and the parts that a plan is put together from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpualloc.prepare._node import Node
    from gpualloc.prepare._options import Options
    from gpualloc.prepare._select import Result
    from gpualloc.prepare.plan import Plan
    from gpualloc.prepare.steps import Step

__all__ = ["Context", "Part"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """The claim that a plan is made for."""

    claim: str
    uid: str
    node: Node
    gates: Mapping[str, bool]
    options: Options
    prepared: tuple[Plan, ...]
    """Plans of other claims that were carried out on the node."""
    domains: tuple[Mapping[str, Any], ...]
    """ComputeDomain documents."""

    @property
    def document(self) -> str:
        """The claim's name in errors."""
        return f"ResourceClaim {self.claim}"

    @property
    def for_containers(self) -> bool:
        """Whether the clients are containers."""
        return self.options.clients == "containers"


@dataclass(slots=True)
class Part:
    """What one maker adds to a plan."""

    steps: list[Step] = field(default_factory=list["Step"])
    edits: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    """CDI container edits for single devices, by name."""
    common: list[Json] = field(default_factory=list[Json])
    """CDI container edits for all devices of the claim."""
    daemons: dict[str, tuple[Result, ...]] = field(default_factory=dict[str, "tuple[Result, ...]"])
    """The devices served by each MPS daemon, by its pipe directory as clients see it."""
    mounts: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    """What clients of such a daemon have mounted: host path and container path."""
    notes: list[str] = field(default_factory=list[str])

    def edit(self, device: str, edits: Json) -> None:
        """Adds edits for a device."""
        self.edits.setdefault(device, []).append(edits)
