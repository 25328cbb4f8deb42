"""The cost of the crossing: reading a large cluster, one claim, many pods, one selector; what-if by the thousand."""

from __future__ import annotations

import json
from collections import Counter
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import pytest

import gpualloc as ga
from gpualloc import cel, fleet

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

DRIVER = "gpu.nvidia.com"
NODES = 5_000
SELECTOR = f'device.capacity["{DRIVER}"].memory.compareTo(quantity("40Gi")) >= 0'
Json = dict[str, Any]


def gpu(index: int, node: str = "") -> Json:
    return {
        "name": f"gpu-{index}",
        "attributes": {
            "architecture": {"string": "Hopper"},
            "cudaComputeCapability": {"version": "9.0.0"},
            "productName": {"string": "NVIDIA H100 80GB HBM3"},
            "resource.kubernetes.io/pcieRoot": {"string": f"pci0000:{index:02x}"},
            "type": {"string": "gpu"},
            "uuid": {"string": f"GPU-{node}-{index}"},
        },
        "capacity": {"memory": {"value": "81559Mi"}},
    }


def cluster(nodes: int) -> list[Json]:
    documents: list[Json] = [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": {"name": DRIVER},
            "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{DRIVER}'"}}]},
        },
    ]
    for number in range(nodes):
        documents += machine(f"node-{number:05}")
    return documents


def machine(name: str) -> list[Json]:
    """A node with its slice."""
    spec = {
        "driver": DRIVER,
        "nodeName": name,
        "pool": {"name": name, "generation": 1, "resourceSliceCount": 1},
        "devices": [gpu(index, name) for index in range(8)],
    }
    return [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"rack": "r1"}}},
        {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec},
    ]


def claim(number: int, count: int = 1) -> Json:
    exactly = {"deviceClassName": DRIVER, "count": count, "selectors": [{"cel": {"expression": SELECTOR}}]}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": f"claim-{number}", "namespace": "bench"},
        "spec": {"devices": {"requests": [{"name": "gpus", "exactly": exactly}]}},
    }


@pytest.fixture(scope="module")
def text() -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": cluster(NODES)}).encode()


@pytest.fixture(scope="module")
def inventory(text: bytes) -> ga.Inventory:
    return ga.Inventory.from_documents(text)


def bench_read_5000_nodes(benchmark: BenchmarkFixture, text: bytes) -> None:
    inventory = benchmark.pedantic(ga.Inventory.from_documents, args=(text,), rounds=3)
    assert len(inventory.nodes) == NODES


def bench_one_claim_on_one_node(benchmark: BenchmarkFixture, inventory: ga.Inventory) -> None:
    wanted = json.dumps(claim(0))
    assert benchmark(inventory.allocate, wanted, nodes=["node-02500"])


def bench_one_claim_on_every_node(benchmark: BenchmarkFixture, inventory: ga.Inventory) -> None:
    wanted = json.dumps(claim(0, 9))
    answers = benchmark.pedantic(inventory.allocate_each_node, args=(wanted,), rounds=3)
    assert not any(answers)


def bench_hundred_pods_in_one_crossing(benchmark: BenchmarkFixture, inventory: ga.Inventory) -> None:
    asks = [json.dumps(claim(number, 4)) for number in range(100)]
    _, answers = benchmark.pedantic(inventory.allocate_many, args=(asks,), rounds=3)
    assert all(answers)


def bench_compile_selector(benchmark: BenchmarkFixture) -> None:
    benchmark(cel.compile, SELECTOR)


def bench_evaluate_selector(benchmark: BenchmarkFixture) -> None:
    selector, device = cel.compile(SELECTOR), json.dumps(gpu(0))
    assert benchmark(selector.matches, device, driver=DRIVER)


# --- what-if ----------------------------------------------------------------------------------------------------------

# Thousand nodes of which each has one to six of its eight GPUs held, each by a claim of its own, in 126 ways.
ROOM = 1_000
WAYS = [mask for mask in range(1, 255) if mask.bit_count() not in (7, 8)][:126]


