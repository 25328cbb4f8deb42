"""Discovery on hosts that nobody here has: the real pynvml over a stand-in library, against what the driver published.

Without this file nobody would notice if our slices and the NVIDIA DRA driver's differ; if a call that fails took the
whole machine away, crashed, or made up a value; or if discovery asked NVML more than it needs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import gpualloc as ga
from nvml_hosts import HERE, HOSTS, SHARED, Json, Machines, Recording, by_name, devices_of, edited, recordings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="the stand-in library needs a C compiler"),
    # One process discovers for all; its answers belong to one thread.
    pytest.mark.parallel_threads(1),
]

T4, GB200, A100, RTX, CONFIDENTIAL, H100 = (
    HOSTS / f"{name}.json"
    for name in ("t4-x2", "gb200-x4", "a100-40-x8-cisplit", "rtxpro6000-x3-static", "h100-cc-x1", "h100-80-x8")
)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with Machines() as made:
        yield made


class TestRecordings:
    @pytest.mark.parametrize("recording", recordings("slices"), ids=lambda recording: recording.name)
    def test_slices(self, machines: Machines, recording: Recording) -> None:
        golden = recording.content()
        found = machines.discover(recording.fixture(), **recording.request())
        arrange = by_name if golden["deviceOrder"] == "sorted by name" else list[Json]
        assert arrange(found["slices"]) == arrange(golden["slices"])

    def test_order(self, machines: Machines) -> None:
        """Where the driver's order is random, ours is by address, then name."""
        (one,) = machines.discover(RTX, features={"vfio": True})["slices"]
        keys = [
            (device["attributes"]["resource.kubernetes.io/pciBusID"]["string"], device["name"])
            for device in one["spec"]["devices"]
        ]
        assert keys == sorted(keys)
        assert [name for _, name in keys[:2]] == ["gpu-0-mig-4g96gb-0-0", "gpu-vfio-0"]

    def test_order_of_slices(self, machines: Machines) -> None:
        """By address too, however the GPUs are numbered."""
        host = edited(GB200, *((f"gpus.{index}.minor", 3 - index) for index in range(4)))
        _, *slices = machines.discover(machines.host(host), features={"dynamic_mig": True})["slices"]
        assert [one["spec"]["devices"][0]["name"] for one in slices] == ["gpu-3", "gpu-2", "gpu-1", "gpu-0"]

    @pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recordings at {SHARED}")
    def test_whole_set_is_read(self) -> None:
        assert len([one for one in recordings("slices") if one.path.parent == SHARED]) >= 80


