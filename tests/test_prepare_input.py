"""What plans are made from and read from: claims, slices, options and plans that are not as they should be.

Without this file a claim without an allocation, a slice that lacks an attribute, or a plan somebody edited could end in
a crash, or worse in a step with an empty or a hostile value.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

import gpualloc as ga
from gpualloc import prepare
from gpualloc.prepare import steps as do
from prepare_cases import claim, device, inventory, name_of, opaque, plan, slices

if TYPE_CHECKING:
    from cluster import Json

TIME_SLICES = {"TimeSlicingSettings": True}


def refusal(one: prepare.Plan) -> str:
    try:
        prepare.check(one)
    except prepare.PlanError as error:
        return error.message
    return ""


class TestInput:
    def test_not_allocated(self) -> None:
        document = claim("static", {"a": ["gpu-3"]})
        del document["status"]
        with pytest.raises(ga.InvalidInputError, match="not allocated yet"):
            plan("static", document)
        with pytest.raises(ga.InvalidInputError, match="no such claim"):
            prepare.plan(inventory("static", document), "team/other")

    def test_through_the_engine(self) -> None:
        """Configurations of class and claim reach the plan as the allocation carries them."""

        def config(interval: str) -> Json:
            sharing = {"strategy": "TimeSlicing", "timeSlicingConfig": {"interval": interval}}
            parameters = {"apiVersion": "resource.nvidia.com/v1beta1", "kind": "GpuConfig", "sharing": sharing}
            return {"opaque": {"driver": "gpu.nvidia.com", "parameters": parameters}}

        device_class = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": {"name": "gpu"},
            "spec": {
                "selectors": [{"cel": {"expression": 'device.attributes["gpu.nvidia.com"].type == "gpu"'}}],
                "config": [config("Medium")],
            },
        }
        asked: Json = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "one", "namespace": "team"},
            "spec": {
                "devices": {
                    "requests": [{"name": name, "exactly": {"deviceClassName": "gpu"}} for name in ("first", "second")],
                    "config": [{**config("Long"), "requests": ["second"]}],
                }
            },
        }
        before = inventory("static", asked, device_class)
        after = before.commit(before.allocate("team/one"))
        one = prepare.plan(after, "team/one", options=prepare.Options(feature_gates=TIME_SLICES))
        assert [step.level for step in one.steps if isinstance(step, do.SetTimeSlice)] == [2, 3]
        # A claim without a UID has one made of its name, always the same.
        assert one == prepare.plan(after, "team/one", options=prepare.Options(feature_gates=TIME_SLICES))
        assert len(one.uid) == 36

    def test_names_of_requests_as_the_driver_compares_them(self) -> None:
        config = {
            "kind": "GpuConfig",
            "sharing": {"strategy": "TimeSlicing", "timeSlicingConfig": {"interval": "Long"}},
        }
        document = claim("static", {"a/first": ["gpu-3"]}, opaque(config, "a"))
        document["spec"]["devices"]["requests"] = [
            {"name": "a", "firstAvailable": [{"name": "first", "deviceClassName": "any"}]}
        ]
        one = plan("static", document, feature_gates=TIME_SLICES)
        assert [step.level for step in one.steps if isinstance(step, do.SetTimeSlice)] == [0]
        assert "names request a, but the device is of a/first" in one.notes[0]

    def test_other_drivers_are_left_to_themselves(self) -> None:
        documents = slices("static")
        nic = json.loads(json.dumps(documents[0]))
        nic["metadata"]["name"], nic["spec"]["driver"] = "nics", "nic.example.com"
        nic["spec"]["devices"] = [{"name": "nic-0"}]
        documents.append(nic)
        both = claim("static", {"a": ["gpu-3"], "b": ["nic-0"]}, documents=documents)
        one = plan("static", both, documents=documents)
        assert [each.device for each in one.devices] == ["gpu-3"]
        assert one.notes == ("device nic-0 of driver nic.example.com is that driver's to prepare",)
        alone = plan("static", claim("static", {"b": ["nic-0"]}, documents=documents), documents=documents)
        assert (alone.steps, alone.devices, len(alone.notes)) == ((), (), 1)

    @pytest.mark.parametrize(
        ("name", "attribute", "value"),
        [
            ("gpu-3", "uuid", None),
            ("gpu-3", "uuid", {"string": "GPU-1,GPU-2"}),
            ("gpu-3", "uuid", {"string": "$(reboot)"}),
            ("gpu-3", "resource.kubernetes.io/pciBusID", None),
            ("gpu-3", "resource.kubernetes.io/pciBusID", {"string": "../x"}),
            ("gpu-3", "type", {"int": 1}),
            ("gpu-3", "type", {"string": "vgpu"}),
            ("gpu-0-mig-1g5gb-19-0", "parentUUID", None),
        ],
    )
    def test_slices_that_lack_something(self, name: str, attribute: str, value: Json | None) -> None:
        documents = slices("static")
        attributes = device(documents, name)["attributes"]
        del attributes[attribute]
        if value is not None:
            attributes[attribute] = value
        with pytest.raises(ga.InvalidInputError) as caught:
            plan("static", claim("static", {"a": [name]}), documents=documents)
        assert caught.value.document.startswith("ResourceSlice ")
        assert caught.value.field.endswith(f"attributes[{attribute}]")

    def test_names_that_do_not_say_what_the_slice_says(self) -> None:
        documents = slices("static")
        one = device(documents, "gpu-0-mig-1g5gb-19-0")
        one["capacity"]["memorySlice5"] = one["capacity"].pop("memorySlice0")
        with pytest.raises(ga.InvalidInputError, match=r"takes memory slices \[5\]"):
            plan("static", claim("static", {"a": [one["name"]]}), documents=documents)

    def test_too_old_for_several_users(self) -> None:
        documents = slices("static")
        device(documents, "gpu-3")["attributes"]["cudaComputeCapability"] = {"version": "6.1.0"}
        config = {"kind": "GpuConfig", "sharing": {"strategy": "MPS", "mpsConfig": {"multiUser": True}}}
        document = claim("static", {"a": ["gpu-3"]}, opaque(config))
        with pytest.raises(prepare.ConfigError, match=r"gpu-3 has 6\.1\.0"):
            plan("static", document, documents=documents, feature_gates={"MPSSupport": True})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("clients", "pods"),
            ("plugin_directory", "relative"),
            ("plugin_directory", "/with space"),
            ("cdi_directory", "/a/../b"),
            ("domain_directory", "/$(x)"),
            ("vfio_driver", "nvidia"),
            ("vfio_driver", "a b"),
        ],
    )
    def test_options(self, name: str, value: str) -> None:
        with pytest.raises(ga.InvalidInputError) as caught:
            prepare.Options(**{name: value})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert caught.value.field == name

    def test_a_uid_that_is_a_path(self) -> None:
        document = claim("static", {"a": ["gpu-3"]})
        document["metadata"]["uid"] = "../../etc/x"
        with pytest.raises(ga.InvalidInputError) as caught:
            plan("static", document)
        assert caught.value.field == "metadata.uid"

    def test_older_versions_of_the_api(self) -> None:
        """The engine reads them all; a plan sees no difference."""
        documents = slices("static")
        for one in documents:
            one["apiVersion"] = "resource.k8s.io/v1beta1"
            one["spec"]["devices"] = [{"name": each.pop("name"), "basic": each} for each in one["spec"]["devices"]]
        document = claim("static", {"a": ["gpu-3"]})
        wanted = prepare.plan(inventory("static", document), "team/one")
        assert prepare.plan(ga.Inventory.from_documents([*documents, document]), "team/one") == wanted
        assert wanted.node == name_of("static")


class TestReading:
    CHANGES: ClassVar[list[tuple[dict[str, Any], str]]] = [
        ({"format": 2}, "format"),
        ({"action": "reset"}, "action"),
        ({"steps": [{"step": "reboot"}]}, "steps[0].step"),
        ({"steps": [{"step": "setTimeSlice", "gpu": "GPU-a"}]}, "steps[0].level"),
        ({"steps": [{"step": "setTimeSlice", "gpu": "GPU-a", "level": "1"}]}, "steps[0].level"),
        ({"steps": [{"step": "setTimeSlice", "gpu": "GPU-a", "level": 1, "x": 1}]}, "steps[0].x"),
        ({"steps": [{"step": "setMigMode", "gpu": "GPU-a", "enabled": 1}]}, "steps[0].enabled"),
        ({"devices": [{}]}, "devices[0].request"),
        ({"environments": [{}]}, "environments[0].mounts"),
        ({"notes": "x"}, "notes"),
        ({"more": 1}, "more"),
    ]

    @pytest.mark.parametrize(("change", "field"), CHANGES)
    def test_refused(self, change: Json, field: str) -> None:
        document = plan("static", claim("static", {"a": ["gpu-3"]})).to_dict()
        with pytest.raises(ga.InvalidInputError) as caught:
            prepare.Plan.from_dict({**document, **change})
        assert caught.value.field == field
        assert caught.value.document == "plan for ResourceClaim team/one"

    def test_odd_specification(self) -> None:
        """What a specification says beside the node's own paths is its writer's: the judge goes through it."""
        document = plan("static", claim("static", {"a": ["gpu-3"]})).to_dict()
        for odd in ({}, {"devices": None}, {"devices": [5], "containerEdits": {"mounts": [None]}}):
            document["steps"][-1]["specification"] = odd
            prepare.check(prepare.Plan.from_dict(document))
        document["steps"][-1]["specification"] = []
        with pytest.raises(ga.InvalidInputError, match="must be a mapping"):
            prepare.Plan.from_dict(document)

    def test_every_step_has_a_form(self) -> None:
        assert {one.step for one in do.Step.__subclasses__()} == set(do.STEPS)

    @pytest.mark.parametrize("kind", do.STEPS.values())
    def test_every_step_is_printed_and_judged(self, kind: type[do.Step]) -> None:
        samples: dict[str, object] = {"bool": True, "int": 1, "str": "{}"}
        step = cast("Any", kind)(*(samples.get(str(one.type), ("GPU-a",)) for one in fields(kind)))
        one = prepare.Plan("team/one", "u", "n", "prepare", (), (step,))
        assert len(prepare.shell([one])) > len(prepare.shell([replace(one, steps=())]))
        assert "no step" not in refusal(one)

    def test_a_step_of_somebody_else(self) -> None:
        one = prepare.Plan("team/one", "u", "n", "prepare", (), (do.Step(),))
        for judged in (lambda: prepare.shell([one]), lambda: prepare.check(one)):
            with pytest.raises(prepare.PlanError):
                judged()
