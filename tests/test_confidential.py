"""Confidential computing: what devices say of it, legal shapes, and claims that demand it.

Without this file nobody would notice if a claim for attested production GPUs were given a device in development mode or
with an expired verdict, if part of a host in protected PCIe were given away, or if a mode were made up.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc import nvml
from gpualloc.nvml import confidential
from gpualloc.nvml.confidential.state import state_of
from nvml_hosts import HERE, HOSTS, Json, Machines, devices_of, edited
from test_attestation import HOUR, NOON, verdict
from test_nvml import claim_of, command
from test_nvml_plain import hosts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="the stand-in library needs a C compiler"),
    pytest.mark.parallel_threads(1),
]

ONE, EIGHT, GB200, T4 = (HOSTS / f"{name}.json" for name in ("h100-cc-x1", "h100-ppcie-x8", "gb200-x4", "t4-x2"))
ON: Json = {"confidential": True}
SINGLE = (("confCompute.ccFeature", 1), ("confCompute.multiGpuMode", 0))
ENCRYPTED = (
    ("confCompute", {"cpuCaps": 2, "gpusCaps": 1, "environment": 2, "ccFeature": 1, "multiGpuMode": 2, "gpusReady": 1}),
    *((f"gpus.{index}.confComputeMemory", {"protectedKiB": 194018304}) for index in range(4)),
)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with Machines() as made:
        yield made


def said(device: Json) -> Json:
    """What a device says of confidential computing, without the domain."""
    prefix = f"{confidential.DOMAIN}/"
    return {
        name.removeprefix(prefix): next(iter(value.values()))
        for name, value in device["attributes"].items()
        if name.startswith(prefix)
    }


def taints(device: Json) -> list[tuple[str, str]]:
    prefix = f"{confidential.DOMAIN}/"
    assert {one["effect"] for one in device.get("taints", [])} <= {"NoSchedule"}
    return [(one["key"].removeprefix(prefix), one.get("value", "")) for one in device.get("taints", [])]


# --- the state --------------------------------------------------------------------------------------------------------


class TestState:
    # Codes of NVML: feature, modes for several GPUs, development mode, capability; then the mode.
    @pytest.mark.parametrize(
        ("feature", "multi", "devtools", "capable", "mode"),
        [
            (0, 0, 0, 1, "off"),
            (0, 0, 1, 1, "off"),
            (0, None, 0, 1, "off"),
            (1, 0, 0, 1, "on"),
            (1, None, 0, 1, "on"),
            (0, 1, 0, 1, "ppcie"),
            (1, 1, 0, 1, "ppcie"),
            (1, 2, 0, 1, "nvle"),
            (1, 0, 1, 1, "devtools"),
            (1, 2, 1, 1, "devtools"),
            (0, 1, 1, 1, "devtools"),
            (1, 7, 0, 1, None),
            (None, None, None, 0, "off"),
            (None, None, None, None, None),
        ],
    )
    def test_mode(
        self, feature: int | None, multi: int | None, devtools: int | None, capable: int | None, mode: str | None
    ) -> None:
        known = nvml.Confidential(feature=feature, multi_gpu=multi, devtools=devtools, gpu_caps=capable)
        state, noted = state_of(known)
        assert state.mode == mode
        assert [one.what for one in noted] == (["attribute multiGPU of confidential computing"] if multi == 7 else [])

    @pytest.mark.parametrize(
        ("labels", "mode"),
        [
            ({"nvidia.com/cc.mode": "on"}, "on"),
            ({"nvidia.com/cc.mode": "ppcie"}, "ppcie"),
            ({"nvidia.com/cc.mode": "on", "nvidia.com/cc.mode.state": "off"}, "off"),
            ({"nvidia.com/cc.mode": "on", "nvidia.com/cc.mode.state": "failed"}, None),
            ({"nvidia.com/gpu.present": "true"}, None),
        ],
    )
    def test_label(self, labels: dict[str, str], mode: str | None) -> None:
        """What was applied goes before what was asked for."""
        assert confidential.label_in(labels) == mode

    def test_label_that_means_nothing(self) -> None:
        with pytest.raises(ga.InvalidInputError, match=r"Node a: metadata.labels\[nvidia.com/cc.mode\]: 'yes' is none"):
            confidential.label_in({"nvidia.com/cc.mode": "yes"}, "a")

    def test_nvml_goes_before_the_label(self) -> None:
        state, noted = state_of(nvml.Confidential(feature=1, multi_gpu=0, devtools=1, label="on"))
        assert state.mode == "devtools"
        assert "label says 'on', NVML says 'devtools'" in str(noted[0])

    def test_travels_as_json(self) -> None:
        host = nvml.Host(confidential=nvml.Confidential(cpu_caps=2, feature=1, switches=("0000:07:00.0",)))
        assert nvml.from_document(json.loads(json.dumps(nvml.to_document(host)))) == host


# --- devices ----------------------------------------------------------------------------------------------------------


class TestDevices:
    def test_on(self, machines: Machines) -> None:
        found = machines.discover(ONE, features=ON)
        (device,) = devices_of(found["slices"]).values()
        assert said(device) == {
            "mode": "on",
            "attested": False,
            "environment": "production",
            "capable": True,
            "cpu": "tdx",
            "multiGPU": "none",
            "ready": True,
            "protectedMemory": 83450880 << 10,
        }
        assert device["capacity"] == {"memory": {"value": "81495Mi"}}
        assert (taints(device), found["leftOut"]) == ([], [])

    @pytest.mark.parametrize("fixture", [GB200, T4, HOSTS / "rtxpro6000-x3-static.json"], ids=lambda path: path.stem)
    @pytest.mark.parametrize("features", [{}, {"vfio": True}, {"shares": 4}])
    def test_off_changes_nothing_else(self, machines: Machines, fixture: Path, features: Json) -> None:
        plain = machines.discover(fixture, features=features)
        found = machines.discover(fixture, features={**features, **ON})
        for device in devices_of(found["slices"]).values():
            assert said(device)["mode"] == "off"
            assert not taints(device)
            for name in said(device):
                del device["attributes"][f"{confidential.DOMAIN}/{name}"]
        assert found["slices"] == plain["slices"]
        assert found["leftOut"] == plain["leftOut"]

    def test_hardware_without(self, machines: Machines) -> None:
        device = devices_of(machines.discover(T4, features=ON)["slices"])["gpu-0"]
        assert said(device) == {"mode": "off", "attested": False, "capable": False}

    def test_memory_that_is_not_known(self, machines: Machines) -> None:
        found = machines.discover(machines.host(edited(ONE, ("gpus.0.confComputeMemory", None))), features=ON)
        device = devices_of(found["slices"])["gpu-0"]
        assert "protectedMemory" not in said(device)
        assert device["capacity"]["memory"]["value"] == "81559Mi"
        assert "gpu-0 protected memory: nvmlDeviceGetConfComputeMemSizeInfo: Not Supported" in found["leftOut"][0]

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (("confCompute.devToolsMode", 1), [("devtools", "")]),
            (("confCompute.gpusReady", 0), [("not-ready", "")]),
        ],
    )
    def test_taint(self, machines: Machines, change: tuple[str, object], expected: list[Any]) -> None:
        found = machines.discover(machines.host(edited(ONE, change)), features=ON)
        assert taints(devices_of(found["slices"])["gpu-0"]) == expected

    def test_beside_taints_of_health(self, machines: Machines) -> None:
        host = machines.host(edited(ONE, ("confCompute.devToolsMode", 1)))
        found = machines.discover(host, features={**ON, "health": True}, events="xid:0:48")
        keys = [one["key"] for one in devices_of(found["slices"])["gpu-0"]["taints"]]
        assert keys == ["cc.gpualloc/devtools", "gpu.nvidia.com/xid"]

    def test_few_calls(self, machines: Machines) -> None:
        """Two for a host where it is off, and the fabric of each GPU; where it is on also readiness and memory."""
        assert machines.discover(GB200, features=ON)["calls"] == machines.discover(GB200)["calls"] + 2 + 4
        assert machines.discover(ONE, features=ON)["calls"] == machines.discover(ONE)["calls"] + 3 + 2

    @pytest.mark.parametrize("features", [{}, {"shares": 2}])
    def test_mig_by_demand_only(self, machines: Machines, features: Json) -> None:
        features |= {**ON, "dynamic_mig": True}
        found = machines.discover(ONE, features=features)
        assert set(devices_of(found["slices"])) == {"gpu-0"}
        assert found["leftOut"][0].startswith("MIG devices of gpu-0: confidential computing takes whole GPUs only")
        found = machines.discover(ONE, features={**features, "confidential_mig": True})
        part = devices_of(found["slices"])["gpu-0-mig-1g10gb-19-0"]
        assert said(part) == {"mode": "on", "environment": "production", "attested": False}
        assert ga.validate(found["slices"]) == []


# --- shapes -----------------------------------------------------------------------------------------------------------


def inventory(found: Json) -> ga.Inventory:
    classes = json.loads((HERE / "classes.json").read_text())
    return ga.Inventory.from_documents([*found["slices"], found["node"], *classes, *confidential.DEVICE_CLASSES])


def asking(number: int, kind: str, selector: str = "true", **exactly: Any) -> Json:
    request = {"deviceClassName": kind, "selectors": [{"cel": {"expression": selector}}], **exactly}
    return claim_of(number, {"requests": [{"name": "it", "exactly": request}]})


GPU, WHOLE, WHOLE_VFIO = "gpu.nvidia.com", "ppcie.cc.gpualloc", "ppcie-vfio.cc.gpualloc"
CONNECTED = "cc.gpualloc/island"


def connected(number: int, count: int) -> Json:
    request = {"name": "it", "exactly": {"deviceClassName": GPU, "count": count}}
    return claim_of(number, {"requests": [request], "constraints": [{"matchAttribute": CONNECTED}]})


class TestShapes:
    def test_protected_pcie_is_one_device(self, machines: Machines) -> None:
        found = machines.discover(EIGHT, features=ON)
        counters, devices = found["slices"]
        (device,) = devices["spec"]["devices"]
        (counter_set,) = counters["spec"]["sharedCounters"]
        # Eight GPUs and four switches; nothing of them is left.
        assert len(counter_set["counters"]) == 12
        assert device["consumesCounters"] == [{"counterSet": counter_set["name"], "counters": counter_set["counters"]}]
        uuids = [gpu["uuid"] for gpu in json.loads(EIGHT.read_text())["gpus"]]
        answer = inventory(found).allocate(asking(0, WHOLE))
        assert list(nvml.visible(answer, found["slices"])) == uuids
        assert [said(device)[f"member{number}"] for number in range(8)] == uuids
        assert {**said(device), "island": 0}.items() >= {"mode": "ppcie", "gpus": 8, "switches": 4}.items()
        assert device["attributes"]["productName"] == {"string": "NVIDIA H100 80GB HBM3"}
        assert device["capacity"]["memory"]["value"] == f"{8 * 81495}Mi"
        assert ga.validate(found["slices"]) == []

    def test_protected_pcie_is_all_or_nothing(self, machines: Machines) -> None:
        cluster = inventory(machines.discover(EIGHT, features=ON))
        for count in (1, 2, 8):
            assert not cluster.allocate(asking(0, GPU, count=count))
        answer = cluster.allocate(asking(1, WHOLE))
        assert answer
        assert not cluster.commit(answer).allocate(asking(2, WHOLE))

    def test_guest_and_passthrough_exclude_each_other(self, machines: Machines) -> None:
        found = machines.discover(EIGHT, features={**ON, "vfio": True})
        assert set(devices_of(found["slices"])) == {"ppcie", "ppcie-vfio"}
        assert said(devices_of(found["slices"])["ppcie-vfio"])["member0"] == "0000:1b:00.0"
        cluster = inventory(found)
        for one, other in ((WHOLE, WHOLE_VFIO), (WHOLE_VFIO, WHOLE)):
            answer = cluster.allocate(asking(1, one))
            assert answer
            assert not cluster.commit(answer).allocate(asking(2, other))

    def test_part_of_a_host_is_no_shape(self, machines: Machines) -> None:
        found = machines.discover(machines.host(edited(EIGHT, ("gpus.5.lost", 1))), features=ON)
        assert not devices_of(found["slices"])
        assert "takes all 8 GPUs of the host or none, and 7 are published" in found["leftOut"][1]

    @pytest.mark.parametrize("unread", [0, 1])
    def test_what_cannot_be_read_is_missing(self, tmp_path: Path, unread: int) -> None:
        """A passthrough GPU that cannot be read makes the host incomplete; one that says less does not."""
        for number in range(1, 9):
            device = tmp_path / "sys" / "bus" / "pci" / "devices" / f"0000:{number:02x}:00.0"
            device.mkdir(parents=True)
            for name, text in (("vendor", "0x10de"), ("class", "0x030200"), ("device", "0x2330"), ("resource", "")):
                (device / name).write_text(text)
            if unread and number == 1:
                (device / "resource").unlink()
        found = nvml.discover(
            "a", confidential=True, vfio=True, host_root=tmp_path, node_labels={"nvidia.com/cc.mode": "ppcie"}
        )
        # Neither root nor NUMA node could be told, which is noted too.
        assert len(found.left_out) > 8
        assert (found.host.pci_unread, len(found.host.pci_gpus)) == (unread, 8 - unread)
        assert set(devices_of(found.slices)) == (set() if unread else {"ppcie-vfio"})

    def test_old_layout(self, machines: Machines) -> None:
        (one,) = machines.discover(EIGHT, features={**ON, "kubernetes": "1.34"})["slices"]
        assert set(one["spec"]) >= {"sharedCounters", "devices"}

    def test_no_mig_in_it(self, machines: Machines) -> None:
        host = edited(EIGHT, ("gpus.3.migMode", {"current": 1, "pending": 1}))
        fixture = machines.host(host)
        found = machines.discover(fixture, features={**ON, "confidential_mig": True})
        assert not devices_of(found["slices"])
        assert "all 8 GPUs of the host or none, and 7 are published" in found["leftOut"][-1]
        # Where the driver would switch the mode off by itself, there is a whole host, and nothing but it.
        found = machines.discover(fixture, features={**ON, "confidential_mig": True, "dynamic_mig": True})
        assert set(devices_of(found["slices"])) == {"ppcie"}
        assert found["leftOut"][-1].endswith("protected PCIe takes whole GPUs only")

    def test_islands(self, machines: Machines) -> None:
        """Absent where NVLink would carry plain text; else what they are without confidential computing."""
        hopper = machines.discover(machines.host(edited(EIGHT, *SINGLE)), features=ON)
        assert len(devices_of(hopper["slices"])) == 8
        assert {said(one)["mode"] for one in devices_of(hopper["slices"]).values()} == {"on"}
        assert not inventory(hopper).allocate(connected(0, 2))
        assert inventory(hopper).allocate(asking(0, GPU))
        off = machines.discover(machines.host(edited(EIGHT, ("confCompute.multiGpuMode", 0))), features=ON)
        assert inventory(off).allocate(connected(0, 8))
        blackwell = machines.discover(machines.host(edited(GB200, *ENCRYPTED)), features=ON)
        assert {said(one)["mode"] for one in devices_of(blackwell["slices"]).values()} == {"nvle"}
        assert inventory(blackwell).allocate(connected(0, 4))
        broken = machines.host(edited(GB200, *ENCRYPTED, ("gpus.2.fabric.state", 2)))
        assert not inventory(machines.discover(broken, features=ON)).allocate(connected(0, 4))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    content=hosts(),
    state=st.fixed_dictionaries(
        {
            "cpuCaps": st.integers(0, 5),
            "gpusCaps": st.integers(0, 1),
            "environment": st.integers(0, 3),
            "ccFeature": st.integers(0, 1),
            "devToolsMode": st.integers(0, 1),
            "multiGpuMode": st.integers(0, 3),
            "gpusReady": st.integers(0, 1),
        }
    ),
    features=st.sampled_from([{}, {"vfio": True}, {"dynamic_mig": True}, {"shares": 3}]),
)
def test_any_host(machines: Machines, content: Json, state: Json, features: Json) -> None:
    """Within limits and legal, whatever the driver says: one mode, whole hosts whole, no MIG devices where it is on."""
    fixture = machines.host({**content, "confCompute": state})
    found = machines.discover(fixture, features={**features, **ON, "within_limits": True})
    machines.forget(fixture)
    devices = list(devices_of(found["slices"]).values())
    assert ga.validate(found["slices"]) == []
    assert not ga.Inventory.from_documents([*found["slices"], found["node"]]).report
    is_on = bool(state["ccFeature"] or state["multiGpuMode"])
    kinds = {device["attributes"]["type"]["string"] for device in devices}
    if is_on:
        assert "mig" not in kinds
    if state["multiGpuMode"] == 1:
        assert kinds <= {"ppcie", "ppcie-vfio"}
        lost = any(gpu["lost"] for gpu in content["gpus"])
        assert ("ppcie" in kinds) <= (not lost and bool(content["gpus"]))
    for device in devices:
        # A code that is not known is no mode, except where debuggers are let in, which is bad whatever it is.
        assert ("mode" in said(device)) == (not is_on or bool(state["devToolsMode"]) or state["multiGpuMode"] != 3)
        assert (("devtools", "") in taints(device)) == (is_on and bool(state["devToolsMode"]))


# --- claims -----------------------------------------------------------------------------------------------------------


def described(machines: Machines, fixture: Path, **features: Any) -> nvml.Host:
    found = machines.discover(fixture, features={**ON, **features})
    return nvml.from_document(found["host"])


def published(host: nvml.Host, *given_verdicts: confidential.Verdict, at: datetime = NOON) -> Json:
    made = nvml.publish(
        host, "a", nvml.Features(confidential=True), attestation=confidential.Attestation(given_verdicts, at)
    )
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}
    return {"slices": made.slices, "node": node, "leftOut": [str(one) for one in made.left_out]}


class TestClaims:
    """Attested, in production: said in CEL, answered by the engine."""

    def test_only_while_the_verdict_holds(self, machines: Machines) -> None:
        host = described(machines, ONE)
        claim = asking(0, GPU, confidential.ATTESTED_PRODUCTION)
        assert not inventory(published(host)).allocate(claim)
        assert inventory(published(host, verdict())).allocate(claim)
        late = published(host, verdict(), at=NOON + HOUR)
        assert taints(devices_of(late["slices"])["gpu-0"]) == [("attestation", "expired")]
        # Nobody gets the device then, not even who did not ask for an attestation, unless it tolerates that.
        assert not inventory(late).allocate(asking(0, GPU))
        tolerations = [{"key": "cc.gpualloc/attestation", "operator": "Exists"}]
        assert inventory(late).allocate(asking(0, GPU, tolerations=tolerations))
        assert not inventory(late).allocate(asking(0, GPU, confidential.ATTESTED_PRODUCTION, tolerations=tolerations))

    @pytest.mark.parametrize(
        ("change", "tolerated"),
        [
            ({"devtools": 1}, "devtools"),
            ({"environment": 1}, "none"),
            ({"feature": 0}, "none"),
        ],
    )
    def test_never_for_development(self, machines: Machines, change: Json, tolerated: str) -> None:
        host = described(machines, ONE)
        assert host.confidential
        host = replace(host, confidential=replace(host.confidential, **change))
        tolerations = [{"key": f"cc.gpualloc/{tolerated}", "operator": "Exists"}]
        cluster = inventory(published(host, verdict()))
        assert cluster.allocate(asking(0, GPU, tolerations=tolerations))
        assert not cluster.allocate(asking(0, GPU, confidential.ATTESTED_PRODUCTION, tolerations=tolerations))

    def test_devices_that_say_nothing(self, machines: Machines) -> None:
        """No error of CEL: they are just not what is asked for."""
        answer = inventory(machines.discover(T4)).allocate(asking(0, GPU, confidential.ATTESTED_PRODUCTION))
        assert answer.outcome == "impossible"

    def test_of_single_gpus(self, machines: Machines) -> None:
        host = described(machines, machines.host(edited(EIGHT, *SINGLE)))
        uuids = [gpu.uuid for gpu in host.gpus]
        found = published(host, verdict(-1, 1, uuids[2]), verdict(-1, 1, "0000:61:00.0"), verdict(-1, 1, "GPU-none"))
        cluster = inventory(found)
        assert not cluster.allocate(asking(0, GPU, confidential.ATTESTED_PRODUCTION, count=3))
        answer = cluster.allocate(asking(0, GPU, confidential.ATTESTED_PRODUCTION, count=2))
        given_devices = [one["device"] for one in answer.claims[0].to_dict()["devices"]["results"]]
        assert given_devices == ["gpu-2", "gpu-3"]
        assert found["leftOut"] == ["attestation of GPU-none: no published device is meant by it"]

    def test_of_a_whole_host(self, machines: Machines) -> None:
        host = described(machines, EIGHT)
        claim = asking(0, WHOLE, confidential.ATTESTED_PRODUCTION)
        uuids = [gpu.uuid for gpu in host.gpus]
        assert not inventory(published(host, verdict(-1, 1, *uuids[1:]))).allocate(claim)
        found = published(host, verdict(-1, 2, *uuids[1:]), verdict(-1, 1, uuids[0]))
        assert inventory(found).allocate(claim)
        device = devices_of(found["slices"])["ppcie"]
        assert said(device)["attestedUntil"] == "2026-01-31T13:00:00Z"
        assert said(device)["verifier"] == "verifier.example"
        assert ga.validate(found["slices"]) == []
        assert taints(devices_of(published(host, verdict(-1, 1, uuids[3]), at=NOON + HOUR)["slices"])["ppcie"])

    def test_from_the_future(self, machines: Machines) -> None:
        found = published(described(machines, ONE), verdict(0.5, 1))
        assert found["leftOut"] == ["an attestation: it is from after the time asked about"]
        assert said(devices_of(found["slices"])["gpu-0"])["attested"] is False


class TestPage:
    """`docs/confidential-computing.md`, as a reader would use it."""

    PAGE = (HERE.parents[1] / "docs" / "confidential-computing.md").read_text()

    def block(self, language: str) -> str:
        found = re.search(rf"```{language}\n(.*?)```", self.PAGE, re.DOTALL)
        assert found
        return found[1]

    def test_claim(self, machines: Machines) -> None:
        claim = yaml.safe_load(self.block("yaml"))
        (request,) = claim["spec"]["devices"]["requests"]
        assert request["exactly"]["selectors"][0]["cel"]["expression"] == confidential.ATTESTED_PRODUCTION
        given_verdicts = confidential.verdicts_from(json.loads(self.block("json")))
        host = described(machines, ONE)
        assert inventory(published(host, *given_verdicts)).allocate(claim)
        assert not inventory(published(host, *given_verdicts, at=NOON + HOUR)).allocate(claim)

    def test_attributes(self, machines: Machines) -> None:
        """All that are published stand in the table, and nothing else does."""
        table = dict(re.findall(r"^\| `(\w+?)0?`[^|]*\| (string|bool|int) \|", self.PAGE, re.MULTILINE))
        table |= dict(re.findall(r"^\| `(\w+)` \| (string|bool|int) \|", self.PAGE, re.MULTILINE))
        kinds: Json = {}
        for fixture in (ONE, EIGHT):
            for device in devices_of(published(described(machines, fixture), verdict())["slices"]).values():
                for name, value in said(device).items():
                    kind = {bool: "bool", int: "int", str: "string"}[type(value)]
                    kinds[name.rstrip("01234567")] = kind
        assert table == kinds


# --- the command line -------------------------------------------------------------------------------------------------


class TestCommand:
    def test_without_nvml(self, tmp_path: Path) -> None:
        """All GPUs are in virtual machines: no driver on the host, and the label says the mode."""
        fault = [f"{HERE / 'run'}", "--fault", "nvmlInitWithFlags=9", str(EIGHT)]
        arguments = ["--vfio", "--confidential", "--node-label", "nvidia.com/cc.mode=ppcie", "-o", "json"]
        done = command("discover", *arguments, before=fault)
        assert done.returncode == 0
        (device,) = devices_of(json.loads(done.stdout)["items"]).values()
        assert said(device).items() >= {"mode": "ppcie", "gpus": 8, "switches": 4, "attested": False}.items()
        assert "everything that NVML says: nvmlInitWithFlags: Driver Not Loaded" in done.stderr
        assert command("discover", "--vfio", "--confidential", before=fault).returncode == 2
        table = tmp_path / "links.json"
        assert command("discover", *arguments, "--links", str(table), before=fault).returncode == 0
        assert json.loads(table.read_text())["spec"]["devices"] == []

    def test_attestation(self, tmp_path: Path) -> None:
        file = tmp_path / "verdicts.json"
        row = {"passed": True, "issuedAt": "2026-01-31T11:00:00Z", "expiresAt": 1769864400}
        file.write_text(json.dumps({"verdicts": [row]}))
        arguments = ["--confidential", "--attestation", str(file), "--with-node", "--node-label", "a=b", "-o", "json"]
        for at, attested in (("2026-01-31T12:00:00Z", True), ("2026-01-31T14:00:00+01:00", False)):
            done = command("discover", *arguments, "--at", at, host=ONE)
            node, *slices = json.loads(done.stdout)["items"]
            assert said(devices_of(slices)["gpu-0"])["attested"] is attested
            assert node["metadata"]["labels"] == {"a": "b"}

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (["--confidential-mig"], "confidential_mig: means nothing without confidential"),
            (["--attestation", "x"], "--attestation and --at: mean something only together"),
            (["--confidential", "--at", "now", "--attestation", str(T4)], "attestation: verdicts: must be a list"),
            (["--node-label", "on"], "--node-label: 'on' is not of the form"),
            (["--confidential", "--node-label", "nvidia.com/cc.mode=x"], "Node cvm-h100: metadata.labels"),
            (["--compute-domain", "--confidential"], "compute_domain: publishes no GPUs"),
        ],
    )
    def test_bad_input(self, arguments: list[str], error: str) -> None:
        done = command("discover", *arguments, host=ONE)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {error}")