class TestOneBadPart:
    """Where the driver publishes nothing for the node, the sound rest is published."""

    @pytest.mark.parametrize("recording", recordings("error"), ids=lambda recording: recording.name)
    def test_recordings(self, machines: Machines, recording: Recording) -> None:
        text = recording.content()["error"]
        found = machines.discover(recording.fixture(), **recording.request())
        if "driver version" in text:  # that is no bad part
            assert "need GPU driver" in found["error"]
            return
        gpus = len(json.loads(recording.fixture().read_text())["gpus"])
        assert len({name.split("-mig-")[0] for name in devices_of(found["slices"])}) >= gpus - 1
        culprit = re.search(r"index '(\d+)'|\"(gpu-\d+)\"", text)
        assert culprit
        name = f"GPU {culprit[1]}" if culprit[1] else culprit[2]
        assert found["leftOut"]
        assert all(name in one for one in found["leftOut"])

    def test_split_instance(self, machines: Machines) -> None:
        found = machines.discover(A100)
        assert [one for one in devices_of(found["slices"]) if one.startswith("gpu-1")] == ["gpu-1-mig-3g20gb-9-4"]
        assert len(devices_of(found["slices"])) == 8
        assert len(found["leftOut"]) == 3
        assert "MIG device 0 of gpu-1: has 1 of the 3 compute slices of GPU instance 2" in found["leftOut"][0]

    @pytest.mark.parametrize("features", [{}, {"dynamic_mig": True}])
    def test_lost_gpu(self, machines: Machines, features: Json) -> None:
        lost = edited(GB200, ("gpus.2.lost", 1))
        sound = devices_of(machines.discover(GB200, features=features)["slices"])
        found = machines.discover(machines.host(lost), features=features)
        assert devices_of(found["slices"]) == {name: one for name, one in sound.items() if not name.startswith("gpu-2")}
        assert found["leftOut"] == ["GPU 2: nvmlDeviceGetHandleByIndex: GPU is lost (NVML error 15)"]

    @pytest.mark.parametrize(
        ("change", "attributes"),
        [
            (("gpus.1.brand", 99), ["brand"]),
            (("gpus.1.architecture", 99), ["architecture"]),
            (("gpus.1.pci.busId", "10000:01:00.0"), ["pciBusID", "pcieRoot", "numaNode"]),
        ],
    )
    def test_unknown_word(self, machines: Machines, change: tuple[str, object], attributes: list[str]) -> None:
        found = machines.discover(machines.host(edited(GB200, change)))
        sound = devices_of(machines.discover(GB200)["slices"])
        changed = devices_of(found["slices"])["gpu-1"]["attributes"]
        kept = {
            key: value for key, value in sound["gpu-1"]["attributes"].items() if key.split("/")[-1] not in attributes
        }
        assert changed == kept
        assert len(found["leftOut"]) == 1
        assert found["leftOut"][0].startswith("gpu-1 attribute")

    def test_three_slices_with_graphics(self, machines: Machines) -> None:
        """A kind of profile that the driver's library does not know, so that it publishes nothing."""

        profiles = json.loads(GB200.read_text())["migProfileSets"]["gb200-186"]
        profiles.append({**profiles[4], "enumIndex": 0x11, "id": 99})
        host = edited(GB200, ("migProfileSets.gb200-186", profiles))
        found = machines.discover(machines.host(host), features={"dynamic_mig": True})
        named = devices_of(found["slices"])["gpu-0-mig-3g93gb-gfx-99-4"]
        assert named["attributes"]["profile"] == {"string": "3g.93gb+gfx"}

    def test_memory_unknown(self, machines: Machines) -> None:
        host = edited(GB200, ("gpus.1.memory", None))
        found = machines.discover(machines.host(host), features={"dynamic_mig": True, "shares": 4})
        device = devices_of(found["slices"])["gpu-1"]
        assert "capacity" not in device
        assert "consumesCounters" not in device
        assert device["allowMultipleAllocations"] is True
        assert found["leftOut"] == ["gpu-1 partitions: the card's memory is unknown, and profiles are named by it"]

    def test_guest_of_a_vgpu_host(self, machines: Machines) -> None:
        host = edited(GB200, ("gpus.*.virtualizationMode", 2))
        found = machines.discover(machines.host(host), features={"dynamic_mig": True})
        assert [len(one["spec"].get("devices", [])) for one in found["slices"]] == [0, 1, 1, 1, 1]
        assert devices_of(found["slices"])["gpu-0"]["capacity"] == {"memory": {"value": "189471Mi"}}

    def test_old_driver_has_no_compute_domain(self, machines: Machines) -> None:
        found = machines.discover(T4, compute_domain=True)
        assert found["error"] == "compute domains need GPU driver 570.158.1 or newer; this is 535.183.06"

    @pytest.mark.parametrize(
        ("field", "value", "error"),
        [
            ("state", 2, "state 2 instead of 3"),
            ("status", 999, "error 999"),
            ("cliqueId", 1, "different NVLink cliques"),
        ],
    )
    def test_fabric(self, machines: Machines, field: str, value: int, error: str) -> None:
        host = edited(GB200, (f"gpus.3.fabric.{field}", value))
        assert error in machines.discover(machines.host(host), compute_domain=True)["error"]

    @pytest.mark.parametrize("own", [True, False])
    @pytest.mark.parametrize("by", ["switch", "nic"])
    def test_waiting_for_a_partition(self, machines: Machines, own: bool, by: str) -> None:  # noqa: FBT001  # a case
        """Where the Fabric Manager partitions a fabric of the machine's own, joining it is not for now."""
        host = edited(H100, ("gpus.2.fabric.state", 1), ("gpus.3.fabric.state", 2))
        if by == "nic" or not own:
            host["pciOnly"] = []
        nic: Json = {"root": "pci0000:40", "parents": [], "busId": "0000:41:00.0", "numaNode": 0, "name": "mlx5_0"}
        host["nics"] = [{**nic, "vpd": "VPD SW_MNG" if own and by == "nic" else "VPD"}]
        fixture = machines.host(host)
        assert "has not joined" in machines.discover(fixture, compute_domain=True)["error"]
        found = machines.discover(fixture, compute_domain=True, features={"fabric_manager": True})
        if own:
            assert [one["name"] for one in found["slices"][0]["spec"]["devices"]] == ["channel-0", "daemon-0"]
            assert found["node"]["metadata"]["labels"] == {}
        else:
            assert "has not joined" in found["error"]

    def test_clique(self, machines: Machines) -> None:
        found = machines.discover(GB200, compute_domain=True)
        labels = {"nvidia.com/gpu.clique": "7ea5b2a2-1871-56b5-aa32-0270907e29f8.32766"}
        assert found["node"]["metadata"] == {"name": "gb200-r1-t03", "labels": labels}


