"""The cost of the crossing: reading a large cluster, one claim, many pods, one selector."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import gpualloc as ga
from gpualloc import cel

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

DRIVER = "gpu.nvidia.com"
NODES = 5_000
SELECTOR = f'device.capacity["{DRIVER}"].memory.compareTo(quantity("40Gi")) >= 0'
Json = dict[str, Any]


def gpu(index: int) -> Json:
    return {
        "name": f"gpu-{index}",
        "attributes": {
            "architecture": {"string": "Hopper"},
            "cudaComputeCapability": {"version": "9.0.0"},
            "productName": {"string": "NVIDIA H100 80GB HBM3"},
            "resource.kubernetes.io/pcieRoot": {"string": f"pci0000:{index:02x}"},
            "type": {"string": "gpu"},
            "uuid": {"string": f"GPU-{index}"},
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
        name = f"node-{number:05}"
        documents.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"rack": "r1"}}})
        spec = {
            "driver": DRIVER,
            "nodeName": name,
            "pool": {"name": name, "generation": 1, "resourceSliceCount": 1},
            "devices": [gpu(index) for index in range(8)],
        }
        document = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": name},
            "spec": spec,
        }
        documents.append(document)
    return documents


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
