"""Documents that the tests share: a small cluster, as mappings."""

from __future__ import annotations

from typing import Any

import pytest

import gpualloc as ga

Json = dict[str, Any]
DRIVER = "gpu.example.com"


def node(name: str, **labels: str) -> Json:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def device_class(name: str = DRIVER) -> Json:
    expression = f'device.driver == "{name}"'
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": {"selectors": [{"cel": {"expression": expression}}]},
    }


def resource_slice(on: str, devices: int, **device: Any) -> Json:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": f"{on}-slice"},
        "spec": {
            "driver": DRIVER,
            "nodeName": on,
            "pool": {"name": on, "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": f"gpu-{index}", **device} for index in range(devices)],
        },
    }


def claim(name: str, count: int = 1, **exactly: Any) -> Json:
    request = {"name": "gpus", "exactly": {"deviceClassName": DRIVER, "count": count, **exactly}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "team", "uid": f"uid-{name}"},
        "spec": {"devices": {"requests": [request]}},
    }


@pytest.fixture
def documents() -> list[Json]:
    """Two nodes with two and four devices, and one claim for two."""
    return [
        node("a"),
        node("b", zone="z1"),
        device_class(),
        resource_slice("a", 2),
        resource_slice("b", 4),
        claim("two", 2),
    ]


@pytest.fixture
def inventory(documents: list[Json]) -> ga.Inventory:
    return ga.Inventory.from_documents(documents)