# --- faults -----------------------------------------------------------------------------------------------------------

CODES = {"not supported": 3, "no permission": 4, "not found": 6, "GPU lost": 15, "unknown": 999}
MODES: dict[str, tuple[Path, Json]] = {
    "static MIG": (A100, {"features": {"vfio": True}}),
    "dynamic MIG": (GB200, {"features": {"dynamic_mig": True, "fabric_manager": True}}),
    "health": (T4, {"features": {"health": True}, "events": "xid:0:48"}),
    "compute domain": (GB200, {"compute_domain": True}),
    "confidential": (CONFIDENTIAL, {"features": {"confidential": True}}),
}
# Of cards that are alike the first alone is asked.
ASKED_ONCE = {"nvmlDeviceGetGpuInstanceProfileInfo", "nvmlDeviceGetGpuInstancePossiblePlacements_v2"}
# Without these there is nothing to find.
NEEDED = {"nvmlInitWithFlags", "nvmlDeviceGetCount_v2"}
# "Not supported" is an answer here, and an older library may lack the function: nothing is missing then.
QUIET = {
    "nvmlDeviceGetAddressingMode": ("not supported", "missing"),
    "nvmlDeviceGetMemoryInfo": ("not supported",),
    "nvmlDeviceGetMigMode": ("not supported", "missing"),
    "nvmlDeviceGetModuleId": ("not supported", "missing"),
    "nvmlDeviceGetGpuFabricInfoV": ("not supported", "missing"),
    # An older driver's state says less of modes for several GPUs, of which it has none.
    "nvmlSystemGetConfComputeSettings": ("not supported", "missing"),
    "nvmlDeviceGetMigDeviceHandleByIndex": ("not found",),  # a hole in the numbering
    "nvmlDeviceGetSupportedEventTypes": ("not supported",),  # the taint says it
    "nvmlDeviceRegisterEvents": ("not supported",),
    "nvmlEventSetWait_v2": ("GPU lost",),
    "nvmlEventSetFree": (*CODES, "missing"),
    "nvmlShutdown": (*CODES, "missing"),
}