def holder(name: str, index: int) -> Json:
    document = claim(0)
    document["metadata"]["name"] = f"{name}-{index}"
    result = {"request": "gpus", "driver": DRIVER, "pool": name, "device": f"gpu-{index}"}
    document["status"] = {"allocation": {"devices": {"results": [result]}}}
    return document


class WhatIf:
    """A cluster in use, one wish for all GPUs of a node, and what came of it."""

    def __init__(self) -> None:
        documents = cluster(ROOM)
        names = [f"node-{number:05}" for number in range(ROOM)]
        for number, name in enumerate(names):
            mask = WAYS[number % len(WAYS)]
            documents += [holder(name, index) for index in range(8) if mask >> index & 1]
        self.inventory = ga.Inventory.from_documents(
            json.dumps({"kind": "List", "apiVersion": "v1", "items": documents})
        )
        self.wanted = json.dumps(claim(0, 8))
        self.before = self.inventory.survey(self.wanted)
        assert len(self.before) == ROOM
        assert not self.before.fitting
        self.held = cycle(self.inventory.held_claims)
        self.names = cycle(names)

    def fitting(self, inventory: ga.Inventory) -> tuple[str, ...]:
        return inventory.survey(self.wanted, before=self.before).fitting


@pytest.fixture(scope="module")
def what_if() -> WhatIf:
    return WhatIf()


def bench_what_if_that_claim_were_gone(benchmark: BenchmarkFixture, what_if: WhatIf) -> None:
    """All nodes that could take the wish then: the one that the claim leaves empty, or none."""
    found: Counter[int] = Counter()

    def ask() -> None:
        found[len(what_if.fitting(what_if.inventory.release(next(what_if.held))))] += 1

    benchmark(ask)
    assert set(found) <= {0, 1}


def bench_what_if_that_node_were_drained(benchmark: BenchmarkFixture, what_if: WhatIf) -> None:
    one = json.dumps(claim(1))
    before = what_if.inventory.survey(one)
    total = len(before.fitting)
    lost: Counter[int] = Counter()

    def ask() -> None:
        left = what_if.inventory.update(deleted=f"ResourceSlice/{next(what_if.names)}")
        lost[total - len(left.survey(one, before=before).fitting)] += 1

    benchmark(ask)
    assert set(lost) == {1}


def bench_what_if_three_more_nodes_joined(benchmark: BenchmarkFixture, what_if: WhatIf) -> None:
    """Three more like one that is there, under ever other names."""
    names = (f"new-{number}" for number in range(300))
    threes = cycle([list(islice(names, 3)) for _ in range(100)])
    # A node of which nothing is held; each of the others has too few left.
    like = what_if.inventory.update(json.dumps(machine("spare")))
    had = len(what_if.fitting(like))

    def ask() -> None:
        assert len(what_if.fitting(like.with_nodes_like("spare", next(threes)))) == had + 3

    benchmark(ask)


def bench_what_if_three_nodes_of_new_documents_joined(benchmark: BenchmarkFixture, what_if: WhatIf) -> None:
    """The same with documents at hand as text, which have to be read."""
    names = (f"new-{number}" for number in range(300))
    three = [[document for name in islice(names, 3) for document in machine(name)] for _ in range(100)]
    texts = cycle(map(json.dumps, three))

    def ask() -> None:
        assert len(what_if.fitting(what_if.inventory.update(next(texts)))) == 3

    benchmark(ask)


def bench_what_if_this_pod_went_first(benchmark: BenchmarkFixture, what_if: WhatIf) -> None:
    """One claim placed and committed, the same asked for again, on all nodes."""
    one = json.dumps(claim(1))
    before = what_if.inventory.survey(one)
    answers = cycle([before.answer(node) for node in before.fitting])
    two = json.dumps(claim(2))

    def ask() -> None:
        after = what_if.inventory.commit(next(answers))
        assert after.survey(two, before=before).first

    benchmark(ask)


def bench_fleet(benchmark: BenchmarkFixture) -> None:
    """A thousand machines of a description, from text to inventory."""
    inventory = benchmark(lambda: fleet.describe("600 dgx-h100, 10 gb200-nvl72, 100 mi300x, 120 tpu-v6e").inventory())
    assert len(inventory.nodes) == 1_000
