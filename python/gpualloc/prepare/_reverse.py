"""The plan that takes another one back: each step undone, the last one first.

What other claims on the node still need stays, which is what their own plans have as a step: MIG mode while one of them
has an instance on the card, time slice and compute mode while one of them shares the GPU. Start at :func:`unprepare`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpualloc._errors import InvalidInputError
from gpualloc.prepare.check import check
from gpualloc.prepare.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["unprepare"]


def unprepare(plan: Plan, *, prepared: Iterable[Plan] = (), done: int | None = None) -> Plan:
    """The plan that undoes a plan.

    Args:
        plan: What was carried out.
        prepared: The plans that were carried out on the node and not undone; this one may be among them.
        done: How many of its steps were carried out, where one failed; default is all.

    Raises:
        InvalidInputError: if it is itself a plan that undoes something, or has fewer steps than were done.
        PlanError: if something on the node still needs what would be undone.
    """
    document = f"plan for ResourceClaim {plan.claim}"
    if plan.action != "prepare":
        raise InvalidInputError("only what was prepared can be undone", document, "action")
    count = len(plan.steps) if done is None else done
    if not 0 <= count <= len(plan.steps):
        raise InvalidInputError(f"has {len(plan.steps)} steps, not {count}", document, "steps")
    earlier = list(prepared)
    others = [one for one in earlier if one.uid != plan.uid]
    carried_out = Plan(plan.claim, plan.uid, plan.node, plan.action, plan.devices, plan.steps[:count])
    needed = {step for other in others for step in other.steps}
    inverses = (step.undone() for step in reversed(carried_out.steps) if step not in needed)
    undone = tuple(step for step in inverses if step is not None)
    reverse = Plan(plan.claim, plan.uid, plan.node, "unprepare", plan.devices, undone)
    before = [carried_out if one.uid == plan.uid else one for one in earlier]
    check(reverse, before=before if carried_out in before else [*before, carried_out])
    return reverse
