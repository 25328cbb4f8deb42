"""Documents of the real clients: each client's own object in, the API's JSON out."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest

import gpualloc as ga
from gpualloc.kube import to_json

SLICE: dict[str, Any] = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceSlice",
    "metadata": {"name": "node-a-gpu", "creationTimestamp": "2026-01-02T03:04:05Z", "labels": {"a_b": "c"}},
    "spec": {
        "driver": "gpu.example.com",
        "nodeName": "node-a",
        "pool": {"name": "node-a", "generation": 1, "resourceSliceCount": 1},
        "devices": [
            {
                "name": "gpu-0",
                "attributes": {
                    "some_model": {"string": "x"},
                    "index": {"int": 0},
                    "healthy": {"bool": False},
                    "driver": {"version": "1.2.3"},
                },
                "capacity": {"memory": {"value": "80Gi"}},
                "allowMultipleAllocations": True,
            },
        ],
    },
}


def read_back(documents: Any) -> Any:
    return json.loads(to_json(documents))


def official() -> Any:
    """The official client; its types say little, so none are used."""
    from kubernetes import client

    return client


class TestText:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_bytes_pass_unread(self, kind: Any) -> None:
        assert to_json(kind(b'{"kind": 1')) == b'{"kind": 1'

    def test_str(self) -> None:
        assert to_json('{"kind":"Nöde"}') == '{"kind":"Nöde"}'.encode()

    def test_lone_surrogate_is_refused(self) -> None:
        with pytest.raises(ga.InvalidInputError, match="Unicode"):
            to_json('"\ud800"')


class TestMappings:
    def test_as_it_is(self) -> None:
        assert read_back(SLICE) == SLICE
        assert read_back(MappingProxyType(SLICE)) == SLICE

    def test_iterables(self) -> None:
        documents: list[Any] = [SLICE, b'{"kind":"Node"}']
        text = to_json(iter(documents))
        assert [json.loads(line)["kind"] for line in text.splitlines()] == ["ResourceSlice", "Node"]

    @pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"x", object()])
    def test_no_json(self, value: object) -> None:
        with pytest.raises(ga.InvalidInputError, match="JSON"):
            to_json({"kind": "Node", "metadata": {"name": value}})

    def test_endless(self) -> None:
        loop: dict[str, Any] = {}
        loop["metadata"] = loop
        with pytest.raises(ga.InvalidInputError):
            to_json(loop)

    @pytest.mark.parametrize("value", [None, 1, object(), dict, [1], [None]])
    def test_no_document(self, value: Any) -> None:
        with pytest.raises(ga.InvalidInputError, match="cannot read"):
            to_json(value)


class TestOfficialClient:
    @staticmethod
    def load(document: dict[str, Any], kind: str) -> Any:
        client = official()
        return client.ApiClient().deserialize(json.dumps(document), kind, "application/json")

    def test_object(self) -> None:
        assert read_back(self.load(SLICE, "V1ResourceSlice")) == SLICE

    def test_list(self) -> None:
        items = [{key: value for key, value in SLICE.items() if key not in ("kind", "apiVersion")}]
        document = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSliceList",
            "metadata": {"resourceVersion": "7"},
            "items": items,
        }
        listed = self.load(document, "V1ResourceSliceList")
        assert read_back(listed) == document
        # Items of a list come without kind; the class tells it.
        assert read_back(listed.items) == SLICE

    @pytest.mark.parametrize(
        ("name", "kind", "version"),
        [
            ("V1Node", "Node", "v1"),
            ("V1Pod", "Pod", "v1"),
            ("ResourceV1ResourceClaim", "ResourceClaim", "resource.k8s.io/v1"),
            ("V1beta1ResourceClaim", "ResourceClaim", "resource.k8s.io/v1beta1"),
            ("V1beta2ResourceClaimTemplate", "ResourceClaimTemplate", "resource.k8s.io/v1beta2"),
            ("V1DeviceClass", "DeviceClass", "resource.k8s.io/v1"),
        ],
    )
    def test_kind_by_class(self, name: str, kind: str, version: str) -> None:
        document = read_back(self.load({"metadata": {"name": "x"}}, name))
        assert document == {"kind": kind, "apiVersion": version, "metadata": {"name": "x"}}

    def test_snake_case_is_refused(self) -> None:
        made = self.load(SLICE, "V1ResourceSlice")
        with pytest.raises(ga.InvalidInputError, match="sanitize_for_serialization") as caught:
            to_json(made.to_dict())
        assert caught.value.field == "api_version"
        assert caught.value.document == "ResourceSlice node-a-gpu"
        with pytest.raises(ga.InvalidInputError, match="sanitize_for_serialization"):
            to_json([made.to_dict()])

    def test_sanitized_is_taken(self) -> None:
        client = official()
        made = self.load(SLICE, "V1ResourceSlice")
        plain = client.ApiClient().sanitize_for_serialization(made)
        plain["metadata"]["creationTimestamp"] = SLICE["metadata"]["creationTimestamp"]
        assert read_back(plain) == SLICE


def test_lightkube() -> None:
    from lightkube.resources.resource_v1 import ResourceSlice

    made: Any = ResourceSlice.from_dict(SLICE)  # pyright: ignore[reportUnknownMemberType]
    assert read_back(made) == SLICE
    assert read_back([made]) == SLICE


def test_kr8s() -> None:
    from kr8s.objects import new_class

    kind = new_class(kind="ResourceSlice", version="resource.k8s.io/v1", namespaced=False, asyncio=False)
    # The class asks for a cluster's address when it is made; a document is all that is needed here.
    made: Any = kind.__new__(kind)
    made._raw = SLICE
    assert read_back(made) == SLICE


def test_pydantic() -> None:
    from pydantic import BaseModel, Field

    class Meta(BaseModel):
        name: str

    class Node(BaseModel):
        api_version: str = Field(alias="apiVersion", default="v1")
        kind: str = "Node"
        metadata: Meta
        status: None = None

    assert read_back(Node(metadata=Meta(name="a"))) == {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}
