"""Fleets: text to machines, machines against what discovery gives on them, and what can be allocated there.

Without this file nobody would notice if a planned machine's slices, labels or links differed from a real one's, if two
machines had one name or UUID, if the same text gave two answers, or if a bad description were guessed at.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import gpualloc as ga
from fleet_host import fixture_of
from gpualloc import fleet, links, mig, nvml
from nvml_hosts import HERE, Json, Machines, devices_of
from test_nvml import claim_of, command

if TYPE_CHECKING:
    from collections.abc import Iterator

NVIDIA = [name for name in fleet.kinds() if fleet.kind(name).vendor == "nvidia"]
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="the stand-in library needs a C compiler")


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with Machines() as made:
        yield made


# --- against discovery ------------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parallel_threads(1)
@pytest.mark.parametrize("kind", NVIDIA)
class TestAsDiscovered:
    """The machine as a fixture, discovered by the real pynvml over the stand-in library."""

    @pytest.mark.parametrize(
        "features",
        [
            {},
            {"list_attributes": True, "shares": 4},
            {"vfio": True, "shares": "memory"},
            {"fabric_manager": True, "health": True},
            {"confidential": True, "vfio": True},
            {"dynamic_mig": True, "kubernetes": "1.34"},
            {"dynamic_mig": True},
        ],
        ids=",".join,
    )
    def test_slices(self, machines: Machines, kind: str, features: Json) -> None:
        try:
            machine = fleet.describe(f"1 {kind}", **features).hosts[-1]
            slices = machine.slices()
        except mig.UnpublishedError:
            assert kind in {"dgx-b200", "gb200-nvl72"}
            assert features["dynamic_mig"]
            return
        found = machines.discover(machines.host(fixture_of(machine)), features=features)
        assert slices == found["slices"]
        assert found["leftOut"] == []

    def test_links(self, machines: Machines, kind: str) -> None:
        machine = fleet.describe(f"1 {kind}").hosts[-1]
        found = machines.discover(machines.host(fixture_of(machine)), links=True)
        table, _ = nvml.link_table(nvml.from_document(found["host"]), machine.name)
        assert machine.links() == table
        if table.nics:  # one beside each GPU, as its machines are known for
            words = [[links.cell(table, a, 8 + b) for b in range(8)] for a in range(8)]
            sides = [["PIX" if a == b else "NODE" if a // 4 == b // 4 else "SYS" for b in range(8)] for a in range(8)]
            assert words == sides

    def test_clique(self, machines: Machines, kind: str) -> None:
        machine = fleet.describe(f"1 {kind}", compute_domains=True).hosts[-1]
        found = machines.discover(machines.host(fixture_of(machine)), compute_domain=True)
        labels = machine.node()["metadata"]["labels"]
        if kind != "gb200-nvl72":
            assert "nvidia.com/gpu.clique" not in labels
            assert len(machine.slices()) == 1
            return
        assert found["node"]["metadata"]["labels"].items() <= labels.items()
        assert machine.slices()[1:] == found["slices"]


def test_mi300x_is_fully_connected() -> None:
    """Nobody has said how fast its links are, so neither do we."""
    (machine,) = fleet.describe("1 mi300x").hosts
    table = machine.links()
    assert table is not None
    assert {one.name for one in table.devices} == set(devices_of(machine.slices()))
    assert table.links == tuple(tuple(int(a != b) for b in range(8)) for a in range(8))
    assert [(len(one.devices), one.is_complete, one.bandwidth) for one in table.islands] == [(8, True, None)]
    assert links.from_document(links.to_document(table)) == table
    assert [links.cell(table, 0, other) for other in range(3)] == ["X", "XGMI1", "XGMI1"]
    assert [links.cell(table, 0, other, pcie=True) for other in (1, 4)] == ["NODE", "SYS"]
    assert "xGMI islands" in links.draw_text(table)


# --- machines ---------------------------------------------------------------------------------------------------------

EVERYTHING = ", ".join(f"2 {name}" for name in fleet.kinds())


class TestMachines:
    def test_valid(self) -> None:
        documents = fleet.describe(EVERYTHING, compute_domains=True).documents()
        assert ga.validate([one for one in documents if one["kind"] == "ResourceSlice"]) == []
        assert not ga.Inventory.from_documents(documents).report

    def test_the_same_again(self) -> None:
        assert fleet.describe(EVERYTHING).json() == fleet.describe(EVERYTHING).json()

    def test_nothing_twice(self) -> None:
        text = fleet.describe("3 dgx-h100, 2 gb200-nvl72, 2 mi300x, 4 dgx-h100").json(classes=False).decode()
        uuids = re.findall(r'"uuid":\{"string":"(.*?)"', text)
        assert len(set(uuids)) == len(uuids) == 7 * 8 + 2 * 18 * 4
        names = re.findall(r'"kind":"Node","metadata":\{"name":"(.*?)"', text)
        assert len(set(names)) == len(names) == 7 + 2 * 18 + 2
        assert "fleet-token" not in text

    def test_a_rack_is_one_clique(self) -> None:
        found = fleet.describe("2 gb200-nvl72")
        cliques: dict[str, set[str]] = {}
        for machine in found.hosts:
            labels = machine.node()["metadata"]["labels"]
            cliques.setdefault(labels["fleet.gpualloc/rack"], set()).add(labels["nvidia.com/gpu.clique"])
            assert labels["fleet.gpualloc/tray"] == str(machine.tray)
        assert [len(one) for one in cliques.values()] == [1, 1]
        first, second = cliques.values()
        assert first.isdisjoint(second)
        assert [machine.tray for machine in found.hosts[:18]] == list(range(1, 19))

    @pytest.mark.parametrize("kind", fleet.kinds())
    def test_long_names(self, kind: str) -> None:
        """The text of a kind fits its last machine too: no name of a slice is cut there."""
        group = fleet.kind(kind)
        machine = next(iter(fleet.machines(group, 1_000_000 // group.hosts, 1, nvml.Features(), compute_domains=True)))
        for one in machine.slices():
            name, prefix = one["metadata"]["name"], f"{one['spec']['driver']}-{machine.name}"
            assert name[6:].startswith(prefix)
            assert name in (f"00000-{prefix}", f"00000-{prefix}-xxxxx")

    def test_claims(self) -> None:
        inventory = fleet.describe("2 dgx-h100, 1 gb200-nvl72, 1 mi300x, 1 tpu-v6e", compute_domains=True).inventory()
        asked: dict[str, Json] = {
            "gpu.nvidia.com": {"count": 8},
            "gpu.amd.com": {"count": 8},
            "tpu.google.com": {"allocationMode": "All"},
            "compute-domain-default-channel.nvidia.com": {},
        }
        for number, (name, exactly) in enumerate(asked.items()):
            request = {"name": "it", "exactly": {"deviceClassName": name, **exactly}}
            assert inventory.allocate(claim_of(number, {"requests": [request]})), name

    def test_classes_are_the_charts(self) -> None:
        """Those that the tests have from the driver's chart."""
        found = [one for one in fleet.describe("1 t4-x2").documents() if one["kind"] == "DeviceClass"]
        assert found == json.loads((HERE / "classes.json").read_text())

    def test_unpublished_figures_are_not_made_up(self) -> None:
        with pytest.raises(mig.UnpublishedError, match="not published"):
            fleet.describe("1 dgx-b200", dynamic_mig=True).documents()

    def test_dynamic_mig(self) -> None:
        devices = devices_of(fleet.describe("1 dgx-h100", dynamic_mig=True).hosts[0].slices())
        assert len(devices) == 8 * 26


