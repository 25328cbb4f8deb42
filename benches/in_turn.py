"""Pods in turn through Python, with every answer as a dict: one sample for each line of input.

Reads a scenario as the comparison of both engines writes it; `benches/side_by_side` starts it, and says what it prints.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import gpualloc as ga

Json = dict[str, Any]


def pods(claim: Json, most: int) -> list[bytes]:
    """The claim of each pod as text, each with a name of its own."""
    metadata = claim["metadata"]
    return [
        json.dumps(claim | {"metadata": metadata | {"name": f"{metadata['name']}-{number}"}}).encode()
        for number in range(most)
    ]


def sample(documents: bytes, nodes: list[str], claims: list[bytes]) -> Json:
    """Places pod after pod on the first node that fits, from the node of the pod before on, until none does."""
    inventory = ga.Inventory.from_documents(documents)
    gc.collect()
    units = fits = devices = at = 0
    start = time.perf_counter_ns()
    for claim in claims:
        units += 1
        while not (answer := inventory.allocate(claim, nodes=nodes[at : at + 1])):
            at += 1
            if at == len(nodes):
                break
        if not answer:
            break
        inventory = inventory.commit(answer)
        fits += 1
        for given in answer.claims:
            devices += len(given.to_dict()["devices"]["results"])
    nanos = time.perf_counter_ns() - start
    return {"nanos": nanos, "units": units, "fits": fits, "devices": devices}


def main() -> None:
    """Answers every line of input with a sample."""
    scenario = json.loads(Path(sys.argv[1]).read_bytes())
    kinds = ("classes", "nodes", "slices", "held")
    documents = json.dumps([document for kind in kinds for document in scenario[kind]]).encode()
    devices = sum(len(document["spec"].get("devices", ())) for document in scenario["slices"])
    claims = pods(scenario["claims"][0], devices + 1)
    for _ in sys.stdin:
        sys.stdout.write(json.dumps(sample(documents, scenario["ask"], claims)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