class TestFaults:
    @pytest.mark.parametrize("mode", MODES)
    def test_every_call_fails_in_turn(self, machines: Machines, tmp_path: Path, mode: str) -> None:
        fixture, request = MODES[mode]
        sound, functions = watched(machines, mode, tmp_path / "calls")
        assert set(functions) >= NEEDED
        assert sound["calls"] == len(functions)
        for function in sorted(set(functions)):
            for kind, code in CODES.items():
                found = machines.discover(fixture, **request, faults=[f"{function}={code}"])
                check(function, kind, code, sound, found)

    def test_every_symbol_is_missing_in_turn(self, machines: Machines, tmp_path: Path) -> None:
        calls = {mode: watched(machines, mode, tmp_path / mode) for mode in MODES}
        for function in sorted({function for _, functions in calls.values() for function in functions}):
            for mode, (sound, functions) in calls.items():
                if function in functions:
                    fixture, request = MODES[mode]
                    found = machines.discover(fixture, **request, missing=[function])
                    check(function, "missing", 13, sound, found)
            machines.stop([function])

    @pytest.mark.parametrize("mode", ["static MIG", "dynamic MIG"])
    def test_one_gpu_lost_in_the_middle(self, machines: Machines, tmp_path: Path, mode: str) -> None:
        """Whichever call it is that finds it lost: that GPU is gone, and nothing of the others changes."""
        fixture, request = MODES[mode]
        whole, functions = watched(machines, mode, tmp_path / "calls")
        sound = devices_of(whole["slices"])
        others = {name: one for name, one in sound.items() if not name.startswith("gpu-1")}
        for function in sorted({name for name in functions if name.startswith("nvmlDevice")} - NEEDED):
            found = machines.discover(fixture, **request, faults=[f"{function}@1=15"])
            lost = f"GPU 1: {re.sub(r'_v[0-9]$', '', function)}: GPU is lost (NVML error 15)"
            if lost in found["leftOut"]:
                assert devices_of(found["slices"]) == others, function
            else:
                # Cards of one kind share their profiles; GPU 1 is not asked for them.
                assert function in ASKED_ONCE, function
                assert found["slices"] == whole["slices"], function

    def test_nothing_is_said_of_the_parts_of_a_lost_gpu(self, machines: Machines) -> None:
        found = machines.discover(GB200, faults=["nvmlDeviceGetBrand@1=999", "nvmlDeviceGetPciInfo_v3@1=15"])
        assert found["leftOut"] == ["GPU 1: nvmlDeviceGetPciInfo: GPU is lost (NVML error 15)"]

    def test_events_without_end(self, machines: Machines) -> None:
        """A lost GPU is reported to everybody who waits, again and again."""
        quiet = machines.discover(T4, features={"health": True})
        found = machines.discover(T4, features={"health": True}, faults=["nvmlEventSetWait_v2=15"])
        assert found["calls"] == quiet["calls"] + 1
        taints = [device["taints"][0] for device in devices_of(found["slices"]).values()]
        assert taints == [{"key": "gpu.nvidia.com/gpu-lost", "effect": "NoSchedule"}] * 2

    def test_no_permission_for_placements(self, machines: Machines) -> None:
        """Figures are the driver's own, of which nobody has published all; placements are those of the table."""
        faults = ["nvmlDeviceGetGpuInstancePossiblePlacements_v2=4", "nvmlDeviceGetGpuInstanceById=4"]
        found = machines.discover(GB200, features={"dynamic_mig": True}, faults=faults)
        assert found["slices"] == machines.discover(GB200, features={"dynamic_mig": True})["slices"]
        notes = [one.partition(":")[0] for one in found["leftOut"]]
        assert notes == [f"gpu-{minor} placements from the driver" for minor in range(4)]
        assert all("Insufficient Permissions; taken from the shipped table" in one for one in found["leftOut"])

    def test_no_permission_for_profiles(self, machines: Machines) -> None:
        """Then all is the table's; where it lacks a figure there are no partitions."""
        faults = ["nvmlDeviceGetGpuInstanceProfileInfo=4"]
        host = machines.host(edited(A100, ("gpus.*.migMode.current", 1)))
        found = machines.discover(host, features={"dynamic_mig": True}, faults=faults)
        sound = machines.discover(host, features={"dynamic_mig": True})
        assert found["slices"] == sound["slices"]
        assert "gpu-7 profiles from the driver" in found["leftOut"][-1]
        found = machines.discover(GB200, features={"dynamic_mig": True}, faults=faults)
        assert set(devices_of(found["slices"])) == {"gpu-0", "gpu-1", "gpu-2", "gpu-3"}
        assert "not published" in found["leftOut"][0]

    def test_no_permission_for_instances(self, machines: Machines) -> None:
        """No table says where a MIG device lies that exists: it is named in the notes, not in the slices."""
        found = machines.discover(A100, faults=["nvmlDeviceGetGpuInstanceById=4"])
        assert set(devices_of(found["slices"])) == {f"gpu-{minor}" for minor in (0, *range(2, 8))}
        *each, card = found["leftOut"]
        call = "nvmlDeviceGetGpuInstanceById: Insufficient Permissions (NVML error 4)"
        assert each == [f"MIG device {index} of gpu-1: {call}" for index in range(4)]
        assert card == "gpu-1: MIG mode is on and there is no MIG device to publish"

    def test_no_permission_and_no_table(self, machines: Machines) -> None:
        host = machines.host(edited(GB200, ("gpus.*.name", "NVIDIA X1"), ("gpus.*.pci.deviceId", 0xFFFF)))
        faults = ["nvmlDeviceGetGpuInstancePossiblePlacements_v2=4"]
        found = machines.discover(host, features={"dynamic_mig": True}, faults=faults)
        assert set(devices_of(found["slices"])) == {"gpu-0", "gpu-1", "gpu-2", "gpu-3"}
        assert "no MIG table for this card (PCI device id 0xffff)" in found["leftOut"][0]

    def test_old_driver(self, machines: Machines) -> None:
        """It has not all functions; a card of its time needs none of the missing ones."""
        missing = ["nvmlDeviceGetAddressingMode", "nvmlDeviceGetMigMode", "nvmlDeviceGetModuleId"]
        features = {"dynamic_mig": True, "fabric_manager": True}
        found = machines.discover(T4, features=features, missing=missing)
        assert found["slices"] == machines.discover(T4, features=features)["slices"]
        assert not found["leftOut"]
        machines.stop(missing)

    def test_error_names_call_and_code(self, machines: Machines) -> None:
        found = machines.discover(T4, faults=["nvmlInitWithFlags=9"])
        assert (found["call"], found["code"]) == ("nvmlInitWithFlags", 9)
        assert found["error"] == "nvmlInitWithFlags: Driver Not Loaded; is the kernel module loaded? (NVML error 9)"

    def test_no_library(self, tmp_path: Path) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
        done = command("discover", environment={**environment, "GPUALLOC_HOST_ROOT": str(tmp_path)})
        assert done.returncode == 2
        assert "nvmlInitWithFlags: NVML Shared Library Not Found" in done.stderr

    def test_no_pynvml(self) -> None:
        code = "import sys; sys.modules['pynvml'] = None\nfrom gpualloc import cli; sys.exit(cli.main(['discover']))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "pip install 'gpualloc[nvml]'" in done.stderr


