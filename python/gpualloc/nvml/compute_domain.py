"""What the compute-domain driver publishes: a daemon, a channel, and the NVLink clique as a label of the node.

Pure. Which clique a node is in stands in no slice; schedulers read the label. Start at :func:`devices`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gpualloc._errors import DiscoveryError
from gpualloc.nvml.words import semantic_version

if TYPE_CHECKING:
    from gpualloc.nvml.host import Gpu, Host

__all__ = ["CLIQUE_LABEL", "DRIVER", "clique", "devices"]

DRIVER = "compute-domain.nvidia.com"
CLIQUE_LABEL = "nvidia.com/gpu.clique"

# The IMEX daemons of older drivers cannot find each other by DNS names.
_MINIMUM = (570, 158, 1)
_NOT_SUPPORTED, _COMPLETED = 0, 3


def devices(host: Host) -> list[dict[str, Any]]:
    """The node's channel and daemon.

    Raises:
        DiscoveryError: if the GPU driver is too old, or nobody knows how old it is.
    """
    version = semantic_version(host.driver_version or "")
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version or "")
    if numbers is None:
        raise DiscoveryError("compute domains need to know the version of the GPU driver", "nvmlSystemGetDriverVersion")
    if tuple(int(part) for part in numbers.groups()) < _MINIMUM:
        least = ".".join(map(str, _MINIMUM))
        raise DiscoveryError(f"compute domains need GPU driver {least} or newer; this is {host.driver_version}")
    return [
        {"name": f"{kind}-0", "attributes": {"id": {"int": 0}, "type": {"string": kind}}}
        for kind in ("channel", "daemon")
    ]


def clique(host: Host) -> str | None:
    """`<cluster UUID>.<clique id>`, or nothing on a node whose fabric ends at its own switches or that has none.

    Where the Fabric Manager partitions the node's own fabric, a GPU joins it only while a partition with it is active:
    that it has not joined is no error then.

    Raises:
        DiscoveryError: if a GPU has not joined its fabric, or GPUs disagree.
    """
    found = {_clique(gpu, may_wait=host.own_fabric) for gpu in host.gpus} - {None}
    if len(found) > 1:
        names = ", ".join(sorted(map(str, found)))
        raise DiscoveryError(f"the GPUs of this node are in different NVLink cliques: {names}")
    return found.pop() if found else None


def _clique(gpu: Gpu, *, may_wait: bool) -> str | None:
    fabric = gpu.fabric
    if fabric is None or fabric.state == _NOT_SUPPORTED:
        return None
    if fabric.state != _COMPLETED:
        if may_wait:
            return None
        raise DiscoveryError(
            f"GPU {gpu.uuid} has not joined its NVLink fabric: state {fabric.state} instead of {_COMPLETED}"
        )
    if fabric.status:
        raise DiscoveryError(f"GPU {gpu.uuid} failed to join its NVLink fabric", "", fabric.status)
    return fabric.clique
