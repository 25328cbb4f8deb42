"""How a case of `tests/vendors/` is judged: its slices, and the claims on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gpualloc as ga
from cluster import node
from gpualloc import vendors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster import Json


def check_slices(case: Json) -> None:
    produced = vendors.produce(case["description"])
    driver = vendors.vendor(case["description"]["vendor"]).CONCEPTS.driver
    assert produced.slices == published(case["description"]["node"], driver, case["slices"])
    assert list(produced.left_out) == case.get("leftOut", [])


def check_claim(case: Json, asked: Json) -> None:
    host = case["description"]["node"]
    answer = inventory(host, vendors.produce(case["description"]).slices).allocate([claim(asked)])
    if asked["devices"] is None:
        assert answer.outcome == "impossible", answer.error
    else:
        assert answer.outcome == "placed", answer.why or answer.error
        assert names_of(answer) == asked["devices"]


def published(host: str, driver: str, expected: Sequence[Json]) -> list[Json]:
    """The slices that the parts of a case stand for."""
    return [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": f"{index:05x}-{driver}-{host}"},
            "spec": {
                "driver": driver,
                "nodeName": host,
                "pool": {"name": host, "generation": 1, "resourceSliceCount": len(expected)},
                **part,
            },
        }
        for index, part in enumerate(expected)
    ]


def inventory(host: str, slices: Sequence[Json]) -> ga.Inventory:
    classes = [each for name in vendors.names() for each in vendors.vendor(name).DEVICE_CLASSES]
    documents = [node(host), *classes, *slices]
    assert ga.validate(documents) == []
    return ga.Inventory.from_documents(documents)


def claim(asked: Json) -> Json:
    requests: list[Json] = []
    for index, (condition, count) in enumerate(asked["requests"]):
        how = {"allocationMode": "All"} if count == "All" else {"count": count}
        selectors = [{"cel": {"expression": condition}}]
        exactly = {"deviceClassName": asked["class"], "selectors": selectors, **how}
        requests.append({"name": f"r{index}", "exactly": exactly})
    devices: Json = {"requests": requests}
    if "match" in asked:
        devices["constraints"] = [{"matchAttribute": asked["match"]}]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "claim", "namespace": "default"},
        "spec": {"devices": devices},
    }


def names_of(answer: ga.Answer) -> list[str]:
    return [result["device"] for result in answer.claims[0].to_dict()["devices"]["results"]]