def watched(machines: Machines, mode: str, calls: Path) -> tuple[Json, list[str]]:
    """What is found on the sound host, and which functions that took: the library itself says it."""
    fixture, request = MODES[mode]
    return machines.discover(fixture, **request, calls=calls), calls.read_text().split()


def check(function: str, kind: str, code: int, sound: Json, found: Json) -> None:
    """Degraded as documented or a typed error; nothing made up."""
    where = f"{function}, {kind}: {found}"
    name = re.sub(r"_v\d$", "", function)
    if "error" in found:
        assert function in NEEDED or "compute domains need" in found["error"], where
        assert found["call"] == name, where
        assert function not in NEEDED or found["code"] == code, where
        return
    assert function not in NEEDED, where
    if found["slices"] != sound["slices"]:
        said = [one for one in found["leftOut"] if name in one and ("NVML error" not in one or f"error {code})" in one)]
        assert said or kind in QUIET.get(function, ()), where
    facts = facts_of(sound)
    for device in devices_of(found["slices"]).values():
        for attribute, value in device["attributes"].items():
            assert value in facts[attribute], where
        for counter in device.get("consumesCounters", []):
            assert counter["counterSet"] in facts["counter sets"], where
    assert ga.validate(found["slices"]) == [], where
    ga.Inventory.from_documents([*found["slices"], found["node"]])


def facts_of(sound: Json) -> dict[str, list[Any]]:
    """All values that each attribute has on the sound host; a card in MIG mode has its UUID as that of a parent."""
    facts: dict[str, list[Any]] = {"counter sets": []}
    for device in devices_of(sound["slices"]).values():
        for attribute, value in device["attributes"].items():
            facts.setdefault(attribute, []).append(value)
            if attribute == "parentUUID":
                facts.setdefault("uuid", []).append(value)
    facts["counter sets"] += [
        one["name"] for slices in sound["slices"] for one in slices["spec"].get("sharedCounters", [])
    ]
    return facts


