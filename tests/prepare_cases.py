"""Nodes, claims and plans for the tests of plans; the slices are recordings of the real driver."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

import gpualloc as ga
from cluster import node as node_document
from gpualloc import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cluster import Json

FOLDER = Path(__file__).parent / "prepare"
DRIVERS = {"channel-0": "compute-domain.nvidia.com", "daemon-0": "compute-domain.nvidia.com"}
DOMAIN = "0d5e4f5c-0000-4000-8000-000000000001"
DOMAINS: list[Json] = [
    {
        "apiVersion": "resource.nvidia.com/v1beta1",
        "kind": "ComputeDomain",
        "metadata": {"name": "train", "namespace": "team", "uid": DOMAIN},
    }
]


@cache
def recordings() -> dict[str, list[Json]]:
    nodes: dict[str, list[Json]] = json.loads((FOLDER / "nodes.json").read_text())
    tpu = Path(__file__).parents[1] / "examples" / "cluster" / "tpu.yaml"
    documents: list[Json] = list(yaml.safe_load_all(tpu.read_text()))
    nodes["tpu"] = [one for one in documents if one["kind"] == "ResourceSlice"]
    return nodes


def slices(node: str) -> list[Json]:
    return deepcopy(recordings()[node])


def name_of(node: str) -> str:
    return str(recordings()[node][0]["spec"]["nodeName"])


def device(documents: list[Json], name: str) -> Json:
    found: list[Json] = [one for document in documents for one in document["spec"].get("devices", [])]
    return next(one for one in found if one["name"] == name)


def opaque(parameters: object, *requests: str, source: str = "FromClaim", driver: str = "gpu.nvidia.com") -> Json:
    if isinstance(parameters, dict) and "apiVersion" not in parameters:
        parameters = {"apiVersion": "resource.nvidia.com/v1beta1", **cast("Json", parameters)}
    return {"source": source, "requests": list(requests), "opaque": {"driver": driver, "parameters": parameters}}


def claim(
    node: str,
    requests: Mapping[str, Sequence[str]],
    *config: Json,
    name: str = "one",
    admin: bool = False,
    documents: Sequence[Json] | None = None,
) -> Json:
    """A claim that has been given these devices."""
    by_name = {
        one["name"]: document["spec"]["driver"]
        for document in documents or recordings()[node]
        for one in document["spec"].get("devices", [])
    }
    results = [
        {
            "request": request,
            "driver": by_name.get(given, "gpu.nvidia.com"),
            "pool": name_of(node),
            "device": given,
            **({"adminAccess": True} if admin else {}),
        }
        for request, devices in requests.items()
        for given in devices
    ]
    asked = [{"name": one.partition("/")[0], "exactly": {"deviceClassName": "any"}} for one in requests]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "team", "uid": f"uid-{name}"},
        "spec": {"devices": {"requests": asked}},
        "status": {"allocation": {"devices": {"results": results, "config": list(config)}}},
    }


def inventory(
    node: str, *claims: Json, documents: Sequence[Json] | None = None, labels: Mapping[str, str] | None = None
) -> ga.Inventory:
    return ga.Inventory.from_documents(
        [*(documents or recordings()[node]), node_document(name_of(node), **(labels or {})), *claims]
    )


def plan(node: str, document: Json, *, prepared: Sequence[prepare.Plan] = (), **options: Any) -> prepare.Plan:
    labels = {"nvidia.com/gpu.clique": "c.1"}
    documents = options.pop("documents", None)
    return prepare.plan(
        inventory(node, document, documents=documents, labels=labels),
        f"team/{document['metadata']['name']}",
        options=prepare.Options(**options),
        prepared=prepared,
        domains=DOMAINS,
    )


def values(documents: Sequence[Json]) -> dict[str, str]:
    """What stands for what in written-down steps: `{gpu-3}` is its UUID, `{bus gpu-3}` its PCI address."""
    found: dict[str, str] = {}
    for document in documents:
        for one in document["spec"].get("devices", []):
            attributes = one.get("attributes", {})
            for key, name in (("", "uuid"), ("card ", "parentUUID"), ("bus ", "resource.kubernetes.io/pciBusID")):
                if name in attributes:
                    found[f"{{{key}{one['name']}}}"] = attributes[name]["string"]
    return found


def compact(steps: Sequence[prepare.Step], documents: Sequence[Json]) -> list[list[object]]:
    """Steps as lists of their values, with names in the place of UUIDs and addresses."""
    names = sorted(((value, name) for name, value in values(documents).items()), key=lambda one: -len(one[0]))

    def named(value: object) -> object:
        if isinstance(value, list):
            return [named(one) for one in cast("list[object]", value)]
        if isinstance(value, str):
            for uuid, name in names:
                value = value.replace(uuid, name)
        return value

    return [[named(value) for value in step.to_dict().values()] for step in steps if step.step != "writeCdiSpec"]