# --- what a process may see -------------------------------------------------------------------------------------------


def two_of(inventory: ga.Inventory, kind: str, **exactly: Any) -> ga.Answer:
    request = {"name": "it", "exactly": {"deviceClassName": kind, "count": 2, **exactly}}
    return inventory.allocate(claim_of(0, {"requests": [request]}))


class TestVisible:
    def test_uuids_in_order(self) -> None:
        found = fleet.describe("2 dgx-h100", shares=2)
        inventory = found.inventory()
        answer = two_of(inventory, "gpu.nvidia.com", count=3)
        expected = [gpu.uuid for gpu in (found.hosts[0].host() or nvml.Host()).gpus[:3]]
        assert list(nvml.visible(answer, found.slices)) == expected
        # A GPU that is given twice, as two shares, is one GPU.
        request = {"name": "it", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 8}}
        both = inventory.allocate([claim_of(number, {"requests": [request]}) for number in range(2)])
        assert sum(len(one.devices) for one in both.claims) == 16
        assert len(nvml.visible(both, found.slices)) == 8

    @pytest.mark.parametrize(
        ("features", "kind", "error"),
        [
            ({"vfio": True}, "vfio.gpu.nvidia.com", "device gpu.nvidia.com/dgx-h100-1/gpu-vfio-0: attributes"),
            ({"dynamic_mig": True}, "mig.nvidia.com", "has no UUID that a process could see it by"),
            ({"kubernetes": "1.36"}, "none", "answer: outcome: is error"),
        ],
    )
    def test_nothing_to_see(self, features: Json, kind: str, error: str) -> None:
        found = fleet.describe("1 dgx-h100", **features)
        with pytest.raises(ga.InvalidInputError, match=error):
            nvml.visible(two_of(found.inventory(), kind), found.slices)

    def test_device_of_other_slices(self) -> None:
        answer = two_of(fleet.describe("1 dgx-h100").inventory(), "gpu.nvidia.com")
        with pytest.raises(ga.InvalidInputError, match="dgx-h100-1/gpu-0: is in none of the slices"):
            nvml.visible(answer, fleet.describe("1 t4-x2").slices)

    @needs_compiler
    @pytest.mark.parametrize("name", ["gb200-x4", "t4-x2"])
    def test_example(self, name: str) -> None:
        """`examples/machine.py` on a machine with GPUs, and on one without a driver."""
        program = [sys.executable, str(HERE.parents[1] / "examples" / "machine.py")]
        fixture = HERE / "hosts" / f"{name}.json"
        run = [sys.executable, str(HERE / "run")]
        done = subprocess.run([*run, str(fixture), *program], capture_output=True, text=True, check=True)
        uuids = [gpu["uuid"] for gpu in json.loads(fixture.read_text())["gpus"][:2]]
        assert done.stdout.splitlines()[-1] == f"CUDA_VISIBLE_DEVICES={','.join(uuids)}"
        fault = ["--fault", "nvmlInitWithFlags=9"]
        done = subprocess.run([*run, *fault, str(fixture), *program], capture_output=True, text=True, check=True)
        assert "placed on node dgx-h100-1" in done.stdout


