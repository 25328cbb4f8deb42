"""The recorded cases of tests/vectors, through Python: the same answers as from Rust."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

import gpualloc as ga
from gpualloc import cel

FOLDER = Path(__file__).parent / "vectors"
ALLOCATION = ("upstream/allocator.ndjson", "upstream/lexicographical.ndjson", "examples.ndjson", "differential/")
CEL = ("upstream/cel.ndjson",)
# These are about parts that Python does not show; the Rust tests read them.
RUST_ONLY = ("cel/", "name.ndjson", "quantity.ndjson", "validate.ndjson", "verify/", "version.ndjson")
Json = dict[str, Any]

# Upstream's feature, and the gates behind it.
GATES = {
    "AdminAccess": ["DRAAdminAccess"],
    "CompatibilityGroups": ["DRADeviceCompatibilityGroups"],
    "ConsumableCapacity": ["DRAConsumableCapacity"],
    "DerivedAttributes": ["DRADerivedAttributes"],
    "DeviceBindingAndStatus": ["DRADeviceBindingConditions", "DRAResourceClaimDeviceStatus"],
    "DeviceTaints": ["DRADeviceTaints"],
    "FractionalCapacityRange": ["DRAFractionalCapacityRange"],
    "ListTypeAttributes": ["DRAListTypeAttributes"],
    "OptionalNodeOperations": ["DRAOptionalNodeOperations"],
    "PartitionableDevices": ["DRAPartitionableDevices"],
    "PrioritizedList": ["DRAPrioritizedList"],
}
KINDS = {
    "nodes": ("v1", "Node"),
    "classes": ("resource.k8s.io/v1", "DeviceClass"),
    "slices": ("resource.k8s.io/v1", "ResourceSlice"),
    "taintRules": ("resource.k8s.io/v1", "DeviceTaintRule"),
    "held": ("resource.k8s.io/v1", "ResourceClaim"),
    "claims": ("resource.k8s.io/v1", "ResourceClaim"),
}
# Behind these words an error embeds the text of another Go library.
FOREIGN = (
    "CEL compile error: ",
    "failed to parse node selector ",
    "compilation failed: ",
    "parse semantic version: ",
    "could not be converted to bool: ",
    "expected list element at index ",
)


@cache
def cases() -> list[tuple[str, Json]]:
    found: list[tuple[str, Json]] = []
    for path in sorted(FOLDER.rglob("*.ndjson")):
        name = path.relative_to(FOLDER).as_posix()
        if name.startswith(ALLOCATION):
            lines = path.read_text().splitlines()
            found += [(f"{name}:{number}", json.loads(line)) for number, line in enumerate(lines, 1)]
    return found


def rows(value: Json, field: str) -> list[Json]:
    """The objects of a list that may be absent or null."""
    return cast("list[Json]", value.get(field) or [])


def documents(case: Json, field: str) -> list[Json]:
    api_version, kind = KINDS[field]
    return [{**document, "apiVersion": api_version, "kind": kind} for document in rows(case, field)]


def read(case: Json) -> ga.Inventory:
    slices = documents(case, "slices")
    seen: set[str] = set()
    for document in slices:
        # Upstream's suite has slices of equal names, which no cluster has.
        metadata: Json = document["metadata"]
        name = candidate = str(metadata.get("name", ""))
        number = 0
        while candidate in seen:
            number += 1
            candidate = f"{name}-again-{number}"
        seen.add(candidate)
        document["metadata"] = {**metadata, "name": candidate}
    others = [document for field in ("nodes", "classes", "taintRules", "held") for document in documents(case, field)]
    return ga.Inventory.from_documents(
        [*others, *slices, *allocated(case.get("allocated") or {})], apply_defaults=False
    )


def allocated(state: Json) -> list[Json]:
    """The allocated state given directly, as held claims that come to the same."""
    results: list[Json] = [dict(entry) for field in ("devices", "shared") for entry in rows(state, field)]
    for entry in rows(state, "capacity"):
        amounts = {"consumedCapacity": entry["capacity"]}
        device = {field: entry[field] for field in ("driver", "pool", "device")}
        for result in results:
            if device.items() <= result.items() and "shareID" in result and "consumedCapacity" not in result:
                result.update(amounts)
                break
        else:
            results.append({**device, "shareID": "unknown", **amounts})
    return [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"namespace": "allocated", "name": f"held-{index}", "uid": f"held-{index}"},
            "spec": {},
            "status": {"allocation": {"devices": {"results": [{"request": "held", **result}]}}},
        }
        for index, result in enumerate(results)
    ]


def gates(case: Json) -> dict[str, bool]:
    features: Json = case.get("features") or {}
    on = {gate: bool(features.get(feature)) for feature, behind in GATES.items() for gate in behind}
    return {**on, "DRADeviceTaintRules": case.get("taintRulesEnabled") is not False}


def own_part(text: str) -> str:
    ends = [text.index(marker) + len(marker) for marker in FOREIGN if marker in text]
    return text[: min(ends)] if ends else text


def _plain_items(value: Any) -> list[Any]:
    return [plain(item) for item in value]


def plain(value: Any, key: str = "") -> Any:
    """Without what is empty, and every share id as the vectors have it."""
    if key == "shareID":
        return "SHARE"
    if isinstance(value, dict) and key != "parameters":
        kept: Json = {name: plain(inner, name) for name, inner in cast("Json", value).items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, [], {})}
    return _plain_items(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]


def answered(answer: ga.Answer) -> Json:
    line: Json = {"node": answer.node, "outcome": answer.outcome, "steps": answer.steps}
    if answer:
        line["results"] = [plain(claim.to_dict()) for claim in answer.claims]
    elif answer.outcome == "impossible":
        line["outcome"] = "unfit"
    elif answer.error is not None:
        line |= {"scope": "node" if answer.scope == "node" else "fatal", "error": own_part(answer.error)}
    return line


def expected(node: Json) -> Json:
    line = dict(node)
    if "results" in line:
        line["results"] = [plain(result) for result in line["results"]]
    if "error" in line:
        line["error"] = own_part(line["error"])
    return line


def test_every_file_has_a_reader() -> None:
    files = [path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.ndjson")]
    assert [name for name in files if not name.startswith(ALLOCATION + CEL + RUST_ONLY)] == []
    assert len(cases()) > 200


@pytest.mark.parametrize(("name", "case"), [pytest.param(name, case, id=name) for name, case in cases()])
def test_allocation(name: str, case: Json) -> None:
    inventory = read(case)
    nodes = [document["metadata"]["name"] for document in case["nodes"]]
    answers = inventory.allocate_each_node(documents(case, "claims"), nodes=nodes, feature_gates=gates(case))
    assert [answered(answer) for answer in answers] == [expected(node) for node in case["expect"]["nodes"]], name
    for answer in answers:
        if answer and len(set(answer.asked)) < len(answer.asked):
            # Upstream's own tables ask for claims without telling them apart; a name can hold devices once.
            with pytest.raises(ga.ConflictError):
                inventory.commit(answer)
        elif answer:
            again = inventory.commit(answer)
            for claim in answer.claims:
                again = again.release(claim.claim)
            assert again == inventory


def selectors() -> list[Any]:
    found: list[Any] = []
    for name in CEL:
        for number, line in enumerate((FOLDER / name).read_text().splitlines(), 1):
            case = json.loads(line)
            if case.get("mode", "selector") == "selector":
                found.append(pytest.param(case, id=f"{name}:{number}"))
    return found


@pytest.mark.parametrize("case", selectors())
def test_selector(case: Json) -> None:
    expect: Json = case["expect"]
    device: Json = {field: case.get(field) or {} for field in ("attributes", "capacity")}
    device["allowMultipleAllocations"] = case.get("allowMultipleAllocations")
    if expect["compile"] == "error":
        with pytest.raises(cel.CelCompileError):
            cel.compile(case["expression"])
        return
    selector = cel.compile(case["expression"])
    if "error" in expect:
        with pytest.raises(cel.CelEvaluationError) as caught:
            selector.matches(device, driver=case["driver"])
        assert caught.value.is_cost_limit == (expect.get("class") == "cost")
    else:
        assert selector.matches(device, driver=case["driver"]) == expect["result"]
    if "cost" in expect:
        assert selector.cost(device, driver=case["driver"]) == expect["cost"]
