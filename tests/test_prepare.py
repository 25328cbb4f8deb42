"""Plans for a node against what the NVIDIA driver does for the same claim, and what each step needs before it.

Without this file a claim could be prepared with another's configuration, two claims could get one card, and a node
could be left half set up with no way back. The cases (`tests/prepare/cases.json`) are written down by hand from the
driver's rules; `{gpu-3}` in them is a UUID of the recorded slices, `{bus gpu-3}` a PCI address.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc import prepare
from gpualloc.prepare import steps as do
from prepare_cases import (
    DOMAIN,
    DOMAINS,
    FOLDER,
    claim,
    compact,
    device,
    inventory,
    opaque,
    plan,
    recordings,
    slices,
)

if TYPE_CHECKING:
    from cluster import Json

TIME_SLICES = {"TimeSlicingSettings": True}
MPS = {"kind": "GpuConfig", "sharing": {"strategy": "MPS"}}


@cache
def cases() -> dict[str, Json]:
    rows: list[Json] = json.loads((FOLDER / "cases.json").read_text())
    named = {row["name"]: row for row in rows}
    assert len(named) == len(rows)
    return named


def made(case: Json) -> prepare.Plan:
    config = [
        opaque(one["parameters"], *one["requests"], source=one["source"], driver=one["driver"])
        for one in case.get("config", ())
    ]
    options: dict[str, Any] = {"feature_gates": case.get("gates", {}), "clients": case.get("clients", "containers")}
    return plan(case["node"], claim(case["node"], case["requests"], *config), **options)


def allowed() -> list[str]:
    return [name for name, case in cases().items() if "error" not in case]


def refused() -> list[str]:
    return [name for name, case in cases().items() if "error" in case]


class TestCases:
    @pytest.mark.parametrize("name", allowed())
    def test_steps(self, name: str) -> None:
        case = cases()[name]
        assert compact(made(case).steps, recordings()[case["node"]]) == case["steps"]

    @pytest.mark.parametrize("name", refused())
    def test_refused(self, name: str) -> None:
        kind, field, text = cases()[name]["error"]
        with pytest.raises(ga.InvalidInputError) as caught:
            made(cases()[name])
        error = caught.value
        assert (type(error).__name__, text in error.message) == (kind, True), error
        assert error.field.endswith(field), error
        assert error.document or field == "feature_gates"

    @pytest.mark.parametrize("name", allowed())
    def test_written_and_read_back(self, name: str) -> None:
        one = made(cases()[name])
        undo = prepare.unprepare(one)
        for each in (one, undo):
            assert prepare.Plan.from_dict(json.loads(json.dumps(each.to_dict()))) == each

    @pytest.mark.parametrize("name", allowed())
    def test_every_prefix_can_be_taken_back(self, name: str) -> None:
        """After so many steps, and the plan that undoes them, nothing of the node has changed."""
        one = made(cases()[name])
        for done in range(len(one.steps) + 1):
            undo = prepare.unprepare(one, done=done)
            begun = replace(one, steps=one.steps[:done])
            state = prepare.check(undo, before=[begun])
            assert state.changed() == {}, done

    @pytest.mark.parametrize("name", allowed())
    def test_nothing_is_done_too_early(self, name: str) -> None:
        """What brings a later step about cannot come after it: with any two dependent steps exchanged, no plan."""
        one = made(cases()[name])
        for index, step in enumerate(one.steps):
            for told in step.told():
                users = [
                    later
                    for later in range(index + 1, len(one.steps))
                    if f"${{{told[0]}:{told[1]}}}" in json.dumps(one.steps[later].to_dict())
                ]
                for later in users:
                    steps = list(one.steps)
                    steps.insert(later, steps.pop(index))
                    with pytest.raises(prepare.PlanError):
                        prepare.check(replace(one, steps=tuple(steps)))


class TestOrder:
    """The judge, on the steps of an MPS plan and others in a wrong order."""

    def mps(self) -> prepare.Plan:
        limits = {"defaultActiveThreadPercentage": 50, "defaultPinnedDeviceMemoryLimit": "1Gi"}
        config = {"kind": "GpuConfig", "sharing": {"strategy": "MPS", "mpsConfig": limits}}
        document = claim("static", {"a": ["gpu-3"]}, opaque(config))
        return plan("static", document, feature_gates={"MPSSupport": True})

    @pytest.mark.parametrize(
        ("moved", "behind"),
        [
            ("makeDirectory", "mountSharedMemory"),
            ("makeDirectory", "startMpsDaemon"),
            ("mountSharedMemory", "startMpsDaemon"),
            ("setComputeMode", "startMpsDaemon"),
            ("startMpsDaemon", "setMpsThreadPercentage"),
            ("startMpsDaemon", "setMpsMemoryLimit"),
            ("setMpsThreadPercentage", "writeCdiSpec"),
            ("setMpsMemoryLimit", "writeCdiSpec"),
        ],
    )
    def test_preparing(self, moved: str, behind: str) -> None:
        one = self.mps()
        steps = list(one.steps)
        # Of several directories, the one that is needed.
        place = max(i for i, step in enumerate(steps) if step.step == moved)
        if (moved, behind) == ("makeDirectory", "mountSharedMemory"):
            place = next(i for i, step in enumerate(steps) if getattr(step, "path", "").endswith("/shm"))
        step = steps.pop(place)
        steps.insert(next(i for i, other in enumerate(steps) if other.step == behind) + 1, step)
        with pytest.raises(prepare.PlanError) as caught:
            prepare.check(replace(one, steps=tuple(steps)))
        assert caught.value.field.startswith("steps[")

    @pytest.mark.parametrize(
        ("early", "before"),
        [
            ("stopMpsDaemon", "removeCdiSpec"),
            ("setComputeMode", "stopMpsDaemon"),
            ("unmountSharedMemory", "stopMpsDaemon"),
            ("removeDirectory", "removeCdiSpec"),
        ],
    )
    def test_taking_back(self, early: str, before: str) -> None:
        one = self.mps()
        undo = prepare.unprepare(one)
        steps = list(undo.steps)
        step = steps.pop(next(i for i, other in enumerate(steps) if other.step == early))
        steps.insert(next(i for i, other in enumerate(steps) if other.step == before), step)
        with pytest.raises(prepare.PlanError):
            prepare.check(replace(undo, steps=tuple(steps)), before=[one])

    @pytest.mark.parametrize(
        "steps",
        [
            [do.CreateMigInstance("m", "GPU-a", 0, "1g.10gb", 19, 0, 1, may_exist=False)] * 2,
            [
                do.CreateMigInstance("m", "GPU-a", 0, "1g.10gb", 19, 0, 1, may_exist=False),
                do.SetMigMode("GPU-a", enabled=True),
            ],
            [
                do.CreateMigInstance("m", "GPU-a", 0, "2g.20gb", 14, 0, 2, may_exist=False),
                do.CreateMigInstance("n", "GPU-a", 0, "1g.10gb", 19, 1, 1, may_exist=False),
            ],
            [do.CreateMigInstance("m", "GPU-a", 0, "1g.10gb", 19, 0, 0, may_exist=False)],
            [do.DestroyMigInstance("m", "GPU-a", 19, 0)],
            [do.SetComputeMode("GPU-a", "EXCLUSIVE_PROCESS"), do.SetTimeSlice("GPU-a", 1)],
            [do.SetComputeMode("GPU-a", "EXCLUSIVE_PROCESS"), do.SetMigMode("GPU-a", enabled=True)],
            [do.SetComputeMode("GPU-a", "PROHIBITED")],
            [do.SetTimeSlice("GPU-a", 4)],
            [do.SetPersistenceMode("0", enabled=False), do.BindDriver("0", "vfio-pci")],
            [do.WaitUntilUnused("0")],
            [do.FindVfioDevice("v", "0", iommu_fd=False)],
            [do.BindDriver("0", "nvidia")],
            [do.ActivateFabricPartition(1)] * 2,
            [do.DeactivateFabricPartition(1)],
            [do.LabelNode("n", "k", "a"), do.LabelNode("n", "k", "b")],
            [do.UnlabelNode("n", "k")],
            [do.WaitForComputeDomain("ns", "d", "n")],
            [do.MakeDirectory("/a")] * 2,
            [do.RemoveDirectory("/a")],
            [do.MountSharedMemory("/a")],
            [do.UnmountSharedMemory("/a")],
            [do.StartMpsDaemon("d", ("MIG-a",), "/p", "/l", "", multi_user=False)],
            [do.StopMpsDaemon("d", "/p")],
            [do.WriteCdiSpec("/c", '{"devices": [{"containerEdits": {"env": ["A=${x:uuid}"]}}]}')],
            [do.RemoveCdiSpec("/c")],
        ],
        ids=lambda steps: " ".join(step.step for step in steps),
    )
    def test_refused(self, steps: list[prepare.Step]) -> None:
        one = prepare.Plan("team/one", "u", "n", "prepare", (), tuple(steps))
        with pytest.raises(prepare.PlanError) as caught:
            prepare.check(one)
        assert caught.value.field.startswith(f"steps[{len(steps) - 1}]")
        assert "ResourceClaim team/one" in caught.value.document


class TestOthers:
    """Claims that come after others on the same node."""

    def test_a_device_that_is_prepared(self) -> None:
        first = plan("static", claim("static", {"a": ["gpu-3"]}, name="first"))
        second = claim("static", {"a": ["gpu-3"]}, name="second")
        with pytest.raises(prepare.ExclusionError, match="prepared for ResourceClaim team/first"):
            plan("static", second, prepared=[first])
        # For administration a device is given next to its holder, and left as it is.
        watching = claim("static", {"a": ["gpu-3"]}, name="second", admin=True)
        assert [step.step for step in plan("static", watching, prepared=[first], feature_gates=TIME_SLICES).steps] == [
            "writeCdiSpec"
        ]

    def test_preparing_twice_is_preparing_once(self) -> None:
        document = claim("static", {"a": ["gpu-3"]})
        first = plan("static", document)
        assert plan("static", document, prepared=[first]) is first

    def test_passthrough_of_a_card_that_is_in_use(self) -> None:
        first = plan("passthrough", claim("passthrough", {"a": ["gpu-1"]}, name="first"))
        with pytest.raises(prepare.ExclusionError, match="team/first"):
            plan("passthrough", claim("passthrough", {"a": ["gpu-vfio-1"]}, name="second"), prepared=[first])
        plan("passthrough", claim("passthrough", {"a": ["gpu-vfio-2"]}, name="second"), prepared=[first])

    def test_instances_of_several_claims_on_one_card(self) -> None:
        first = plan("dynamic", claim("dynamic", {"a": ["gpu-0-mig-1g10gb-19-0"]}, name="first"))
        with pytest.raises(prepare.ExclusionError, match="memory slices 0 to 1"):
            plan("dynamic", claim("dynamic", {"a": ["gpu-0-mig-2g20gb-14-0"]}, name="bad"), prepared=[first])
        with pytest.raises(prepare.ExclusionError, match="whole card"):
            plan("dynamic", claim("dynamic", {"a": ["gpu-0"]}, name="bad"), prepared=[first])
        second = plan("dynamic", claim("dynamic", {"a": ["gpu-0-mig-2g20gb-14-2"]}, name="second"), prepared=[first])
        both = [first, second]
        # The mode stays as long as one of them is there, whichever goes first.
        for gone, kept in (both, both[::-1]):
            undo = prepare.unprepare(gone, prepared=both)
            assert "setMigMode" not in [step.step for step in undo.steps]
            last = prepare.unprepare(kept, prepared=[kept])
            assert last.steps[-1] == do.SetMigMode(first.steps[0].to_dict()["gpu"], enabled=False)
            assert prepare.check(last, before=[*both, undo]).changed() == {}

    def test_shared_devices_are_counted(self) -> None:
        config = {
            "kind": "GpuConfig",
            "sharing": {"strategy": "TimeSlicing", "timeSlicingConfig": {"interval": "Long"}},
        }
        shared: dict[str, Any] = {"feature_gates": TIME_SLICES}
        first = plan("shares", claim("shares", {"a": ["gpu-0"]}, opaque(config), name="first"), **shared)
        other = claim("shares", {"a": ["gpu-0"]}, name="other")
        # A device of a driver that no plans are made for stands before it.
        nic = {"request": "a", "driver": "nic.example.com", "pool": "p", "device": "nic-0"}
        other["status"]["allocation"]["devices"]["results"].insert(0, nic)
        with pytest.raises(prepare.ExclusionError, match="shared with ResourceClaim team/first") as caught:
            plan("shares", other, prepared=[first], **shared)
        assert caught.value.field == "status.allocation.devices.results[1]"
        same = claim("shares", {"x": ["gpu-0"]}, opaque(config), name="second")
        second = plan("shares", same, prepared=[first], **shared)
        undo = prepare.unprepare(first, prepared=[first, second])
        assert [step.step for step in undo.steps] == ["removeCdiSpec"]
        last = prepare.unprepare(second, prepared=[second])
        assert [step.step for step in last.steps] == ["removeCdiSpec", "setTimeSlice"]

    def test_shared_instances_are_created_once(self) -> None:
        documents = slices("dynamic")
        name = "gpu-0-mig-1g10gb-19-0"
        for one in documents:
            for each in one["spec"].get("devices", []):
                each["allowMultipleAllocations"] = True
        options: dict[str, Any] = {"documents": documents}
        first = plan("dynamic", claim("dynamic", {"a": [name]}, name="first"), **options)
        second = plan("dynamic", claim("dynamic", {"a": [name]}, name="second"), prepared=[first], **options)
        undo = prepare.unprepare(first, prepared=[first, second])
        assert [step.step for step in undo.steps] == ["removeCdiSpec"]
        last = prepare.unprepare(second, prepared=[second])
        assert prepare.check(last, before=[first, second, undo]).changed() == {}
        assert "destroyMigInstance" in [step.step for step in last.steps]

    def test_one_domain_for_a_node(self) -> None:
        other = {**DOMAINS[0], "metadata": {"name": "other", "namespace": "team", "uid": "other"}}
        config = opaque({"kind": "ComputeDomainChannelConfig", "domainID": DOMAIN}, driver="compute-domain.nvidia.com")
        document = claim("domain", {"a": ["channel-0"]}, config)
        labels = {"resource.nvidia.com/computeDomain": "other"}
        with pytest.raises(prepare.ExclusionError, match="belongs to compute domain other"):
            prepare.plan(inventory("domain", document, labels=labels), "team/one", domains=[*DOMAINS, other])
        elsewhere = [{**DOMAINS[0], "metadata": {**DOMAINS[0]["metadata"], "namespace": "else"}}]
        with pytest.raises(prepare.ConfigError, match="of namespace else"):
            prepare.plan(inventory("domain", document), "team/one", domains=elsewhere)
        without_fabric = prepare.plan(inventory("domain", document), "team/one", domains=DOMAINS)
        assert "no fabric" in without_fabric.notes[0]
        assert "/dev/" not in json.dumps(without_fabric.cdi_specs)
        bare = ga.Inventory.from_documents([*slices("domain"), document])
        with pytest.raises(ga.InvalidInputError, match="to know the node's fabric"):
            prepare.plan(bare, "team/one", domains=DOMAINS)

    def test_several_claims_in_turn(self) -> None:
        claims = [claim("static", {"a": [name]}, name=name) for name in ("gpu-3", "gpu-4")]
        both = prepare.plans(inventory("static", *claims), ["team/gpu-4", "team/gpu-3"])
        assert [one.claim for one in both] == ["team/gpu-4", "team/gpu-3"]
        claims[1] = claim("static", {"a": ["gpu-3"]}, name="gpu-4")
        with pytest.raises(prepare.ExclusionError, match="team/gpu-3"):
            prepare.plans(inventory("static", *claims), ["team/gpu-3", "team/gpu-4"])

    def test_undoing_what_was_not_done(self) -> None:
        one = plan("static", claim("static", {"a": ["gpu-3"]}))
        with pytest.raises(ga.InvalidInputError, match="has 1 steps, not 2"):
            prepare.unprepare(one, done=2)
        with pytest.raises(ga.InvalidInputError, match="only what was prepared"):
            prepare.unprepare(prepare.unprepare(one))


def consumed(name: str) -> set[tuple[str, str]]:
    """The counters of one that a device of the partitionable node takes, memory slices among them."""
    each = device(recordings()["dynamic"], name)
    return {
        (entry["counterSet"], counter)
        for entry in each["consumesCounters"]
        for counter in entry["counters"]
        if counter.startswith("memory-slice-")
    }


NAMES = [one["name"] for document in recordings()["dynamic"] for one in document["spec"].get("devices", [])]


class TestAnyClaims:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True), min_size=1, max_size=3))
    def test_claims_in_turn(self, wanted: list[list[str]]) -> None:
        """A claim is refused exactly where memory slices would be had twice; the others go without a trace."""
        prepared: list[prepare.Plan] = []
        taken: set[tuple[str, str]] = set()
        for number, names in enumerate(wanted):
            slices_of = [consumed(name) for name in names]
            every = set[tuple[str, str]]().union(*slices_of)
            fits = sum(map(len, slices_of)) == len(every) and not every & taken
            document = claim("dynamic", {"a": names}, name=f"n{number}")
            if not fits:
                with pytest.raises(prepare.ExclusionError):
                    plan("dynamic", document, prepared=prepared)
                continue
            prepared.append(plan("dynamic", document, prepared=prepared))
            taken |= every
        done, left = list(prepared), list(prepared)
        for one in sorted(prepared, key=lambda each: each.steps[0].to_dict().get("start", 0)):
            undo = prepare.unprepare(one, prepared=left)
            left.remove(one)
            done.append(undo)
        if prepared:
            assert prepare.check(done[-1], before=done[:-1]).changed() == {}


class TestClients:
    def test_variables_by_uuid(self) -> None:
        one = plan("static", claim("static", {"a": ["gpu-4", "gpu-3"], "b": ["gpu-0-mig-1g5gb-19-0"]}))
        uuids = [device(slices("static"), name)["attributes"]["uuid"]["string"] for name in ("gpu-4", "gpu-3")]
        assert one.environment("a") == dict.fromkeys(
            ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"), ",".join(uuids)
        )
        assert one.environment("b")["CUDA_VISIBLE_DEVICES"].startswith("MIG-")
        assert one.environment()["CUDA_VISIBLE_DEVICES"].count(",") == 2
        with pytest.raises(ga.InvalidInputError, match="no request 'c'"):
            one.environment("c")

    def test_a_client_has_one_daemon(self) -> None:
        document = claim("static", {"a": ["gpu-3"], "b": ["gpu-4"], "c": ["gpu-5"]}, opaque(MPS, "a"), opaque(MPS, "b"))
        one = plan("static", document, feature_gates={"MPSSupport": True})
        with pytest.raises(ga.InvalidInputError, match="one MPS daemon only"):
            one.environment()
        assert one.environment("a")["CUDA_MPS_PIPE_DIRECTORY"] == "/tmp/nvidia-mps"
        assert "CUDA_MPS_PIPE_DIRECTORY" not in one.environment("c")
        [of_a] = [each for each in one.environments if each.request == "a"]
        assert {mount.container_path for mount in of_a.mounts} == {"/dev/shm", "/tmp/nvidia-mps"}
        # A process of the node finds the daemon where it is.
        here = plan("static", document, feature_gates={"MPSSupport": True}, clients="processes")
        [pipe] = {step.to_dict()["pipeDirectory"] for step in here.steps if step.step == "startMpsDaemon"} & {
            here.environment("a")["CUDA_MPS_PIPE_DIRECTORY"]
        }
        assert pipe.endswith("/pipe")
        assert here.cdi_specs == {}
        assert not [each.mounts for each in here.environments if each.mounts]

    def test_what_is_told_later(self) -> None:
        name = "gpu-0-mig-1g10gb-19-0"
        one = plan("dynamic", claim("dynamic", {"a": [name]}))
        told: dict[tuple[str, str], str | int] = {
            (name, "uuid"): "MIG-x",
            (name, "gi"): 9,
            (name, "ci"): 0,
            (name, "major"): 235,
            (name, "giMinor"): 30,
            (name, "ciMinor"): 31,
        }
        done = one.resolved(told)
        assert done.environment() == dict.fromkeys(("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"), "MIG-x")
        [specification] = done.cdi_specs.values()
        nodes = specification["devices"][0]["containerEdits"]["deviceNodes"]
        assert nodes == [
            {"path": "/dev/nvidia0"},
            {"path": "/dev/nvidia-caps/nvidia-cap30", "type": "c", "major": 235, "minor": 30},
            {"path": "/dev/nvidia-caps/nvidia-cap31", "type": "c", "major": 235, "minor": 31},
        ]
        del told[name, "ciMinor"]
        with pytest.raises(ga.InvalidInputError, match="nothing was told"):
            one.resolved(told)


class TestCdi:
    def test_names_are_the_driver_s(self) -> None:
        one = plan("static", claim("static", {"a": ["gpu-3"]}))
        assert [each.cdi_device for each in one.devices] == ["k8s.gpu.nvidia.com/claim=uid-one-gpu-3"]
        [(path, specification)] = one.cdi_specs.items()
        assert path == "/var/run/cdi/k8s.gpu.nvidia.com-claim_uid-one.yaml"
        assert specification["kind"] == "k8s.gpu.nvidia.com/claim"
        assert [each["name"] for each in specification["devices"]] == ["uid-one-gpu-3"]
        assert specification["containerEdits"]["env"] == ["NVIDIA_VISIBLE_DEVICES=void"]

    def test_the_node_s_own_libraries(self) -> None:
        uuid = device(slices("static"), "gpu-3")["attributes"]["uuid"]["string"]
        base: Json = {
            "cdiVersion": "0.7.0",
            "kind": "nvidia.com/gpu",
            "devices": [
                {
                    "name": uuid,
                    "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia3"}, {"path": "/dev/dri/card3"}]},
                }
            ],
            "containerEdits": {
                "env": ["NVIDIA_VISIBLE_DEVICES=void"],
                "mounts": [{"hostPath": "/l", "containerPath": "/l"}],
            },
        }
        one = plan("static", claim("static", {"a": ["gpu-3", "gpu-4"]}), cdi_base=base)
        [specification] = one.cdi_specs.values()
        assert specification["cdiVersion"] == "0.7.0"
        assert specification["containerEdits"] == base["containerEdits"]
        paths = [[node["path"] for node in each["containerEdits"]["deviceNodes"]] for each in specification["devices"]]
        assert paths == [["/dev/nvidia3", "/dev/dri/card3"], ["/dev/nvidia4"]]
        wrong: list[Json] = [{}, {"cdiVersion": "1"}, {**base, "devices": {}}]
        wrong += [{**base, "containerEdits": {"env": ["A=${x:y}"]}}, {**base, "containerEdits": {"mounts": None}}]
        for each in wrong:
            with pytest.raises(ga.InvalidInputError):
                plan("static", claim("static", {"a": ["gpu-3"]}), cdi_base=each)

    def test_passthrough(self) -> None:
        config = {"kind": "VfioDeviceConfig", "iommu": {"backendPolicy": "PreferIommuFD", "enableAPIDevice": True}}
        document = claim("passthrough", {"a": ["gpu-vfio-0"], "b": ["gpu-1"]}, opaque(config))
        [specification] = plan("passthrough", document).cdi_specs.values()
        assert specification["containerEdits"] == {
            "env": ["NVIDIA_VISIBLE_DEVICES=void"],
            "deviceNodes": [{"path": "/dev/iommu"}],
        }
        through, whole = (each["containerEdits"]["deviceNodes"] for each in specification["devices"])
        assert through == [{"path": "/dev/vfio/devices/${gpu-vfio-0:node}"}]
        assert {"path": "/dev/nvidiactl"} in whole
        config["iommu"] = {"backendPolicy": "LegacyOnly", "enableAPIDevice": True}
        document = claim("passthrough", {"a": ["gpu-vfio-0"]}, opaque(config))
        [specification] = plan("passthrough", document).cdi_specs.values()
        assert specification["containerEdits"]["deviceNodes"] == [{"path": "/dev/vfio/vfio"}]

    def test_all_channels(self) -> None:
        config: Json = {"kind": "ComputeDomainChannelConfig", "domainID": DOMAIN, "allocationMode": "All"}
        document = claim("domain", {"a": ["channel-0"]}, opaque(config, driver="compute-domain.nvidia.com"))
        [specification] = plan("domain", document).cdi_specs.values()
        nodes = specification["devices"][0]["containerEdits"]["deviceNodes"]
        assert [node["minor"] for node in nodes] == list(range(2048))
        assert nodes[-1]["path"] == "/dev/nvidia-caps-imex-channels/channel2047"
