"""The Python surface: values, truth, equality, errors."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, assert_type

import pytest

import gpualloc as ga
from cluster import DRIVER, Json, claim, device_class, node, resource_slice


class TestInventory:
    def test_names(self, inventory: ga.Inventory) -> None:
        assert inventory.nodes == ("a", "b")
        assert inventory.claims == ("team/two",)
        assert inventory.held_claims == ()
        assert repr(inventory) == "<Inventory: 2 nodes, 6 devices in 2 slices, 0 claims held>"

    def test_order_of_documents_is_nothing(self, documents: list[Json], inventory: ga.Inventory) -> None:
        assert ga.Inventory.from_documents(documents[::-1]) == inventory
        assert ga.Inventory.from_documents(documents[::-1]).to_state() == inventory.to_state()

    def test_forms_of_one_document(self, documents: list[Json], inventory: ga.Inventory) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": documents}
        for form in (listed, json.dumps(listed), json.dumps(documents).encode(), iter(documents)):
            assert ga.Inventory.from_documents(form) == inventory

    def test_state_pickle_copy(self, inventory: ga.Inventory) -> None:
        held = inventory.commit(inventory.allocate("team/two"))
        assert ga.Inventory.from_state(held.to_state()) == held != inventory
        assert pickle.loads(pickle.dumps(held)) == held
        assert copy.deepcopy(held) == held
        with pytest.raises(ga.InvalidInputError, match="format"):
            ga.Inventory.from_state(b'{"format": 99}')

    def test_report(self, inventory: ga.Inventory) -> None:
        assert inventory.report == ()
        after = inventory.update({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}})
        (remark,) = after.report
        assert (remark.kind, remark.document) == ("unknown kind", "Deployment web")

    def test_update(self, inventory: ga.Inventory) -> None:
        more = inventory.update([node("c"), resource_slice("c", 1)])
        assert more.nodes == ("a", "b", "c")
        assert inventory.nodes == ("a", "b")
        gone: list[Any] = [["Node/c", "ResourceSlice/c-slice"], [node("c"), resource_slice("c", 1)]]
        for deleted in gone:
            assert more.update(deleted=deleted) == inventory
        (remark,) = inventory.update(deleted="Node/x").report
        assert remark.kind == "not found"

    def test_nodes_like_one_that_is_there(self, inventory: ga.Inventory) -> None:
        more = inventory.with_nodes_like("a", ["new-1", "new-2"])
        assert set(more.nodes) - set(inventory.nodes) == {"new-1", "new-2"}
        free = inventory.allocate(claim("c"), nodes=["a"])
        like = more.allocate(claim("c"), nodes=["new-2"])
        assert [one.device for one in like.claims[0].devices] == [one.device for one in free.claims[0].devices]
        assert {one.pool for one in like.claims[0].devices} == {"new-2"}
        for wrong in (["a"], ["x", "x"], [""]):
            with pytest.raises(ga.InvalidInputError, match="in use"):
                inventory.with_nodes_like("a", wrong)
        with pytest.raises(ga.InvalidInputError, match="not in the inventory"):
            inventory.with_nodes_like("nowhere", ["x"])
        with pytest.raises(ga.InvalidInputError, match="a list of names"):
            inventory.with_nodes_like("a", "new")

    def test_unreadable(self) -> None:
        broken = resource_slice("a", 1)
        broken["spec"]["devices"][0]["capacity"] = {"memory": {"value": "lots"}}
        with pytest.raises(ga.InvalidInputError) as caught:
            ga.Inventory.from_documents([node("a"), broken])
        assert caught.value.document == "ResourceSlice a-slice"
        assert caught.value.field.startswith("spec.devices[0].capacity.memory")
        assert isinstance(caught.value, ValueError)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), again.field) == (str(caught.value), caught.value.field)


class TestValidate:
    def test_broken_rules_are_named(self, documents: list[Json]) -> None:
        assert ga.validate(documents) == []
        broken = resource_slice("a", 2)
        broken["spec"]["devices"][1]["name"] = "Not_A_Label"
        broken["spec"]["pool"]["resourceSliceCount"] = 0
        found = ga.validate([*documents, broken])
        assert {(one.document, one.field) for one in found} == {
            ("ResourceSlice a-slice", "spec.pool.resourceSliceCount"),
            ("ResourceSlice a-slice", "spec.devices[1].name"),
        }
        # Loading asks for the shape only.
        assert ga.Inventory.from_documents([broken])


class TestShareIds:
    def test_computed_and_supplied(self) -> None:
        capacity = {"capacity": {"memory": {"value": "8Gi"}}, "allowMultipleAllocations": True}
        inventory = ga.Inventory.from_documents([device_class(), resource_slice("a", 1, **capacity)])
        wanted = claim("two", 1, capacity={"requests": {"memory": "2Gi"}})
        computed = inventory.allocate(wanted, nodes=["a"])["team/two"].devices[0].share_id
        assert computed == inventory.allocate(wanted, nodes=["a"])["team/two"].devices[0].share_id
        mine = "11111111-2222-4333-8444-555555555555"
        answer = inventory.allocate(wanted, nodes=["a"], share_ids={("team/two", "gpus", 0): mine})
        assert answer["team/two"].devices[0].share_id == mine != computed
        other = inventory.allocate(wanted, nodes=["a"], share_ids={("team/two", "gpus", 1): mine})
        assert other["team/two"].devices[0].share_id == computed
        broken: list[dict[tuple[str, str, int], str]] = [
            {("team/two", "gpus", 0): "x"},
            {("team/two", "gpus", 0): mine, ("team/two", "gpus", 1): mine},
        ]
        for share_ids in broken:
            with pytest.raises(ga.InvalidInputError, match="share_ids"):
                inventory.allocate(wanted, nodes=["a"], share_ids=share_ids)


class TestIdentity:
    def test_a_late_event_of_an_older_object_changes_nothing(self, inventory: ga.Inventory) -> None:
        def two(uid: str, version: str) -> Json:
            document = claim("two", 2)
            document["metadata"] |= {"uid": uid, "resourceVersion": version}
            return document

        now = inventory.update(two("new", "20"))
        now = now.commit(now.allocate("team/two"))
        for late in (now.update(deleted=[two("old", "5")]), now.update(two("old", "5"))):
            assert late == now
            assert len(late.report) == 1
        assert now.update(deleted=[two("new", "20")]).held_claims == ()

    def test_an_older_version_in_the_same_load_is_reported(self) -> None:
        def version(number: str, devices: int) -> Json:
            document = resource_slice("a", devices)
            document["metadata"]["resourceVersion"] = number
            return document

        read = ga.Inventory.from_documents([version("5", 1), version("4", 2)])
        assert [remark.kind for remark in read.report] == ["stale"]
        assert "1 devices" in repr(read)

    def test_commit_for_another_uid_is_a_conflict(self, inventory: ga.Inventory) -> None:
        held = inventory.commit(inventory.allocate(claim("free")))
        other = claim("free")
        other["metadata"]["uid"] = "another"
        with pytest.raises(ga.ConflictError, match="another object"):
            held.commit(held.allocate(other))


class TestPlaced:
    def test_answer(self, inventory: ga.Inventory) -> None:
        answer = inventory.allocate("team/two")
        assert answer
        assert (answer.outcome, answer.node, answer.asked) == ("placed", "a", ("team/two",))
        assert (answer.error, answer.why, answer.scope, answer.refused) == (None, None, None, ())
        assert answer.steps > 0
        (given,) = answer.claims
        assert answer["team/two"] == given
        assert (given.claim, given.namespace, given.name, given.uid) == ("team/two", "team", "two", "uid-two")
        assert not given.was_allocated
        assert [device.id for device in given.devices] == [f"{DRIVER}/a/gpu-0", f"{DRIVER}/a/gpu-1"]
        assert {device.request for device in given.devices} == {"gpus"}
        with pytest.raises(KeyError):
            answer["team/other"]

    def test_allocation_result(self, inventory: ga.Inventory) -> None:
        result = inventory.allocate("team/two").claims[0].to_dict()
        assert result == {
            "devices": {
                "results": [
                    {"request": "gpus", "driver": DRIVER, "pool": "a", "device": device}
                    for device in ("gpu-0", "gpu-1")
                ],
            },
            "nodeSelector": {
                "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}],
            },
        }

    def test_to_dict_is_json(self, inventory: ga.Inventory) -> None:
        written = json.loads(json.dumps(inventory.allocate("team/two").to_dict()))
        assert set(written) == {"outcome", "node", "claims"}
        assert set(written["claims"][0]) == {"namespace", "name", "allocation"}

    def test_claims_in_any_form(self, inventory: ga.Inventory) -> None:
        document = claim("two", 2)
        expected = inventory.allocate("team/two")
        forms: list[Any] = [["team/two"], document, [document], json.dumps(document), iter([document])]
        for form in forms:
            assert inventory.allocate(form) == expected

    def test_nodes_and_exclude(self, inventory: ga.Inventory) -> None:
        assert inventory.allocate("team/two", nodes=["b", "a"]).node == "b"
        assert inventory.allocate("team/two", exclude=["a"]).node == "b"
        answer = inventory.allocate("team/two", nodes=["b"], exclude=[f"{DRIVER}/b/gpu-1"])
        assert [device.device for device in answer.claims[0].devices] == ["gpu-0", "gpu-2"]
        with pytest.raises(ga.InvalidInputError, match="neither a node nor"):
            inventory.allocate("team/two", exclude=["a/b"])

    def test_each_node(self, inventory: ga.Inventory) -> None:
        answers = inventory.allocate_each_node(claim("three", 3))
        assert [(answer.node, bool(answer)) for answer in answers] == [("a", False), ("b", True)]

    def test_commit_release(self, inventory: ga.Inventory) -> None:
        answer = inventory.allocate("team/two")
        held = inventory.commit(answer)
        assert inventory.held_claims == ()
        assert held.held_claims == ("team/two",)
        record = held.held("team/two")
        assert record is not None
        assert (record.uid, record.allocation) == ("uid-two", answer.claims[0].to_dict())
        assert held.release("team/two") == inventory
        assert held.commit(answer) == held
        assert held.allocate("team/two").claims[0].was_allocated
        assert held.allocate(claim("more", 2)).node == "b"

    def test_commit_elsewhere(self, inventory: ga.Inventory) -> None:
        first, second = inventory.allocate(claim("x", 2)), inventory.allocate(claim("y", 1))
        held = inventory.commit(first)
        with pytest.raises(ga.ConflictError) as caught:
            held.commit(second)
        assert caught.value.objections
        assert pickle.loads(pickle.dumps(caught.value)).objections == caught.value.objections
        other = inventory.allocate(claim("y", 1), nodes=["b"])
        assert held.commit(other).held_claims == ("team/x", "team/y")

    def test_caller_data(self, inventory: ga.Inventory) -> None:
        held = inventory.commit(inventory.allocate("team/two"))
        marked = held.with_caller_data("team/two", owner="job-7", priority=-5, queue="q", preemptible=True)
        record = marked.held("team/two")
        assert record is not None
        assert (record.owner, record.priority, record.queue, record.preemptible) == ("job-7", -5, "q", True)
        assert ga.Inventory.from_state(marked.to_state()) == marked

    def test_many(self, inventory: ga.Inventory) -> None:
        asks: list[Any] = ["team/two", claim("x", 3), [claim("y", 1)], claim("z", 1)]
        after, answers = inventory.allocate_many(asks)
        assert [answer.node for answer in answers] == ["a", "b", "b", None]
        assert after.held_claims == ("team/two", "team/x", "team/y")


class TestSurvey:
    def test_all_nodes_at_once(self, inventory: ga.Inventory) -> None:
        survey = inventory.survey("team/two")
        assert len(survey) == 2
        assert (survey.fitting, survey.first) == (("a", "b"), "a")
        assert survey.answer("b") == inventory.allocate("team/two", nodes=["b"])
        after = inventory.commit(inventory.allocate(claim("all", 2), nodes=["a"]))
        again = after.survey(claim("two", 2), before=survey)
        assert again.outcomes == after.survey(claim("two", 2)).outcomes == {"a": "impossible", "b": "placed"}
        with pytest.raises(ga.InvalidInputError, match="not in the inventory"):
            survey.answer("c")


class TestPods:
    @staticmethod
    def pod(name: str, **entry: str) -> Json:
        container: Json = {"name": "c", "resources": {}}
        if not entry:
            container["resources"] = {"limits": {"example.com/gpu": "1"}}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "team", "uid": f"uid-{name}"},
            "spec": {"containers": [container], "resourceClaims": [{"name": "gpu", **entry}] if entry else []},
        }

    def test_claim_and_template(self, inventory: ga.Inventory) -> None:
        template = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaimTemplate",
            "metadata": {"name": "three", "namespace": "team"},
            "spec": {"spec": claim("x", 3)["spec"]},
        }
        pods = [self.pod("p", resourceClaimName="two"), self.pod("q", resourceClaimTemplateName="three")]
        inventory = inventory.update([template, *pods])
        assert inventory.pods == ("team/p", "team/q")
        answer = inventory.allocate(pod="team/p")
        assert (answer.node, answer.asked) == ("a", ("team/two",))
        (made,) = inventory.claims_of_pod("team/q")
        assert made["spec"]["devices"]["requests"][0]["exactly"]["count"] == 3
        answers = inventory.allocate_each_node(pod="team/q")
        assert [bool(answer) for answer in answers] == [False, True]
        after, answers = inventory.allocate_many(pods=["team/p", "team/q"])
        assert [answer.node for answer in answers] == ["a", "b"]
        assert len(after.held_claims) == 2

    def test_extended_resource(self, inventory: ga.Inventory) -> None:
        extended = {**device_class(), "spec": {"extendedResourceName": "example.com/gpu"}}
        plugin = node("a")
        plugin["status"] = {"allocatable": {"example.com/gpu": "4"}}
        inventory = inventory.update([extended, plugin, self.pod("p")])
        on_a, on_b = inventory.allocate_each_node(pod="team/p")
        # The device plugin of the first node serves the pod; there is nothing to allocate.
        assert (on_a.outcome, on_a.claims) == ("placed", ())
        assert [device.id for device in on_b.claims[0].devices] == [f"{DRIVER}/b/gpu-0"]

    def test_unknown(self, inventory: ga.Inventory) -> None:
        with pytest.raises(ga.InvalidInputError, match="no such pod"):
            inventory.allocate(pod="team/none")


class TestRefused:
    def test_impossible(self, inventory: ga.Inventory) -> None:
        answer = inventory.allocate(claim("five", 5))
        assert not answer
        assert (answer.outcome, answer.node, answer.claims) == ("impossible", None, ())
        assert answer.why is not None
        assert "node b" in str(answer.why)
        reasons = answer.why.to_dict()
        assert [entry["node"] for entry in reasons["nodes"]] == ["a", "b"]
        (request,) = reasons["nodes"][1]["requests"]
        assert (request["wanted"], request["left"]) == (5, 4)
        assert request["seen"] == request["left"] + sum(request["removed"].values())
        assert [name for name, _ in answer.refused] == ["a", "b"]
        assert inventory.allocate(claim("five", 5), nodes=["b"]).node == "b"
        with pytest.raises(ga.ConflictError, match="placed nothing"):
            inventory.commit(answer)

    def test_undecided(self, inventory: ga.Inventory) -> None:
        answer = inventory.allocate("team/two", max_steps=1)
        assert not answer
        assert answer.outcome == "undecided"

    def test_error(self, inventory: ga.Inventory) -> None:
        wanted = claim("x")
        wanted["spec"]["devices"]["requests"][0]["exactly"]["deviceClassName"] = "missing"
        answer = inventory.allocate(wanted)
        assert not answer
        assert (answer.outcome, answer.scope) == ("error", "pod")
        assert "missing" in str(answer.error)

    @pytest.mark.parametrize(
        ("arguments", "match"),
        [
            ({}, "either claims or pod"),
            ({"claims": "team/two", "pod": "team/p"}, "either claims or pod"),
            ({"claims": "team/none"}, "not in the inventory"),
            ({"claims": ["team/two", "team/two"]}, "asked for twice"),
            ({"claims": "team/two", "max_steps": -1}, "max_steps"),
            ({"claims": "team/two", "nodes": "a"}, "list of names"),
            ({"claims": node("a")}, "only a ResourceClaim"),
            ({"claims": "team/two", "kubernetes": "1.2"}, "unknown version"),
            ({"claims": "team/two", "feature_gates": {"DRAMagic": True}}, "unknown feature gate"),
        ],
    )
    def test_bad_question(self, inventory: ga.Inventory, arguments: Any, match: str) -> None:
        with pytest.raises(ga.InvalidInputError, match=match):
            inventory.allocate(**arguments)

    def test_gates(self, inventory: ga.Inventory) -> None:
        admin = claim("admin", adminAccess=True)
        assert inventory.allocate(admin)
        assert inventory.allocate(admin, feature_gates={"DRAAdminAccess": False}).outcome == "error"


class TestVerify:
    def test_legal_and_not(self, inventory: ga.Inventory) -> None:
        held = inventory.commit(inventory.allocate("team/two"))
        assert held.verify("team/two") == []
        assert held.verify("team/two", node="b")
        document = claim("two", 2)
        document["status"] = {"allocation": inventory.allocate("team/two").claims[0].to_dict()}
        assert inventory.update(document).verify("team/two") == []
        document["status"]["allocation"]["devices"]["results"][0]["device"] = "gpu-7"
        objections = inventory.update(document).verify("team/two")
        assert "results[0]" in objections[0].field
        assert objections[0].claim == "team/two"

    def test_nothing_to_judge(self, inventory: ga.Inventory) -> None:
        with pytest.raises(ga.InvalidInputError, match="holds nothing"):
            inventory.verify("team/two")


def test_types(inventory: ga.Inventory) -> None:
    answer = inventory.allocate("team/two")
    assert_type(answer, ga.Answer)
    assert_type(answer.node, str | None)
    assert_type(answer.claims, tuple[ga.ClaimAllocation, ...])
    assert_type(inventory.commit(answer), ga.Inventory)
    assert_type(inventory.report, tuple[ga.Remark, ...])
    assert_type(inventory.held("team/two"), ga.Held | None)


@pytest.mark.parametrize("name", ga.__all__)
def test_public_names(name: str) -> None:
    value = getattr(ga, name)
    assert isinstance(value, str) or value.__module__.startswith("gpualloc")
