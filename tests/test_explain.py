"""Advice: what the API gives, and that the command line says it in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import gpualloc as ga
from cluster import DRIVER, Json, claim, device_class, node, resource_slice
from gpualloc import cli

if TYPE_CHECKING:
    from pathlib import Path

# Captured output belongs to one thread.
pytestmark = pytest.mark.parallel_threads(1)

Out = pytest.CaptureFixture[str]
NAME = f'device.attributes["{DRIVER}"]'
MEMORY = f'device.capacity["{DRIVER}"].memory'


def world() -> list[Json]:
    """Eight devices on a, seven of them held; eight small ones on b; none on c."""
    held = claim("train", 7)
    results = [{"request": "gpus", "driver": DRIVER, "pool": "a", "device": f"gpu-{index}"} for index in range(7)]
    held["status"] = {"allocation": {"devices": {"results": results}}}
    model = {"productName": {"string": "A100"}}
    return [
        node("a"),
        node("b"),
        node("c"),
        device_class(),
        resource_slice("a", 8, attributes=model, capacity={"memory": {"value": "40Gi"}}),
        resource_slice("b", 8, attributes=model, capacity={"memory": {"value": "24Gi"}}),
        held,
    ]


def selector(expression: str) -> list[Json]:
    return [{"cel": {"expression": expression}}]


def large(count: int = 2) -> Json:
    return claim("large", count, selectors=selector(f'{MEMORY}.compareTo(quantity("40Gi")) >= 0'))


@pytest.fixture(scope="module")
def inventory() -> ga.Inventory:
    return ga.Inventory.from_documents(world())


def test_changes_are_data(inventory: ga.Inventory) -> None:
    advice = inventory.explain(large())
    assert (advice.outcome, advice.node, advice.error, advice.asked) == ("impossible", None, None, ("team/large",))
    kinds = [change["edits"][0]["kind"] for change in advice.changes]
    assert kinds == ["loosen selector term", "drop selector term", "lower count", "release claims"]
    first = advice.changes[0]
    assert (first["checked"], first["node"], first["cost"]) == (True, "b", 10_001)
    (edit,) = first["edits"]
    assert edit["after"] == f'{MEMORY}.compareTo(quantity("24Gi")) >= 0'
    assert edit["document"] == "ResourceClaim team/large"
    assert edit["path"] == "spec.devices.requests[0].exactly.selectors[0].cel.expression"
    assert advice.changes[3]["edits"][0]["release"] == ["team/train"]
    assert (advice.tried_on, advice.cut_short) == (3, False)
    assert advice == inventory.explain(large())
    assert advice.to_dict()["changes"] == list(advice.changes)


def test_groups_say_who_holds_what(inventory: ga.Inventory) -> None:
    groups = {group["nodes"][0]: group for group in inventory.explain(large()).summary}
    assert sorted(groups) == ["a", "b", "c"]
    (line,) = groups["a"]["requests"]
    assert (line["wanted"], line["held"], line["matching"], line["left"]) == (2, [7, 7], [8, 8], [1, 1])
    assert line["holders"] == [{"claim": "team/train", "devices": 7}]
    assert "7 of 8 matching devices held, by team/train" in groups["a"]["text"]
    (line,) = groups["b"]["requests"]
    assert line["terms"][0] == {
        "term": f'{MEMORY}.compareTo(quantity("40Gi")) >= 0',
        "ofClass": False,
        "devices": [8, 8],
    }


def test_near_misses(inventory: ga.Inventory) -> None:
    advice = inventory.explain(claim("typo", selectors=selector(f'{NAME}.productname == "A100"')))
    assert advice.outcome == "error"
    assert "no such key: productname" in (advice.error or "")
    assert advice.hints[0]["text"] == (
        "`productname` is published by 0 of 16 devices; nearest: `productName` (claim team/typo, request gpus)"
    )
    assert advice.changes[0]["edits"][0]["after"] == f'{NAME}.productName == "A100"'
    advice = inventory.explain(claim("typo", selectors=selector(f'{NAME}.productName == "H100"')))
    assert advice.hints[0]["nearest"] == "A100"


def test_pairs_where_no_single_change_helps(inventory: ga.Inventory) -> None:
    wanted = claim("both", 9, selectors=selector(f'{NAME}.productName == "H100"'))
    change = inventory.explain(wanted).changes[0]
    assert [edit["kind"] for edit in change["edits"]] == ["loosen selector term", "lower count"]
    assert change["edits"][1]["after"] == "8"


def test_a_template_is_what_is_edited() -> None:
    template: Json = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": "t", "namespace": "team"},
        "spec": {"spec": large()["spec"]},
    }
    pod: Json = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "team"},
        "spec": {"containers": [], "resourceClaims": [{"name": "g", "resourceClaimTemplateName": "t"}]},
    }
    advice = ga.Inventory.from_documents([*world(), template, pod]).explain(pod="team/p")
    edit = advice.changes[0]["edits"][0]
    assert edit["document"] == "ResourceClaimTemplate team/t"
    assert edit["path"].startswith("spec.spec.devices.requests[0].")


def test_what_fits_needs_no_change(inventory: ga.Inventory) -> None:
    advice = inventory.explain(large(1))
    assert (advice.outcome, advice.node, advice.changes, advice.summary) == ("placed", "a", (), ())
    assert "nothing has to change" in str(advice)


def test_proofs_hold_where_they_were_found_and_nowhere_else(inventory: ga.Inventory) -> None:
    proof = inventory.prove(large(), node="b")
    assert proof is not None
    assert inventory.check_proof(proof, large(), node="b") == []
    assert inventory.check_proof(json.dumps(proof), large(), node="b") == []
    assert inventory.check_proof(proof, large(1), node="a")
    # One more that is large enough on b, but for one too few.
    more = resource_slice("b", 9, capacity={"memory": {"value": "40Gi"}})
    assert inventory.update([more]).check_proof(proof, large(), node="b")
    with pytest.raises(ga.InvalidInputError, match="proof"):
        inventory.check_proof({"kind": "because"}, large(), node="b")


def test_with_all_wanted_a_looser_condition_can_be_too_loose() -> None:
    """Of 24 sizes the smallest is held: who wants all that are large enough must not ask for too little."""
    published = resource_slice("n", 24)
    for index, device in enumerate(published["spec"]["devices"]):
        device["capacity"] = {"memory": {"value": f"{index + 1}Gi"}}
    held = claim("held", 1)
    results = [{"request": "gpus", "driver": DRIVER, "pool": "n", "device": "gpu-0"}]
    held["status"] = {"allocation": {"devices": {"results": results}}}
    wanted = claim("all", 1, selectors=selector(f'{MEMORY}.compareTo(quantity("40Gi")) >= 0'))
    exactly = wanted["spec"]["devices"]["requests"][0]["exactly"]
    exactly["allocationMode"] = "All"
    del exactly["count"]
    inventory = ga.Inventory.from_documents([device_class(), node("n"), published, held])
    first, *_ = inventory.explain(wanted).changes
    assert [edit["after"] for edit in first["edits"]] == [f'{MEMORY}.compareTo(quantity("24Gi")) >= 0']


def test_groups_come_with_proofs(inventory: ga.Inventory) -> None:
    for wanted in (large(), large(20)):
        for group in inventory.explain(wanted).summary:
            node = group["nodes"][0]
            assert group["proof"] == inventory.prove(wanted, node=node)
            assert inventory.check_proof(group["proof"], wanted, node=node) == []
            # Nothing of this holds where the claim fits.
            assert inventory.check_proof(group["proof"], large(1), node="a")


def test_the_best_node_is_the_first_in_an_order(inventory: ga.Inventory) -> None:
    survey = inventory.survey(claim("any", 1))
    assert survey.fitting == ("a", "b")
    assert survey.first == "a"
    assert survey.first_in(["c", "unknown", "b", "a"]) == "b"
    assert survey.first_in(["c"]) is None


class TestCommand:
    def explain(self, folder: Path, *arguments: str, count: int = 2) -> int:
        for name, documents in (("cluster.json", world()), ("claim.json", [large(count)])):
            (folder / name).write_text(json.dumps(documents[0] if len(documents) == 1 else _list(documents)))
        files = [str(folder / "cluster.json"), str(folder / "claim.json")]
        return cli.main(["explain", "--claim", "team/large", *arguments, "-f", *files])

    def test_text(self, tmp_path: Path, capsys: Out) -> None:
        assert self.explain(tmp_path) == 1
        out = capsys.readouterr().out
        for line in (
            "asked: claim team/large on 3 nodes",
            "answer: it fits on none of the nodes",
            "  1 node (a): 7 of 8 matching devices held, by team/train",
            "  3. request gpus: ask for 1 instead of 2 devices",
            "     edit ResourceClaim team/large: spec.devices.requests[0].exactly.count",
            "     then it fits on node a",
            "  4. release claim team/train (7 devices)",
        ):
            assert line in out.splitlines()

    def test_json(self, tmp_path: Path, capsys: Out) -> None:
        assert self.explain(tmp_path, "-o", "json", "--node", "b") == 1
        advice: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert (advice["outcome"], advice["nodes"], advice["changes"][0]["node"]) == ("impossible", 1, "b")
        (group,) = advice["summary"]
        assert ga.Inventory.from_documents(world()).check_proof(group["proof"], large(), node="b") == []

    def test_status(self, tmp_path: Path) -> None:
        assert self.explain(tmp_path, count=1) == 0


def _list(documents: list[Json]) -> Json:
    return {"apiVersion": "v1", "kind": "List", "items": documents}
