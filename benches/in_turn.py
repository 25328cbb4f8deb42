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


# Pods that a scheduler takes from its queue at a time.
BATCH = 256


def sample(documents: bytes, claims: list[bytes]) -> Json:
    """Places pod after pod on the first node that fits, until none does; every allocation is read as a dict."""
    inventory = ga.Inventory.from_documents(documents)
    gc.collect()
    units = fits = devices = 0
    start = time.perf_counter_ns()
    for batch in range(0, len(claims), BATCH):
        inventory, answers = inventory.allocate_many(claims[batch : batch + BATCH])
        units += len(answers)
        for answer in answers:
            fits += bool(answer)
            for given in answer.claims:
                devices += len(given.to_dict()["devices"]["results"])
        if not answers[-1]:
            break
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
        sys.stdout.write(json.dumps(sample(documents, claims)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