class TestFewCalls:
    """Eleven calls for a GPU, five for the host; profiles once for each kind of card."""

    @pytest.mark.parametrize(
        ("features", "calls"),
        [
            ({}, 5 + 4 * 11),
            ({"shares": 4, "vfio": True, "list_attributes": True}, 5 + 4 * 11),
            # Whether the card is a guest's; 18 kinds of profile, of which the card has seven.
            ({"dynamic_mig": True}, 5 + 4 * 12 + 18 + 7),
            ({"fabric_manager": True}, 5 + 4 * 12),
            # An event set, two calls to register a GPU, one to learn that nothing has happened.
            ({"health": True}, 5 + 4 * 13 + 3),
        ],
    )
    def test_calls(self, machines: Machines, tmp_path: Path, features: Json, calls: int) -> None:
        found = machines.discover(GB200, features=features, calls=tmp_path / "calls")
        assert found["calls"] == calls
        assert len((tmp_path / "calls").read_text().split()) == calls


# --- writing down -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fixture", "features"),
    [(GB200, {"vfio": True}), (GB200, {"dynamic_mig": True}), (CONFIDENTIAL, {"confidential": True})],
)
def test_recorded_host_is_the_host(machines: Machines, tmp_path: Path, fixture: Path, features: Json) -> None:
    """What `record.py` writes down of a machine gives the same slices; on real ones too, see `test_nvml_real.py`."""
    program = [sys.executable, str(HERE / "run"), str(fixture), sys.executable, str(HERE / "record.py")]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    recorded = tmp_path / "recorded.json"
    recorded.write_text(done.stdout)
    sound = json.dumps(machines.discover(fixture, features=features, node_name="a")["slices"])
    for gpu, made in zip(json.loads(fixture.read_text())["gpus"], json.loads(done.stdout)["gpus"], strict=True):
        assert gpu["uuid"] != made["uuid"]
        sound = sound.replace(gpu["uuid"], made["uuid"])
    assert machines.discover(recorded, features=features, node_name="a")["slices"] == json.loads(sound)


# --- the engine -------------------------------------------------------------------------------------------------------


class TestQuickstart:
    """The driver's own first examples, on the host each needs."""

    @pytest.mark.parametrize("case", json.loads((HERE / "quickstart.json").read_text()), ids=lambda case: case["name"])
    def test_claims(self, machines: Machines, case: Json) -> None:
        places = [folder / f"{case['host']}.json" for folder in (HOSTS, SHARED)]
        fixture = next((path for path in places if path.exists()), None)
        if fixture is None:
            pytest.skip(f"no recordings at {SHARED}")
        found = machines.discover(fixture, features=case.get("features", {}), **case.get("arguments", {}))
        classes = json.loads((HERE / "classes.json").read_text())
        claims = [claim_of(number, spec) for number, spec in enumerate(case["claims"])]
        inventory = ga.Inventory.from_documents([*found["slices"], found["node"], *classes])
        answer = inventory.allocate(claims)
        assert answer, answer
        given = [result["device"] for one in answer.claims for result in one.to_dict()["devices"]["results"]]
        assert given == case["devices"]
        assert inventory.commit(answer)


def claim_of(number: int, spec: Json) -> Json:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": f"claim-{number}", "namespace": "default", "uid": f"uid-{number}"},
        "spec": {"devices": spec},
    }


# --- the command line -------------------------------------------------------------------------------------------------


def command(
    *arguments: str,
    host: Path | None = None,
    environment: dict[str, str] | None = None,
    before: Sequence[str] = (),
) -> Any:
    program = [sys.executable, "-m", "gpualloc", *arguments]
    before = before if host is None else [sys.executable, str(HERE / "run"), str(host)]
    return subprocess.run([*before, *program], capture_output=True, text=True, check=False, env=environment)


