"""Links on hosts that nobody here has: the real pynvml over a stand-in library, against the published matrices.

Without this file nobody would notice if a link table said more or fewer NVLinks than a machine has, if a call that
fails were taken for "no link", or if the command line drew something else than it read.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from itertools import combinations
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpualloc import links, nvml
from gpualloc.links import LinkTable, PcieLevel
from nvml_hosts import HERE, HOSTS, Json, Machines, edited
from test_nvml import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="the stand-in library needs a C compiler"),
    # One process discovers for all; its answers belong to one thread.
    pytest.mark.parallel_threads(1),
]

DGX1V, H100, GB200, NVL = (HOSTS / f"{name}.json" for name in ("dgx1v-x8", "h100-80-x8", "gb200-x4", "h100-nvl-x4"))
CLIQUE = "7ea5b2a2-1871-56b5-aa32-0270907e29f8.32766"
# Links of each pair of a DGX-1V, as its maker draws the hybrid cube mesh; other pairs have none.
CUBE_MESH = "01:1 02:1 03:2 04:2 12:2 13:1 15:2 23:2 26:1 37:1 45:1 46:1 47:2 56:2 57:1 67:2"


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with Machines() as made:
        yield made


def table_of(found: Json) -> LinkTable:
    assert "error" not in found, found
    return links.from_document(found["links"])


def cells(table: LinkTable) -> dict[tuple[str, str, str], int | None]:
    """Every value of the table by what it is about."""
    names, ends = [one.name for one in table.devices], [one.name for one in table.ends]
    found: dict[tuple[str, str, str], int | None] = {}
    for matrix, who in ((table.links, names), (table.bandwidth, names), (table.pcie, ends)):
        kind = "links" if matrix is table.links else "bandwidth" if matrix is table.bandwidth else "pcie"
        for a, b in combinations(range(len(who)), 2):
            found[kind, who[a], who[b]] = matrix[a][b]
    return found


# --- the machines people know -----------------------------------------------------------------------------------------


class TestMachines:
    def test_hybrid_cube_mesh(self, machines: Machines) -> None:
        table = table_of(machines.discover(DGX1V, links=True))
        drawn = {(int(pair[0]), int(pair[1])): int(pair[3]) for pair in CUBE_MESH.split()}
        for a, b in combinations(range(8), 2):
            assert table.links[a][b] == drawn.get((a, b), 0)
            assert table.bandwidth[a][b] == 25_000 * drawn.get((a, b), 0)
            same_switch, same_socket = a // 2 == b // 2, a // 4 == b // 4
            assert table.pcie[a][b] == (
                PcieLevel.PIX if same_switch else PcieLevel.PHB if same_socket else PcieLevel.SYS
            )
        assert [sum(row or 0 for row in rows) for rows in table.links] == [6] * 8
        (island,) = table.islands
        assert (len(island.devices), island.is_complete, island.bandwidth) == (8, False, 25_000)

    @pytest.mark.parametrize(
        ("name", "count", "speed", "island"),
        [
            # One GPU in MIG mode: it has no peers.
            ("a100-40-x8-cisplit", 12, 25_000, {0, 2, 3, 4, 5, 6, 7}),
            ("h100-80-x8", 18, 25_000, set(range(8))),
            ("b200-x8", 18, 50_000, set(range(8))),
            ("gb200-x4", 18, 50_000, set(range(4))),
        ],
    )
    def test_switches(self, machines: Machines, name: str, count: int, speed: int, island: set[int]) -> None:
        """Every pair has all links of a GPU, though no link leads from one GPU to another."""
        content = edited(HOSTS / f"{name}.json")
        found = machines.discover(HOSTS / f"{name}.json", links=True)
        table = table_of(found)
        for a, b in combinations(range(len(content["gpus"])), 2):
            linked = a in island and b in island
            assert table.links[a][b] == (count if linked else 0)
            assert table.bandwidth[a][b] == (count * speed if linked else 0)
            assert table.pcie[a][b] == content["topology"]["commonAncestor"][a][b]
        (one,) = table.islands
        assert {int(device.removeprefix("gpu-")) for device in one.devices} == island
        assert one.is_complete
        assert one.bandwidth == count * speed
        # An instance that is split is no matter of links; nothing else is missing.
        assert all("MIG device" in one for one in found["leftOut"])

    @pytest.mark.parametrize("name", ["rtxpro6000-x3-static", "t4-x2"])
    def test_no_links(self, machines: Machines, name: str) -> None:
        content = edited(HOSTS / f"{name}.json")
        table = table_of(machines.discover(HOSTS / f"{name}.json", links=True))
        assert table.islands == ()
        assert not any(
            links or speed for row in (*table.links, *table.bandwidth) for links, speed in [(row[0], row[-1])]
        )
        for a, b in combinations(range(len(content["gpus"])), 2):
            assert table.pcie[a][b] == content["topology"]["commonAncestor"][a][b]

    def test_bridges_and_nics(self, machines: Machines) -> None:
        table = table_of(machines.discover(NVL, links=True))
        assert [one.devices for one in table.islands] == [("gpu-0", "gpu-1"), ("gpu-2", "gpu-3")]
        assert {one.bandwidth for one in table.islands} == {300_000}
        assert [nic.name for nic in table.nics] == ["mlx5_0", "mlx5_1", "mlx5_2", "mlx5_10", "mlx5_bond_0"]
        near = [[PcieLevel(level or 0).name for level in row[4:]] for row in table.pcie[:4]]
        assert near == [
            ["PIX", "PXB", "PHB", "SYS", "NODE"],
            ["NODE", "NODE", "NODE", "SYS", "PHB"],
            ["SYS", "SYS", "SYS", "NODE", "SYS"],
            ["SYS", "SYS", "SYS", "NODE", "SYS"],
        ]
        assert [one.cpus for one in table.devices] == ["0-31,64-95"] * 2 + ["32-63,96-127"] * 2

    def test_tray(self, machines: Machines) -> None:
        table = table_of(machines.discover(GB200, links=True))
        places = [one.tray for one in table.devices]
        assert [place and place.module for place in places] == [1, 2, 3, 4]
        first = table.devices[0]
        assert first.tray == links.TrayPlace(
            chassis_serial="1821225190000", slot=3, tray=3, host=1, module=1, peers="switch"
        )
        assert first.fabric
        assert first.fabric.clique == CLIQUE
        assert [one.memory_numa_node for one in table.devices] == [2, 10, 18, 26]

    def test_serial_that_fills_its_field(self, machines: Machines) -> None:
        """And numbers that are no letters of any alphabet."""
        host = edited(GB200, ("platform.chassisSerial", "0123456789abcdef"), ("platform.slotNumber", 255))
        tray = table_of(machines.discover(machines.host(host), links=True)).devices[3].tray
        assert tray
        assert (tray.chassis_serial, tray.slot, tray.module) == ("0123456789abcdef", 255, 4)

    def test_fabric_of_its_own_switches(self, machines: Machines) -> None:
        """A cluster of zeros is none, and its clique no clique."""
        fabric = table_of(machines.discover(H100, links=True)).devices[0].fabric
        assert fabric == links.FabricPlace(state="completed", status=0)
        assert fabric
        assert fabric.clique is None

    @pytest.mark.parametrize(
        ("changes", "state", "clique", "problems"),
        [
            ({"state": 1}, "notStarted", "", ()),
            ({"state": 2, "status": 3}, "inProgress", "", ()),
            ({"status": 999}, "completed", "", ()),
            # Degraded bandwidth 1, recovery 2 (none), route unhealthy 1, configuration 5.
            (
                {"healthMask": 0b01_0101_00_01_10_01},
                "completed",
                CLIQUE,
                ("degradedBandwidth", "routeUnhealthy", "insufficientNVLinks"),
            ),
            ({"healthMask": 0b10_0001_10_10_10_10}, "completed", CLIQUE, ()),
        ],
    )
    def test_fabric(
        self, machines: Machines, changes: Json, state: str, clique: str, problems: tuple[str, ...]
    ) -> None:
        host = edited(GB200, *((f"gpus.1.fabric.{field}", value) for field, value in changes.items()))
        fabric = table_of(machines.discover(machines.host(host), links=True)).devices[1].fabric
        assert fabric
        assert (fabric.state, fabric.clique or "", fabric.problems) == (state, clique, problems)
        assert fabric.status == (changes.get("status", 0) if state == "completed" else None)


# --- machines that differ ---------------------------------------------------------------------------------------------


class TestDifferences:
    def test_fewer_links_bound_the_pair(self, machines: Machines) -> None:
        host = edited(H100, *((f"gpus.3.nvlinks.{link}.state", 0) for link in range(0, 10, 2)))
        table = table_of(machines.discover(machines.host(host), links=True))
        for a, b in combinations(range(8), 2):
            assert table.links[a][b] == (13 if 3 in (a, b) else 18)
        assert table.islands[0].bandwidth == 13 * 25_000

    def test_partitions_of_the_fabric(self, machines: Machines) -> None:
        """GPUs hang on the same switches, but the driver lets halves alone reach each other."""
        peers = [[0 if a // 4 == b // 4 else 3 for b in range(8)] for a in range(8)]
        table = table_of(machines.discover(machines.host(edited(H100, ("topology.p2p.nvlink", peers))), links=True))
        assert [len(one.devices) for one in table.islands] == [4, 4]

    def test_other_indices_than_minors(self, machines: Machines) -> None:
        host = edited(DGX1V, *((f"gpus.{index}.minor", 7 - index) for index in range(8)))
        table = table_of(machines.discover(machines.host(host), links=True))
        assert [(one.name, one.label) for one in table.devices[:2]] == [("gpu-7", "GPU0"), ("gpu-6", "GPU1")]

    @pytest.mark.parametrize("fixture", [DGX1V, NVL, H100, GB200])
    def test_driver_that_cannot_say_what_a_link_leads_to(self, machines: Machines, fixture: Path) -> None:
        """Then by the address, and by peer access where there is none; it is the same table."""
        sound = machines.discover(fixture, links=True)
        for kind in (None, 255):
            host = edited(fixture, ("gpus.*.nvlinks.*.remoteType", kind))
            found = machines.discover(machines.host(host), links=True)
            assert (found["links"], found["leftOut"]) == (sound["links"], [])

    def test_nobody_says_what_links_lead_to(self, machines: Machines) -> None:
        """Without peer access being told either, links to nobody knows what are neither counted nor denied."""
        missing = ["nvmlDeviceGetNvLinkRemoteDeviceType", "nvmlDeviceGetP2PStatus"]
        found = machines.discover(H100, links=True, missing=missing)
        assert table_of(found).links[0][1:] == (None,) * 7
        assert table_of(found).islands == ()
        assert len(found["leftOut"]) == 1
        assert found["leftOut"][0].startswith("all pairs peers: nvmlDeviceGetP2PStatus")
        machines.stop(missing)

    def test_links_to_processors_are_none_between_gpus(self, machines: Machines) -> None:
        host = edited(DGX1V, ("gpus.0.nvlinks.*.remoteType", 1))
        table = table_of(machines.discover(machines.host(host), links=True))
        assert set(table.links[0]) == {0}

    def test_gpu_that_is_not_there(self, machines: Machines) -> None:
        """Links to a lost GPU lead nowhere; the others are as they were, under their own indices."""
        sound = table_of(machines.discover(DGX1V, links=True))
        found = machines.discover(machines.host(edited(DGX1V, ("gpus.2.lost", 1))), links=True)
        table = table_of(found)
        assert [one.label for one in table.devices] == [f"GPU{index}" for index in range(8) if index != 2]
        assert cells(table) == {key: value for key, value in cells(sound).items() if "gpu-2" not in key}

    @pytest.mark.parametrize(
        ("architecture", "capability", "speed"),
        [(4, [6, 0], 20_000), (6, [7, 5], 25_000), (7, [8, 0], 25_000), (7, [8, 6], 14_062), (13, [11, 0], None)],
    )
    def test_speed(self, machines: Machines, architecture: int, capability: list[int], speed: int | None) -> None:
        host = edited(NVL, ("gpus.*.architecture", architecture), ("gpus.*.computeCapability", capability))
        found = machines.discover(machines.host(host), links=True)
        assert table_of(found).bandwidth[0][1] == (speed and 12 * speed)
        assert [one.partition(":")[0] for one in found["leftOut"]] == (
            [] if speed else [f"gpu-{index} NVLink bandwidth" for index in range(4)]
        )

    def test_slower_gpu_bounds_the_pair(self, machines: Machines) -> None:
        host = edited(NVL, ("gpus.0.architecture", 10), ("gpus.2.architecture", 4))
        table = table_of(machines.discover(machines.host(host), links=True))
        assert (table.bandwidth[0][1], table.bandwidth[2][3]) == (12 * 25_000, 12 * 20_000)

    def test_one_numa_node(self, machines: Machines) -> None:
        """A kernel of one node gives devices none; all is on that one."""
        host = edited(NVL, ("numaNodes", 1), ("gpus.*.pci.numaNode", -1), ("nics.*.numaNode", -1))
        del host["topology"]["commonAncestor"]
        table = table_of(machines.discover(machines.host(host), links=True))
        assert {one.numa_node for one in table.ends} == {0}
        assert table.pcie[0][2] == PcieLevel.NODE

    def test_numa_nodes_nobody_knows(self, machines: Machines) -> None:
        host = edited(NVL, ("gpus.*.pci.numaNode", -1), ("nics.*.numaNode", -1))
        table = table_of(machines.discover(machines.host(host), links=True))
        assert table.devices[0].numa_node is None
        near = table.pcie[0][4:]
        assert near == (PcieLevel.PIX, PcieLevel.PXB, PcieLevel.PHB, None, None)


# --- faults -----------------------------------------------------------------------------------------------------------

CODES = {"not supported": 3, "no permission": 4, "not found": 6, "GPU lost": 15, "unknown": 999}
# What the links are read with, beyond what all discovery calls.
OF_LINKS = {
    "nvmlDeviceGetGpuFabricInfoV",
    "nvmlDeviceGetNumaNodeId",
    "nvmlDeviceGetNvLinkRemoteDeviceType",
    "nvmlDeviceGetNvLinkRemotePciInfo_v2",
    "nvmlDeviceGetNvLinkState",
    "nvmlDeviceGetP2PStatus",
    "nvmlDeviceGetPciInfo_v3",
    "nvmlDeviceGetPlatformInfo",
    "nvmlDeviceGetTopologyCommonAncestor",
}
# NVML's way to say that there is nothing.
NOTHING_THERE = {
    "nvmlDeviceGetNvLinkState": ("not supported",),
    "nvmlDeviceGetGpuFabricInfoV": ("not supported", "missing"),
    "nvmlDeviceGetNumaNodeId": ("not supported", "missing"),
    "nvmlDeviceGetPlatformInfo": ("not supported", "missing"),
}


class TestFaults:
    @pytest.mark.parametrize("fixture", [DGX1V, GB200, NVL], ids=lambda path: path.stem)
    def test_every_call_fails_in_turn(self, machines: Machines, tmp_path: Path, fixture: Path) -> None:
        sound = machines.discover(fixture, links=True, calls=tmp_path / "calls")
        called = set((tmp_path / "calls").read_text().split())
        assert called >= OF_LINKS - {"nvmlDeviceGetNvLinkRemotePciInfo_v2"}
        for function in sorted(called & OF_LINKS):
            for kind, code in CODES.items():
                check(function, kind, sound, machines.discover(fixture, links=True, faults=[f"{function}={code}"]))

    def test_every_symbol_is_missing_in_turn(self, machines: Machines) -> None:
        sound = {fixture: machines.discover(fixture, links=True) for fixture in (DGX1V, GB200, NVL)}
        for function in sorted(OF_LINKS):
            for fixture, whole in sound.items():
                check(function, "missing", whole, machines.discover(fixture, links=True, missing=[function]))
            machines.stop([function])

    def test_one_gpu_fails(self, machines: Machines) -> None:
        """What is not known of one GPU leaves the pairs of the others as they were."""
        sound = table_of(machines.discover(DGX1V, links=True))
        for function in ("nvmlDeviceGetNvLinkState", "nvmlDeviceGetNvLinkRemotePciInfo_v2"):
            found = table_of(machines.discover(DGX1V, links=True, faults=[f"{function}@0=999"]))
            for key, value in cells(found).items():
                unknown = "gpu-0" in key and key[0] != "pcie"
                assert value == (None if unknown else cells(sound)[key]), (function, key)

    def test_levels_from_the_tree_of_buses(self, machines: Machines) -> None:
        for fixture in (DGX1V, NVL, GB200, H100):
            sound = machines.discover(fixture, links=True)
            found = machines.discover(fixture, links=True, faults=["nvmlDeviceGetTopologyCommonAncestor=999"])
            assert found["links"] == sound["links"]
            assert len(found["leftOut"]) == len(list(combinations(sound["links"]["spec"]["devices"], 2)))

    def test_nic_that_cannot_be_read(self, machines: Machines) -> None:
        host = edited(NVL, ("nics.0.numaNode", "none"))
        found = machines.discover(machines.host(host), links=True)
        assert [nic["name"] for nic in found["links"]["spec"]["nics"]] == ["mlx5_1", "mlx5_2", "mlx5_10", "mlx5_bond_0"]
        assert re.match(r"NIC mlx5_0: .*/device: invalid literal", found["leftOut"][0])


def check(function: str, kind: str, sound: Json, found: Json) -> None:
    """The rest is as it was; what is gone is unknown, not something else; and it is said."""
    where = f"{function}, {kind}: {found['leftOut']}"
    assert found["slices"] == sound["slices"] or function == "nvmlDeviceGetPciInfo_v3" or kind == "GPU lost", where
    before, after = cells(table_of(sound)), cells(table_of(found))
    silent = kind in NOTHING_THERE.get(function, ())
    for key, value in after.items():
        allowed = (before[key], None, 0) if silent and key[0] != "pcie" else (before[key], None)
        assert value in allowed, (key, where)
    if found["links"] != sound["links"]:
        name = re.sub(r"_v\d$", "", function)
        # It may be that nothing is missing: what a link leads to can be had in three ways.
        assert silent or any(name in one for one in found["leftOut"]), where


# --- any machine ------------------------------------------------------------------------------------------------------


@st.composite
def meshes(draw: st.DrawFn) -> tuple[Json, dict[tuple[int, int], int]]:
    """A machine whose GPUs are linked directly or by switches, and the links that each pair has of it."""
    content = edited(NVL)
    count = draw(st.integers(1, 5))
    gpus = [copy.deepcopy(content["gpus"][0]) for _ in range(count)]
    by_switch, says_type = draw(st.booleans()), draw(st.booleans())
    matrix = [[0 if a == b else draw(st.sampled_from([0, 0, 0, 3])) for b in range(count)] for a in range(count)]
    ends: list[list[tuple[str, int]]] = [[] for _ in range(count)]
    expected: dict[tuple[int, int], int] = {}
    for a, b in combinations(range(count), 2):
        matrix[b][a] = matrix[a][b]
        direct = 0 if by_switch else draw(st.integers(0, 3))
        ends[a] += [(f"0000:{b + 16:02x}:00.0", 0)] * direct
        ends[b] += [(f"0000:{a + 16:02x}:00.0", 0)] * direct
        expected[a, b] = 0 if matrix[a][b] else direct
    if by_switch:
        ends = [[("0000:c5:00.0", 2)] * draw(st.integers(0, 6)) for _ in range(count)]
        for a, b in expected:
            expected[a, b] = 0 if matrix[a][b] else min(len(ends[a]), len(ends[b]))
    for index, gpu in enumerate(gpus):
        pci = {**gpu["pci"], "busId": f"0000:{index + 16:02x}:00.0"}
        order = draw(st.permutations([*ends[index], None, None]))
        nvlinks = [
            {
                "link": number,
                "state": int(end is not None),
                "version": 4,
                "remoteType": end[1] if end and says_type else None,
                "remoteBusId": end[0] if end else None,
                "remotePciDeviceId": 0,
            }
            for number, end in enumerate(order)
        ]
        gpu.update(index=index, minor=index, uuid=f"GPU-{index}", pci=pci, nvlinks=nvlinks)
    topology = {"commonAncestor": [[40] * count for _ in range(count)], "p2p": {"nvlink": matrix}}
    return {**content, "gpus": gpus, "topology": topology, "nics": []}, expected


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mesh=meshes())
def test_any_mesh(machines: Machines, mesh: tuple[Json, dict[tuple[int, int], int]]) -> None:
    content, expected = mesh
    fixture = machines.host(content)
    found = machines.discover(fixture, links=True)
    machines.forget(fixture)
    table = table_of(found)
    assert {pair: table.links[pair[0]][pair[1]] for pair in expected} == expected
    assert {pair: table.bandwidth[pair[0]][pair[1]] for pair in expected} == {
        pair: 25_000 * number for pair, number in expected.items()
    }
    assert found["leftOut"] == []
    assert nvml.from_document(found["host"]).links is not None
    assert links.to_document(nvml.link_table(nvml.from_document(found["host"]), "nvl-node")[0]) == found["links"]


@pytest.mark.parametrize("fixture", [DGX1V, GB200, NVL], ids=lambda path: path.stem)
def test_recorded_machine_is_the_machine(machines: Machines, tmp_path: Path, fixture: Path) -> None:
    """What `record.py` writes down has the same links; on real machines too, see `test_nvml_real.py`."""
    program = [sys.executable, str(HERE / "run"), str(fixture), sys.executable, str(HERE / "record.py")]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    recorded = tmp_path / "recorded.json"
    recorded.write_text(done.stdout)
    # Neither UUIDs nor serial numbers are written down.
    sound, found = (anonymous(machines.discover(one, links=True)["links"]) for one in (fixture, recorded))
    assert found == sound


def anonymous(document: Json) -> Json:
    for device in document["spec"]["devices"]:
        device.pop("uuid")
        device.get("tray", {}).pop("chassisSerial", None)
        device.get("fabric", {}).pop("clusterUUID", None)
    spec: Json = document["spec"]
    return spec


class TestFewCalls:
    @pytest.mark.parametrize(
        ("fixture", "calls"),
        [
            # For each GPU 11 for the slices, then its fabric, its memory's NUMA node and its tray; the state of each
            # link and that there are no more; a type for each, and an address where it is a GPU's. For each pair its
            # level, and whether they are peers where links lead to each other.
            (DGX1V, 5 + 8 * (11 + 3 + 6 + 1 + 6 + 6) + 28 + 16),
            (H100, 5 + 8 * (11 + 3 + 18 + 1 + 18) + 28 + 28),
            (NVL, 5 + 4 * (11 + 3 + 18 + 1 + 12 + 12) + 6 + 2),
            (HOSTS / "t4-x2.json", 5 + 2 * (11 + 3 + 1) + 1),
        ],
        ids=lambda one: getattr(one, "stem", ""),
    )
    def test_calls(self, machines: Machines, tmp_path: Path, fixture: Path, calls: int) -> None:
        found = machines.discover(fixture, links=True, calls=tmp_path / "calls")
        assert found["calls"] == len((tmp_path / "calls").read_text().split()) == calls


# --- the command line -------------------------------------------------------------------------------------------------


class TestCommand:
    @pytest.mark.parametrize("suffix", ["json", "yaml"])
    def test_beside_the_slices(self, machines: Machines, tmp_path: Path, suffix: str) -> None:
        """The document is what Python gives, and is drawn as the machine is."""
        document = tmp_path / f"links.{suffix}"
        done = command("discover", "--links", str(document), "-o", "json", host=NVL)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["items"] == machines.discover(NVL)["slices"]
        assert yaml.safe_load(document.read_text()) == machines.discover(NVL, links=True)["links"]
        for options in ([], ["-o", "svg"]) if suffix == "json" else (["-o", "yaml"],):
            there, here = command("topology", *options, host=NVL), command("topology", *options, "-f", str(document))
            assert (there.returncode, here.returncode, there.stderr, here.stderr) == (0, 0, "", "")
            assert there.stdout == here.stdout

    def test_text(self) -> None:
        lines = command("topology", host=DGX1V).stdout.splitlines()
        assert " ".join(lines[0].split()).startswith("GPU0 GPU1 GPU2 GPU3 GPU4 GPU5 GPU6 GPU7 CPU Affinity NUMA")
        assert " ".join(lines[1].split()) == "GPU0 X NV1 NV1 NV2 NV2 SYS SYS SYS N/A 0 N/A"
        lines = command("topology", "--pcie", host=DGX1V).stdout.splitlines()
        assert " ".join(lines[1].split()) == "GPU0 X PIX PHB PHB SYS SYS SYS SYS N/A 0 N/A"

    def test_svg(self) -> None:
        root = ET.fromstring(command("topology", "-o", "svg", host=DGX1V).stdout)
        assert len(root.findall(".//{http://www.w3.org/2000/svg}line")) == len(CUBE_MESH.split())

    def test_mig_is_no_matter_of_links(self) -> None:
        done = command("topology", host=HOSTS / "a100-40-x8-cisplit.json")
        assert (done.returncode, done.stderr) == (0, "")

    def test_what_is_missing_is_said(self, tmp_path: Path) -> None:
        lost = tmp_path / "lost.json"
        lost.write_text(json.dumps(edited(GB200, ("gpus.2.lost", 1))))
        done = command("topology", host=lost)
        assert done.stderr == "note: left out: GPU 2: nvmlDeviceGetHandleByIndex: GPU is lost (NVML error 15)\n"
        assert "GPU2" not in done.stdout

    def test_into_allocate(self, tmp_path: Path) -> None:
        """Beside the slices the table does no harm."""
        document = tmp_path / "links.yaml"
        slices = tmp_path / "slices.yaml"
        options = ["--with-node", "--with-classes", "--links", str(document), "-o", "yaml"]
        slices.write_text(command("discover", *options, host=NVL).stdout)
        claim: dict[str, Any] = {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "a"},
            "spec": {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]}},
        }
        (tmp_path / "claim.json").write_text(json.dumps(claim))
        done = command("allocate", "-f", str(tmp_path))
        assert done.returncode == 0
        assert "LinkTable nvl-node" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (["--nvlink", "4"], "--nvlink: is what the machine says itself"),
            (["--pcie", "-o", "svg"], "--pcie: means nothing but for text"),
            (["-f", "/nowhere"], "/nowhere: No such file"),
            (["-f", str(NVL)], f"{NVL}: has 0 link tables, not one"),
        ],
    )
    def test_bad_input(self, arguments: list[str], error: str) -> None:
        done = command("topology", *arguments, host=NVL)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: {error}")

    def test_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        done = command("discover", "--links", str(tmp_path / "none" / "links.json"), host=NVL)
        assert done.returncode == 2
        assert "none/links.json: No such file" in done.stderr