# --- text -------------------------------------------------------------------------------------------------------------


class TestText:
    @pytest.mark.parametrize(
        ("text", "groups"),
        [
            ("40 dgx-h100", [(40, "dgx-h100")]),
            ("40 \u00d7 DGX H100, 9 \u00d7 GB200 NVL72", [(40, "dgx-h100"), (9, "gb200-nvl72")]),
            ("20x MI300X,8*TPU v6e", None),
            ("20x MI300X,8 * TPU v6e", [(20, "mi300x"), (8, "tpu-v6e")]),
            ("1 x t4_x2", [(1, "t4-x2")]),
            ("007 dgx_h100", [(7, "dgx-h100")]),
        ],
    )
    def test_read(self, text: str, groups: list[tuple[int, str]] | None) -> None:
        expected = groups or [(20, "mi300x"), (8, "tpu-v6e")]
        assert list(fleet.describe(text).groups) == expected

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("", "fleet: part 1: '' is not of the form"),
            ("dgx-h100", "part 1: 'dgx-h100' is not of the form"),
            ("4 dgx-h100,", "part 2: '' is not of the form"),
            ("4 dgx-h100, 3 abacus", "part 2: 'abacus' is no kind of machine; there are dgx-1v, dgx-a100-40"),
            ("0 dgx-h100", "part 1: 0 is no number of machines"),
            ("-1 dgx-h100", "part 1: '-1 dgx-h100' is not of the form"),
            ("1.5 dgx-h100", "part 1"),
            ("9" * 5000 + " dgx-h100", "is no number of machines"),
            ("99999 gb200-nvl72", "1799982 machines are more than 1000000"),
            ("\u0663 dgx-h100", "part 1"),
        ],
    )
    def test_refused(self, text: str, error: str) -> None:
        with pytest.raises(ga.InvalidInputError) as caught:
            fleet.describe(text)
        assert error in str(caught.value)

    @settings(max_examples=50)
    @given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(fleet.kinds())), min_size=1, max_size=4))
    def test_any(self, groups: list[tuple[int, str]]) -> None:
        """Written and read back; so many machines; each machine once."""
        found = fleet.describe(", ".join(f"{count} {kind}" for count, kind in groups))
        assert list(found.groups) == groups
        assert len({host.name for host in found.hosts}) == len(found.hosts)
        assert len(found.hosts) == sum(count * fleet.kind(kind).hosts for count, kind in groups)

    @given(st.text(max_size=30))
    def test_hostile(self, text: str) -> None:
        """Described, or refused by name; nothing else."""
        with contextlib.suppress(ga.InvalidInputError):
            assert fleet.describe(text).hosts


# --- the command line -------------------------------------------------------------------------------------------------


class TestCommand:
    def test_documents(self) -> None:
        expected = fleet.describe("1 mi300x, 1 t4-x2", vfio=True).documents()
        for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
            done = command("fleet", "1 mi300x, 1 T4 x2", "--vfio", "-o", form)
            assert (done.returncode, done.stderr) == (0, "")
            assert read(done.stdout)["items"] == expected
        bare: list[Any] = json.loads(command("fleet", "1 t4-x2", "--no-classes", "-o", "json").stdout)["items"]
        assert {one["kind"] for one in bare} == {"Node", "ResourceSlice"}

    def test_table(self) -> None:
        lines = command("fleet", "2 gb200-nvl72, 3 dgx-h100").stdout.splitlines()
        assert lines[1].split()[:4] == ["gb200-nvl72", "2", "36", "144"]
        assert lines[2].split()[:4] == ["dgx-h100", "3", "3", "24"]

    def test_kinds(self) -> None:
        lines = command("fleet").stdout.splitlines()[1:]
        assert [line.split()[:2] for line in lines] == [[name, str(fleet.kind(name).hosts)] for name in fleet.kinds()]

    def test_bad_input(self) -> None:
        done = command("fleet", "1 abacus")
        assert done.returncode == 2
        assert done.stderr.startswith("error: fleet: part 1: 'abacus' is no kind of machine; there are dgx-1v,")
