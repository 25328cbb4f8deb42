"""TPU chips: device nodes, and the variables by which a workload knows the slice it is part of.

As the driver `tpu.google.com` makes them from its node's labels, which its devices repeat. Start at :func:`tpu`.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from gpualloc.prepare._parts import Part

if TYPE_CHECKING:
    from gpualloc.prepare._node import NodeDevice
    from gpualloc.prepare._parts import Context
    from gpualloc.prepare._select import Result

__all__ = ["tpu", "variables"]

_TOPOLOGY = re.compile(r"[1-9][0-9]{0,3}x[1-9][0-9]{0,3}(?:x[1-9][0-9]{0,3})?", re.ASCII)
_BOUNDS: Final = {1: (1, 1, 1), 2: (1, 2, 1), 4: (2, 2, 1), 8: (2, 4, 1)}
# Generations whose chips have one core; the others have two.
_ONE_CORE: Final = ("lite", "v6e")
_CUBES: Final = ("v3", "v4", "v4lite", "v5p")
_PLANES: Final = ("v5lite", "v5litepod", "v6e")
_CUBE, _RING = 4, 16


def tpu(context: Context, results: list[Result]) -> Part:
    """What containers get of a node's chips; there is nothing to set up."""
    part = Part()
    if context.for_containers:
        for result in results:
            name = result.device.name
            path = f"/dev/{name}" if name.startswith("accel") else f"/dev/vfio/{name}"
            part.edit(name, {"deviceNodes": [{"path": path}]})
        if any(not result.device.name.startswith("accel") for result in results):
            part.common.append({"deviceNodes": [{"path": "/dev/vfio/vfio"}]})
    return part


def variables(chip: NodeDevice) -> dict[str, str]:
    """The environment of a workload that has all chips of a node; any one of them tells it."""
    found = {"TPU_SKIP_MDS_QUERY": "true"}
    if not chip.has("topology"):
        return found
    topology, generation, chips = chip.text("topology"), chip.text("tpuGen"), chip.number("chipCount")
    if not _TOPOLOGY.fullmatch(topology):
        chip.refuse("attributes[topology]", f"{topology!r} is no topology such as 2x2 or 4x4x4")
    dimensions = [*map(int, topology.split("x")), 1][:3]
    total = math.prod(dimensions)
    cores = total if any(word in generation for word in _ONE_CORE) else 2 * total
    found["TPU_TOPOLOGY"] = topology
    found["TPU_ACCELERATOR_TYPE"] = f"{generation}-{cores}"
    if chip.text("accelerator").endswith("slice"):
        if chips not in _BOUNDS:
            chip.refuse("attributes[chipCount]", f"no host has {chips} chips")
        hosts = [dimension // here for dimension, here in zip(dimensions, _BOUNDS[chips], strict=True)]
        found["TPU_HOST_BOUNDS"] = ",".join(map(str, hosts))
        found["TPU_CHIPS_PER_HOST_BOUNDS"] = ",".join(map(str, _BOUNDS[chips]))
        found["TPU_TOPOLOGY_WRAP"] = ",".join(_wrap(chip, generation, dimensions))
    if total == chips:
        found["TPU_WORKER_ID"] = "0"
        found["TPU_WORKER_HOSTNAMES"] = "localhost"
    return found


def _wrap(chip: NodeDevice, generation: str, dimensions: list[int]) -> list[str]:
    """In which dimensions the links close to rings."""
    if generation in _CUBES:
        closed = [min(dimensions) >= _CUBE] * 3
    elif generation in _PLANES:
        closed = [dimension == _RING for dimension in dimensions]
    else:
        chip.refuse("attributes[tpuGen]", f"nothing is known of how a {generation} closes its rings")
    return [str(one).lower() for one in closed]
