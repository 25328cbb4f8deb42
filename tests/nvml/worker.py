"""Discovers again and again in one process, on hosts that are named line by line.

Reads one JSON object from each line of standard input: `environment` (variables to set), `features` and further
arguments of `gpualloc.nvml.discover`; writes what came of it as one line of JSON. The process was started with the
stand-in library where the dynamic loader looks, and pynvml loads it as it loads the real one.
"""

from __future__ import annotations

import json
import os
import sys

from gpualloc import nvml
from gpualloc.links import to_document


def answer(request: dict) -> dict:
    os.environ.update(request["environment"])
    options = dict(request.get("features", {}))
    if "partitions" in options:
        options["partitions"] = nvml.partitions_from(options["partitions"])
    if "nonfatal_xids" in options:
        options["nonfatal_xids"] = frozenset(options["nonfatal_xids"])
    try:
        found = nvml.discover(**options, **request.get("arguments", {}))
    except nvml.DiscoveryError as error:
        return {"error": str(error), "call": error.call, "code": error.code}
    return {
        "slices": found.slices,
        "node": found.node,
        "host": nvml.to_document(found.host),
        "links": None if found.links is None else to_document(found.links),
        "leftOut": [str(one) for one in found.left_out],
        "objections": found.objections,
        "calls": found.calls,
    }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
