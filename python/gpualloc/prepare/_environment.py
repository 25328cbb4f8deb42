"""What clients without CDI are told: which devices they see, and where the MPS daemon listens.

A client can talk to one MPS daemon only, and sees nothing but that daemon's devices; devices that one client cannot use
together get the reason in the place of an environment. Start at :func:`environments`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpualloc.prepare._mig import uuid_of
from gpualloc.prepare._node import GPU, TPU
from gpualloc.prepare._sharing import PIPE_IN_CONTAINER
from gpualloc.prepare._tpu import variables
from gpualloc.prepare.plan import ClientEnvironment, Mount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpualloc.prepare._parts import Context, Part
    from gpualloc.prepare._select import Result

__all__ = ["environments"]

_CUDA: Final = ("gpu", "mig")


def environments(context: Context, results: Sequence[Result], part: Part) -> tuple[ClientEnvironment, ...]:
    """For all of the claim, then for each request in the order of the allocation."""
    requests = dict.fromkeys(result.request for result in results)
    return (
        _environment(context, "", results, part),
        *(
            _environment(context, request, [result for result in results if result.request == request], part)
            for request in requests
        ),
    )


def _environment(context: Context, request: str, results: Sequence[Result], part: Part) -> ClientEnvironment:
    found: dict[str, str] = {}
    cuda = [result for result in results if result.device.driver == GPU and result.device.kind in _CUDA]
    others = [result for result in results if result.device.driver != TPU and result not in cuda]
    passed_through = [result for result in others if result.device.kind == "vfio"]
    if cuda and passed_through:
        return ClientEnvironment(
            request, problem="a passthrough device needs a client that sees no GPU, the others one that does"
        )
    if others:
        found["NVIDIA_VISIBLE_DEVICES"] = "void"
    if cuda:
        uuids = ",".join(dict.fromkeys(uuid_of(result.device) for result in cuda))
        found["CUDA_VISIBLE_DEVICES"] = found["NVIDIA_VISIBLE_DEVICES"] = uuids
    mounts: tuple[Mount, ...] = ()
    daemons = [pipe for pipe, served in part.daemons.items() if any(result in served for result in cuda)]
    if daemons:
        if len(daemons) > 1 or any(result not in part.daemons[daemons[0]] for result in cuda):
            return ClientEnvironment(
                request, problem="a client sees the devices of one MPS daemon only; ask for single requests"
            )
        mounts = tuple(Mount(*one) for one in part.mounts[daemons[0]])
        found["CUDA_MPS_PIPE_DIRECTORY"] = PIPE_IN_CONTAINER if context.for_containers else daemons[0]
    chips = [result for result in results if result.device.driver == TPU]
    if chips:
        found |= variables(chips[0].device)
    return ClientEnvironment(request, tuple(sorted(found.items())), mounts)
