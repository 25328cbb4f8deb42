"""Printed scripts, run for real against stand-ins for a node's tools (`tests/prepare/node.py`).

Without this file the shell that people run could name another GPU than the plan, leave a value empty, or not take back
what it did: nothing else executes it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gpualloc import prepare
from gpualloc.prepare import steps as do
from prepare_cases import DOMAIN, FOLDER, claim, compact, opaque, plan, recordings
from test_prepare import allowed, cases, made

if TYPE_CHECKING:
    from pathlib import Path

    from cluster import Json

TOOLS = (
    "nvidia-smi",
    "nvidia-cuda-mps-control",
    "mount",
    "umount",
    "unshare",
    "kubectl",
    "fmpm",
    "fuser",
    "modprobe",
    "sleep",
)
PROFILES = {"19": ["1g.10gb", 1], "14": ["2g.20gb", 2], "9": ["3g.40gb", 4], "0": ["7g.80gb", 8]}


class Node:
    """A folder with the tools, and what a node of the recordings looks like."""

    def __init__(self, root: Path, node: str) -> None:
        self.root = root
        (root / "bin").mkdir()
        for tool in TOOLS:
            path = root / "bin" / tool
            # Isolated and without site: a script starts many of them.
            path.write_text(f"#!{sys.executable} -IS\n{(FOLDER / 'node.py').read_text()}")
            path.chmod(0o755)
        # The scripts' own commands, and no other tool of this machine.
        for tool in ("sh", "env", "awk", "cat", "rm", "mkdir", "mv", "ls", "basename", "readlink", "dirname"):
            (root / "bin" / tool).symlink_to(str(shutil.which(tool)))
        gpus = self.gpus(node)
        state: Json = {
            "gpus": gpus,
            "daemons": {},
            "mounts": {},
            "labels": {},
            "partitions": [],
            "open": [],
            "calls": [],
        }
        self.write({**state, "profiles": PROFILES, "next": 6})
        (root / "proc").mkdir(exist_ok=True)
        lines = "Character devices:\n  1 mem\n235 nvidia-caps\n240 nvidia-caps-imex-channels\n195 nvidia-nvswitch\n"
        (root / "proc" / "devices").write_text(lines)
        for gpu in gpus.values():
            self.sysfs(gpu)

    def gpus(self, node: str) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for document in recordings()[node]:
            for one in document["spec"].get("devices", []):
                attributes = one.get("attributes", {})
                if attributes.get("type", {}).get("string") in ("gpu", "mig") and "-" in one["name"]:
                    uuid = attributes.get("parentUUID", attributes.get("uuid"))["string"]
                    gpu = found.setdefault(
                        uuid,
                        {
                            "bus": attributes["resource.kubernetes.io/pciBusID"]["string"],
                            "minor": int(one["name"].split("-")[1]),
                            "product": attributes["productName"]["string"],
                            "driver": "nvidia",
                            "mig": "uuid" in attributes and "parentUUID" in attributes,
                            "mode": "DEFAULT",
                            "slice": 0,
                            "persistence": True,
                            "instances": [],
                        },
                    )
                    if gpu["mig"]:
                        gpu["instances"].append(self.instance(gpu, one, len(gpu["instances"]) + 1))
        return found

    def instance(self, gpu: Json, one: Json, number: int) -> Json:
        *_, profile, start = one["name"].split("-")
        size = len([name for name in one["capacity"] if name.startswith("memorySlice")])
        folder = self.root / f"proc/driver/nvidia/capabilities/gpu{gpu['minor']}/mig/gi{number}"
        for path, minor in ((folder / "access", 100 + number), (folder / "ci0" / "access", 200 + number)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"DeviceFileMinor: {minor}\nDeviceFileMode: 292\n")
        name, uuid = one["attributes"]["profile"]["string"], one["attributes"]["uuid"]["string"]
        return {
            "id": number,
            "profile": int(profile),
            "name": name,
            "start": int(start),
            "size": size,
            "uuid": uuid,
            "full": 1,
        }

    def sysfs(self, gpu: Json) -> None:
        device = self.root / "sys/bus/pci/devices" / gpu["bus"]
        (device / "driver").mkdir(parents=True)
        (device / "vfio-dev" / f"vfio{gpu['minor']}").mkdir(parents=True)
        (device / "sriov_numvfs").write_text("0\n")
        (device / "iommu_group").symlink_to(f"../groups/{40 + gpu['minor']}")
        information = self.root / "proc/driver/nvidia/gpus" / gpu["bus"] / "information"
        information.parent.mkdir(parents=True)
        information.write_text(f"Model: \t\t X\nDevice Minor: \t {gpu['minor']}\n")

    def write(self, state: Json) -> None:
        (self.root / "state.json").write_text(json.dumps(state))

    def state(self) -> Json:
        return dict(json.loads((self.root / "state.json").read_text()))

    def settings(self) -> Json:
        state = self.state()
        return {key: value for key, value in state.items() if key not in ("calls", "next", "waited")}

    def run(self, *plans: prepare.Plan) -> subprocess.CompletedProcess[str]:
        script = prepare.shell(plans)
        for folder in ("/proc/", "/sys/", "/var/run/", "/var/lib/"):
            script = script.replace(folder, f"{self.root}{folder}")
        script = script.replace("tries=60", "tries=3")
        environment = {"PATH": str(self.root / "bin"), "NODE": str(self.root), "LC_ALL": "C"}
        command = [str(self.root / "bin" / "sh"), "-s"]
        return subprocess.run(command, input=script, text=True, capture_output=True, env=environment, check=False)

    def specification(self, one: prepare.Plan) -> Json:
        [path] = one.cdi_specs
        return dict(json.loads((self.root / path[1:]).read_text()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    # Awk, mkdir and the like are this machine's own.
    assert os.name == "posix"
    return tmp_path


def told(one: prepare.Plan, state: Json) -> dict[tuple[str, str], str | int]:
    """What the steps of a plan tell on a stand-in node, found without the script."""
    found: dict[tuple[str, str], str | int] = {("imex-channels", "major"): 240}
    for step in one.steps:
        if isinstance(step, do.CreateMigInstance | do.FindMigInstance):
            [gi] = [
                each
                for each in state["gpus"][step.gpu]["instances"]
                if (each["profile"], each["start"]) == (step.profile_id, step.start)
            ]
            values = {"uuid": gi["uuid"], "gi": gi["id"], "ci": 0, "major": 235}
            values |= {"giMinor": 100 + gi["id"], "ciMinor": 200 + gi["id"]}
            found |= {(step.device, name): value for name, value in values.items()}
        elif isinstance(step, do.FindVfioDevice):
            minor = next(gpu["minor"] for gpu in state["gpus"].values() if gpu["bus"] == step.bus_id)
            found[step.device, "node"] = f"vfio{minor}" if step.iommu_fd else str(40 + minor)
    return found


def run_there_and_back(node: Node, one: prepare.Plan) -> Json:
    """Runs a plan and what undoes it; gives the state between the two."""
    before = node.settings()
    done = node.run(one)
    assert done.returncode == 0, done.stderr
    between = node.state()
    resolved = one.resolved(told(one, between))
    printed = dict(line.split("=", 1) for line in done.stdout.splitlines())
    wanted = {} if one.environments[0].problem else resolved.environment()
    assert printed == {name: value.replace("/var/", f"{node.root}/var/", 1) for name, value in wanted.items()}
    for path, specification in resolved.cdi_specs.items():
        text = json.dumps(specification).replace("/var/", f"{node.root}/var/")
        assert json.loads((node.root / path[1:]).read_text()) == json.loads(text)
    undone = node.run(prepare.unprepare(one))
    assert undone.returncode == 0, undone.stderr
    assert undone.stdout == ""
    assert node.settings() == before
    assert [path for path in node.root.glob("var/**/*") if path.is_file()] == []
    return between


class TestThereAndBack:
    # One of each kind: every tool is a process.
    @pytest.mark.parametrize(
        "name",
        [
            "an existing MIG device is only looked up",
            "time slices by UUID",
            "MPS limits; places are among the UUIDs, sorted",
            "MPS on MIG devices needs no compute mode; processes use the node's shared memory",
            "instances are created at their places, in the order given, after the mode",
            "passthrough by IOMMUFD",
            "a partition of four, some passed through",
            "a channel where the administrator runs IMEX",
            "a GPU as it is",
        ],
    )
    def test_case(self, root: Path, name: str) -> None:
        node = Node(root, cases()[name]["node"])
        one = made(cases()[name])
        between = run_there_and_back(node, one)
        for step in one.steps:
            if isinstance(step, do.SetTimeSlice):
                assert between["gpus"][step.gpu]["slice"] == step.level
            elif isinstance(step, do.SetComputeMode):
                assert between["gpus"][step.gpu]["mode"] == step.mode
            elif isinstance(step, do.ActivateFabricPartition):
                assert between["partitions"] == [step.partition]

    def test_mps(self, root: Path) -> None:
        limits = {"defaultActiveThreadPercentage": 25, "defaultPinnedDeviceMemoryLimit": "2Gi", "multiUser": True}
        config = {"kind": "GpuConfig", "sharing": {"strategy": "MPS", "mpsConfig": limits}}
        one = plan("static", claim("static", {"a": ["gpu-3"]}, opaque(config)), feature_gates={"MPSSupport": True})
        [start] = [step for step in one.steps if isinstance(step, do.StartMpsDaemon)]
        between = run_there_and_back(Node(root, "static"), one)
        [(pipe, daemon)] = between["daemons"].items()
        assert pipe == f"{root}{start.pipe_directory}"
        assert daemon == {
            "devices": list(start.devices),
            "log": f"{root}{start.log_directory}",
            "multiUser": True,
            "shm": f"{root}{start.shared_memory}",
            "told": [
                "set_default_active_thread_percentage 25",
                f"set_default_device_pinned_mem_limit {start.devices[0]} 2048M",
            ],
        }
        [words] = between["mounts"].values()
        assert words[:3] == ["-t", "tmpfs", "-o"]
        assert "size=50%" in words[3].split(",")

    def test_waiting_for_a_domain(self, root: Path) -> None:
        config = opaque({"kind": "ComputeDomainChannelConfig", "domainID": DOMAIN}, driver="compute-domain.nvidia.com")
        between = run_there_and_back(
            Node(root, "domain"), plan("domain", claim("domain", {"a": ["channel-0"]}, config))
        )
        assert between["labels"] == {"resource.nvidia.com/computeDomain": DOMAIN}
        assert '--for=jsonpath={.status.nodes[?(@.name=="gb200-r1-t03")].status}=Ready' in between["waited"]


class TestFailures:
    def test_a_place_that_is_taken(self, root: Path) -> None:
        """The script stops there; what it did before can be undone."""
        node = Node(root, "dynamic")
        name = "gpu-0-mig-1g10gb-19-0"
        one = plan("dynamic", claim("dynamic", {"a": [name, "gpu-0-mig-1g10gb-19-1"]}))
        [first, second] = [step for step in one.steps if isinstance(step, do.CreateMigInstance)]
        state = node.state()
        gpu = state["gpus"][first.gpu]
        gpu["instances"].append(
            {"id": 3, "profile": 19, "name": "x", "start": second.start, "size": 1, "uuid": "MIG-x", "full": 1}
        )
        gpu["mig"] = True
        node.write(state)
        done = node.run(one)
        assert done.returncode != 0
        assert done.stdout == ""
        assert not (root / "var").exists()

    def test_no_driver_numbers(self, root: Path) -> None:
        node = Node(root, "static")
        (root / "proc" / "devices").write_text("Character devices:\n")
        done = node.run(made(cases()["an existing MIG device is only looked up"]))
        assert done.returncode != 0
        assert "cannot find the major number of nvidia-caps" in done.stderr
        assert not (root / "var").exists()

    def test_no_instance(self, root: Path) -> None:
        node = Node(root, "static")
        state = node.state()
        for gpu in state["gpus"].values():
            gpu["instances"] = []
        node.write(state)
        done = node.run(made(cases()["an existing MIG device is only looked up"]))
        assert done.returncode != 0
        assert "cannot find the GPU instance of gpu-0-mig-3g20gb-9-4" in done.stderr

    def test_a_gpu_in_use(self, root: Path) -> None:
        node = Node(root, "passthrough")
        state = node.state()
        state["open"] = ["/dev/nvidia0"]
        node.write(state)
        done = node.run(made(cases()["passthrough"]))
        assert done.returncode != 0
        assert "is in use" in done.stderr
        assert not (root / "sys/bus/pci/drivers_probe").exists()
        assert len([call for call in node.state()["calls"] if call[0] == "sleep"]) == 2

    def test_virtual_functions(self, root: Path) -> None:
        node = Node(root, "passthrough")
        for path in root.glob("sys/bus/pci/devices/*/sriov_numvfs"):
            path.write_text("4\n")
        assert "has 4 virtual functions" in node.run(made(cases()["passthrough"])).stderr


class TestText:
    @pytest.mark.parametrize("name", allowed())
    def test_is_a_script(self, name: str) -> None:
        one = made(cases()[name])
        for each in (one, prepare.unprepare(one)):
            script = prepare.shell([each])
            subprocess.run(["sh", "-n"], input=script, text=True, check=True)
            assert all(step[0] in do.STEPS for step in compact(each.steps, recordings()[cases()[name]["node"]]))

    def test_what_others_wrote_stays_a_comment(self) -> None:
        one = prepare.Plan("a/b\nreboot", "u", "n\nreboot", "prepare", (), (), (), ("x\nreboot",))
        assert "\nreboot" not in prepare.shell([one])

    def test_a_word_that_a_shell_would_read(self, tmp_path: Path) -> None:
        path = tmp_path / "it's $(here) `and` \\ there"
        text = json.dumps({"devices": [], "x": "$HOME `id` \\ \"q\" 'q'"})
        one = prepare.Plan("a/b", "u", "n", "prepare", (), (do.WriteCdiSpec(str(path / "c"), text),))
        subprocess.run(["sh", "-s"], input=prepare.shell([one]), text=True, check=True)
        assert json.loads((path / "c").read_text()) == json.loads(text)