class TestCommand:
    def test_json_and_yaml_are_the_recording(self) -> None:
        golden = json.loads((HOSTS / "t4-x2.default.slices.json").read_text())["slices"]
        done = command("discover", "-o", "json", host=T4)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == {"apiVersion": "v1", "kind": "List", "items": golden}
        assert yaml.safe_load(command("discover", "-o", "yaml", host=T4).stdout)["items"] == golden

    def test_options(self) -> None:
        options = ["--node-name", "a", "--node-uid", "u", "--shares", "2", "--kubernetes", "1.34", "--with-node"]
        done = command("discover", *options, "--dynamic-mig", "-o", "json", host=A100)
        node, *slices = json.loads(done.stdout)["items"]
        assert node["metadata"]["name"] == "a"
        assert {one["metadata"]["ownerReferences"][0]["uid"] for one in slices} == {"u"}
        assert len(slices) == 8
        assert len(slices[1]["spec"]["sharedCounters"]) == 1
        assert slices[1]["spec"]["devices"][0]["capacity"]["shares"]["value"] == "2"

    def test_table(self) -> None:
        done = command(
            "discover", "--health", "--event", "xid:1:48", "--event", "xid:0:77", "--nonfatal-xid", "77", host=T4
        )
        header, first, second = done.stdout.splitlines()
        assert header == "DEVICE   TYPE   PRODUCT    MEMORY   PCI            TAINTS"
        assert first == "gpu-0    gpu    Tesla T4   15Gi     0000:00:1e.0   gpu.nvidia.com/xid:None"
        assert second.endswith("gpu.nvidia.com/unmonitored:None, gpu.nvidia.com/xid:NoSchedule")

    def test_no_gpu(self, tmp_path: Path) -> None:
        fixture = tmp_path / "none.json"
        fixture.write_text(json.dumps({**edited(T4, ("gpus", [])), "description": "\u2013 nothing", "weight": 1.5e3}))
        done = command("discover", host=fixture)
        assert (done.returncode, done.stdout, done.stderr) == (0, "no devices\n", "")

    def test_clique_below_the_table(self) -> None:
        done = command("discover", "--compute-domain", host=GB200)
        assert done.stdout.endswith("node label nvidia.com/gpu.clique=7ea5b2a2-1871-56b5-aa32-0270907e29f8.32766\n")

    def test_limits(self) -> None:
        done = command("discover", "-o", "json", host=RTX)
        assert "warning: an API server will refuse this: gpu-0-mig-4g96gb-0-0: has 33 attributes" in done.stderr
        assert len(ga.validate(json.loads(done.stdout)["items"])) == 1
        done = command("discover", "-o", "json", "--within-limits", host=RTX)
        assert "note: left out: gpu-0-mig-4g96gb-0-0: has 33 attributes" in done.stderr
        assert ga.validate(json.loads(done.stdout)["items"]) == []

    def test_into_allocate(self, tmp_path: Path) -> None:
        found = tmp_path / "host.yaml"
        found.write_text(command("discover", "--with-node", "--with-classes", "-o", "yaml", host=T4).stdout)
        request = {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}
        claims = tmp_path / "claims.json"
        claims.write_text(json.dumps(claim_of(0, {"requests": [request]})))
        done = command("allocate", "-f", str(found), str(claims), "-o", "json")
        assert json.loads(done.stdout)["claims"][0]["allocation"]["devices"]["results"][0]["device"] == "gpu-0"

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (["--dynamic-mig", "--vfio"], "dynamic_mig: excludes vfio"),
            (["--event", "lost"], "events: mean nothing without health"),
            (["--nonfatal-xid", "7"], "nonfatal_xids: mean nothing without health"),
            (["--health", "--event", "xid:0"], "event: 'xid:0' is neither"),
            (["--shares", "0"], "shares: 0 is not memory"),
            (["--node-name", "A_b"], "node_name: 'A_b' is not a name"),
            (["--compute-domain", "--vfio"], "compute_domain: publishes no GPUs"),
            (["--node-name", ""], "node_name: '' is not a name"),
            (["--kubernetes", "new"], "kubernetes: 'new' is not a version"),
            (["--fabric-manager", "--fabric-partitions", "/nowhere"], "/nowhere: No such file"),
            (["--fabric-partitions", str(T4)], "fabric partitions: partitions: must be a list"),
        ],
    )
    def test_bad_input(self, arguments: list[str], error: str) -> None:
        done = command("discover", *arguments, host=T4)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {error}")
