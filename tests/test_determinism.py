"""The same documents give the same bytes: in any order, with any hash seed, from any number of threads.

Everything that can be asked of the example cluster is asked, and written down as one text. Standard hash maps of the
engine draw their seeds anew in every process and for every map; Python's own seed is set from outside. More shuffles on
demand: GPUALLOC_SHUFFLES=1000.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import pytest
import yaml

import gpualloc as ga
from cluster import Json, claim, device_class, node, resource_slice

EXAMPLES = Path(__file__).parent.parent / "examples"
SHUFFLES = int(os.environ.get("GPUALLOC_SHUFFLES", "60"))
HASH_SEEDS = ("0", "1", "4294967295", "random")
THREADS = range(1, 11)


@cache
def documents() -> list[Json]:
    """The example cluster with claims and pods, of which some hold something, and a node of shared devices."""
    memory = {"memory": {"value": "80Gi"}}
    found: list[Json] = [
        node("shared"),
        device_class(),
        resource_slice("shared", 2, allowMultipleAllocations=True, capacity=memory),
    ]
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        found.extend(document for document in yaml.safe_load_all(path.read_text()) if document)
    return found


def asks(inventory: ga.Inventory) -> list[Any]:
    """Every claim that holds nothing yet, two at once, and some that nothing can serve, each for another reason."""
    gpu, mig = (f'device.attributes["gpu.nvidia.com"].{name}' for name in ("productname", "profile"))
    three_g = {"deviceClassName": "mig.nvidia.com", "selectors": selector(f"{mig} == '3g.40gb'")}
    on_one_card = claim("on-one-card", 3, **three_g)
    on_one_card["spec"]["devices"]["constraints"] = [{"matchAttribute": "gpu.nvidia.com/parentUUID"}]
    too_much = claim("too-much", 4, **three_g)
    one_g = {"deviceClassName": "mig.nvidia.com", "selectors": selector(f"{mig} == '1g.10gb'")}
    too_much["spec"]["devices"]["requests"].append({"name": "more", "exactly": one_g})
    apart = claim("apart", 9, deviceClassName="mig.nvidia.com")
    apart["spec"]["devices"]["constraints"] = [{"distinctAttribute": "gpu.nvidia.com/parentUUID"}]
    free = [name for name in inventory.claims if inventory.held(name) is None]
    return [
        *free,
        free[:2],
        claim("typo", deviceClassName="gpu.nvidia.com", selectors=selector(f"{gpu} == 'H100'")),
        claim("past-the-limit", 33, deviceClassName="gpu.nvidia.com"),
        claim("shares", 2, capacity={"requests": {"memory": "30Gi"}}),
        [claim(f"shares-{number}", 2, capacity={"requests": {"memory": "30Gi"}}) for number in range(3)],
        too_much,
        on_one_card,
        apart,
    ]


def selector(expression: str) -> list[Json]:
    return [{"cel": {"expression": expression}}]


def said(inventory: ga.Inventory) -> str:
    """All that the inventory has to say, as one text."""
    lines: list[object] = [inventory.to_state().decode(), inventory.nodes, inventory.claims, inventory.pods]
    wanted = asks(inventory)
    for ask in wanted:
        lines.extend(answer.to_dict() for answer in inventory.allocate_each_node(ask))
        answer = inventory.allocate(ask)
        survey = inventory.survey(ask)
        lines += [answer.to_dict(), answer.steps, answer.refused, survey.outcomes, survey.fitting]
        lines += [inventory.prove(ask, node=name) for name in inventory.nodes]
        if not answer:
            advice = inventory.explain(ask)
            lines += [advice.to_dict(), str(advice), str(answer.why)]
    after, answers = inventory.allocate_many(wanted)
    lines += [after.to_state().decode(), *(answer.to_dict() for answer in answers)]
    return json.dumps(lines)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def shuffled(value: Any, order: random.Random) -> Any:
    """The mapping with the keys of all mappings in it in another order; what lists say with their order stays."""
    if isinstance(value, dict):
        items = list(cast("dict[str, Any]", value).items())
        order.shuffle(items)
        return {key: shuffled(item, order) for key, item in items}
    if isinstance(value, list):
        return [shuffled(item, order) for item in cast("list[object]", value)]
    return value


def digests(seeds: range) -> set[str]:
    """What the cluster says, its documents shuffled with each of the seeds."""
    found: set[str] = set()
    for seed in seeds:
        order = random.Random(seed)
        mixed = [shuffled(document, order) for document in documents()]
        order.shuffle(mixed)
        found.add(digest(said(ga.Inventory.from_documents(mixed))))
    return found


@pytest.fixture(scope="module")
def expected() -> str:
    text = said(ga.Inventory.from_documents(documents()))
    # There is something to compare: each kind of answer and of proof.
    for part in ("placed", "impossible", "error", "few", "sum", "byValue", "lower count", "shareID"):
        assert f'"{part}"' in text, part
    return digest(text)


@pytest.mark.parallel_threads(1)
@pytest.mark.parametrize("hash_seed", HASH_SEEDS)
def test_shuffles_and_hash_seeds(expected: str, hash_seed: str) -> None:
    first = HASH_SEEDS.index(hash_seed)
    command = [sys.executable, __file__, str(first), str(SHUFFLES), str(len(HASH_SEEDS))]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": hash_seed}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [expected]


@pytest.mark.parallel_threads(1)
@pytest.mark.parametrize("threads", THREADS)
def test_threads_over_one_inventory(expected: str, threads: int) -> None:
    # A fresh one, so that they are all the first to ask.
    inventory = ga.Inventory.from_documents(documents())
    start = Barrier(threads)

    def ask(_: int) -> str:
        start.wait()
        return digest(said(inventory))

    with ThreadPoolExecutor(threads) as pool:
        assert set(pool.map(ask, range(threads))) == {expected}


if __name__ == "__main__":
    sys.stdout.write(" ".join(digests(range(*map(int, sys.argv[1:])))))
