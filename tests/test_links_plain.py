"""Link tables by themselves: documents, drawings, what `nvidia-smi topo -m` printed, and the tree of PCIe buses.

Without this file nobody would notice if a pasted matrix were read as another machine, if a table did not come back from
its document or its drawing as it was, or if a table that contradicts itself were taken.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc import links
from gpualloc.links import Device, FabricPlace, LinkTable, Nic, PcieLevel, Place, TrayPlace, level_between

Json = dict[str, Any]
TEXTS = Path(__file__).parent / "links"
PIX, PXB, PHB, NODE, SYS = PcieLevel.PIX, PcieLevel.PXB, PcieLevel.PHB, PcieLevel.NODE, PcieLevel.SYS


def text_of(name: str) -> str:
    return (TEXTS / f"{name}.txt").read_bytes().decode()


# --- tables -----------------------------------------------------------------------------------------------------------

words = st.text("abcXYZ019 -._<&\"'é", min_size=1, max_size=8)
maybe_node = st.none() | st.integers(0, 40)


@st.composite
def tables(draw: st.DrawFn) -> LinkTable:
    """Any table: what is unknown is unknown in single places."""
    count, others = draw(st.integers(0, 4)), draw(st.integers(0, 2))
    linked = [[0] * count for _ in range(count)]
    speeds: list[list[int | None]] = [[0] * count for _ in range(count)]
    told: list[list[int | None]] = [list(row) for row in linked]
    for a, b in combinations(range(count), 2):
        number = draw(st.none() | st.integers(0, 18))
        speed = None if number is None else number * draw(st.sampled_from([14_062, 25_000, 50_000]))
        told[a][b] = told[b][a] = number
        speeds[a][b] = speeds[b][a] = draw(st.sampled_from([speed, None])) if number else speed
    size = count + others
    pcie: list[list[int | None]] = [[0] * size for _ in range(size)]
    for a, b in combinations(range(size), 2):
        pcie[a][b] = pcie[b][a] = draw(st.none() | st.sampled_from(PcieLevel))
    return LinkTable(
        node=draw(words),
        driver=draw(words),
        devices=tuple(draw(devices(number)) for number in range(count)),
        nics=tuple(
            Nic(
                name=f"mlx5_{number}",
                label=f"NIC{number}",
                pci_bus_id=draw(st.none() | words),
                numa_node=draw(maybe_node),
            )
            for number in range(others)
        ),
        links=tuple(map(tuple, told)),
        bandwidth=tuple(map(tuple, speeds)),
        pcie=tuple(map(tuple, pcie)),
    )


@st.composite
def devices(draw: st.DrawFn, number: int) -> Device:
    fabric = FabricPlace(
        state=draw(st.sampled_from(["notStarted", "completed"])),
        status=draw(st.none() | st.integers(0, 999)),
        cluster_uuid=draw(st.none() | words),
        clique_id=draw(maybe_node),
        problems=draw(st.sampled_from([(), ("degradedBandwidth",), ("a", "b")])),
    )
    tray = TrayPlace(
        chassis_serial=draw(st.none() | words),
        slot=draw(st.integers(0, 255)),
        tray=1,
        host=0,
        module=number,
        peers=draw(st.sampled_from([None, "direct"])),
    )
    return Device(
        name=f"gpu-{number}",
        label=f"GPU{number}",
        uuid=draw(st.none() | words),
        product=draw(st.none() | words),
        pci_bus_id=draw(st.none() | words),
        numa_node=draw(maybe_node),
        memory_numa_node=draw(maybe_node),
        cpus=draw(st.none() | st.sampled_from(["0-15", "0-15,32-47", "3"])),
        fabric=draw(st.none() | st.just(fabric)),
        tray=draw(st.none() | st.just(tray)),
    )


class TestTables:
    @settings(deadline=None, max_examples=40)
    @given(tables())
    def test_comes_back_from_its_document(self, table: LinkTable) -> None:
        assert links.from_document(links.to_document(table)) == table

    @settings(deadline=None, max_examples=40)
    @given(tables())
    def test_comes_back_from_its_drawing(self, table: LinkTable) -> None:
        """As far as such a drawing goes, which is what `nvidia-smi` would have said."""
        if not table.devices:
            assert links.draw_text(table) == "no devices\n"
            return
        read = links.read_nvidia_smi(links.draw_text(table), node=table.node)
        assert [replace(one, uuid=None) for one in read.devices] == [
            Device(
                name=one.label,
                label=one.label,
                numa_node=one.numa_node,
                memory_numa_node=one.memory_numa_node,
                cpus=one.cpus,
            )
            for one in table.devices
        ]
        assert [(one.name, one.label) for one in read.nics] == [(one.name, one.label) for one in table.nics]
        for a, b in combinations(range(len(table.ends)), 2):
            both = b < len(table.devices)
            number, level = table.links[a][b] if both else 0, table.pcie[a][b]
            if number:
                assert (read.links[a][b], read.pcie[a][b]) == (number, None)
                continue
            assert read.pcie[a][b] == (PIX if level == PcieLevel.BOARD else level)
            assert not both or read.links[a][b] == (None if level is None else 0)

    @settings(deadline=None, max_examples=40)
    @given(tables())
    def test_picture(self, table: LinkTable) -> None:
        """A line for each linked pair, a box for each device, a cell for each two ends."""
        root = ET.fromstring(links.draw_svg(table))
        space = "{http://www.w3.org/2000/svg}"
        pairs = [one for one in combinations(range(len(table.devices)), 2) if table.links[one[0]][one[1]]]
        assert len(root.findall(f".//{space}line")) == len(pairs)
        assert len(root.findall(f".//{space}g[@class='device']")) == len(table.devices)
        assert len(root.findall(f"{space}g[@class='matrix']/{space}rect")) == len(table.ends) ** 2
        titles = [one.text or "" for one in root.findall(f".//{space}line/{space}title")]
        for title, (a, b) in zip(titles, pairs, strict=True):
            assert title.startswith(f"GPU{a} and GPU{b}: NV{table.links[a][b]}")

    @settings(deadline=None, max_examples=40)
    @given(tables())
    def test_matrices(self, table: LinkTable) -> None:
        for matrix, made in (
            (table.links, table.link_matrix()),
            (table.bandwidth, table.bandwidth_matrix()),
            (table.pcie, table.pcie_matrix()),
        ):
            assert made.dtype == np.int64
            assert made.shape == (len(matrix), len(matrix))
            assert np.array_equal(made, made.T)
            assert [[None if value == links.UNKNOWN else value for value in row] for row in made.tolist()] == [
                list(row) for row in matrix
            ]

    @settings(deadline=None, max_examples=40)
    @given(tables())
    def test_islands(self, table: LinkTable) -> None:
        """They part the linked devices, no link leads out of one, and each holds together."""
        index = {one.name: at for at, one in enumerate(table.devices)}
        groups = [[index[name] for name in island.devices] for island in table.islands]
        flat = [one for group in groups for one in group]
        assert len(set(flat)) == len(flat)
        assert set(flat) == {at for at, row in enumerate(table.links) if any(row)}
        for group, island in zip(groups, table.islands, strict=True):
            outside = [other for other in range(len(table.devices)) if other not in group]
            assert not any(table.links[a][b] for a in group for b in outside)
            inside = table.link_matrix()[np.ix_(group, group)] > 0
            assert np.linalg.matrix_power(inside.astype(int) + np.eye(len(group), dtype=int), len(group)).all()
            pairs = [(a, b) for a, b in combinations(group, 2) if table.links[a][b]]
            assert island.is_complete == (len(pairs) == len(group) * (len(group) - 1) // 2)
            told = [table.bandwidth[a][b] for a, b in pairs]
            assert island.bandwidth == (None if None in told else min(one for one in told if one))

    def test_without_numpy(self) -> None:
        """All but the matrices is there without it."""
        code = (
            "import sys; sys.modules['numpy'] = None\n"
            "from gpualloc import links\n"
            "table = links.read_nvidia_smi('GPU0 GPU1\\nGPU0 X NV2\\nGPU1 NV2 X\\n')\n"
            "links.draw_svg(links.from_document(links.to_document(table)))\n"
            "table.link_matrix()"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stderr.splitlines()[-1].endswith("matrices need numpy: pip install 'gpualloc[links]'")


# --- documents that are none ------------------------------------------------------------------------------------------

GOOD = links.to_document(links.read_nvidia_smi(text_of("tray"), node="a", nvlink=5, names={"GPU0": "gpu-7"}))


def changed(path: str, value: object) -> Json:
    document = copy.deepcopy(GOOD)
    *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    where: Any = document
    for part in way:
        where = where[part]
    if value is KeyError:
        del where[last]
    else:
        where[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("apiVersion", "v1", "apiVersion"),
        ("kind", "Links", "kind"),
        ("colour", 1, "colour"),
        ("metadata", [], "metadata"),
        ("metadata.name", 7, "metadata.name"),
        ("metadata.labels", {}, "metadata.labels"),
        ("spec", None, "spec"),
        ("spec.driver", KeyError, "spec.driver"),
        ("spec.devices", {}, "spec.devices"),
        ("spec.devices.1", "gpu-1", "spec.devices[1]"),
        ("spec.devices.1.name", KeyError, "spec.devices[1].name"),
        ("spec.devices.1.name", "gpu-7", "spec.devices"),
        ("spec.devices.1.label", "NIC0", "spec"),
        ("spec.devices.1.numaNode", True, "spec.devices[1].numaNode"),
        ("spec.devices.1.numa_node", 0, "spec.devices[1].numa_node"),
        ("spec.devices.1.uuid", None, "spec.devices[1].uuid"),
        ("spec.devices.1.fabric", {}, "spec.devices[1].fabric.state"),
        ("spec.devices.1.fabric", {"state": "completed", "problems": [1]}, "spec.devices[1].fabric.problems[0]"),
        ("spec.devices.1.tray", {"slot": 1, "tray": 1, "host": 0}, "spec.devices[1].tray.module"),
        ("spec.nics.0.name", "mlx5_bond_0", "spec.nics"),
        ("spec.links", KeyError, "spec.links"),
        ("spec.links", [], "spec.links"),
        ("spec.links.2", [0], "spec.links[2]"),
        ("spec.links.2.3", -1, "spec.links[2][3]"),
        ("spec.links.2.3", "18", "spec.links[2][3]"),
        ("spec.links.2.3", 17, "spec.links[3][2]"),
        ("spec.links.2.2", 1, "spec.links[2][2]"),
        ("spec.links.2.2", None, "spec.links[2][2]"),
        ("spec.megabytesPerSecond.0.1", 0, "spec.megabytesPerSecond[1][0]"),
        ("spec.pcie.0.0", "PIX", "spec.pcie[0][0]"),
        ("spec.pcie.0.1", "X", "spec.pcie[0][1]"),
        ("spec.pcie.0.4", "SYS", "spec.pcie[4][0]"),
        ("spec.islands", KeyError, "spec.islands"),
        ("spec.islands.0.complete", False, "spec.islands"),
    ],
)
def test_document_that_is_none(path: str, value: object, field: str) -> None:
    with pytest.raises(ga.InvalidInputError) as caught:
        links.from_document(changed(path, value))
    assert caught.value.field == field
    assert caught.value.document.startswith("LinkTable")


@pytest.mark.parametrize("document", [[], None, "LinkTable"])
def test_document_that_is_no_object(document: Any) -> None:
    with pytest.raises(ga.InvalidInputError, match="LinkTable: must be an object"):
        links.from_document(document)


def test_speed_without_links() -> None:
    table = links.read_nvidia_smi(text_of("old-names"))
    speeds = [list(row) for row in table.bandwidth]
    speeds[0][1] = speeds[1][0] = 25_000
    with pytest.raises(ga.InvalidInputError, match="25000 does not go with 0 links"):
        replace(table, bandwidth=tuple(map(tuple, speeds)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["X", "PIX", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "label", "fabric"]), inner),
)


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(GOOD["spec"])), json_values)
def test_any_document_is_a_table_or_an_error(field: str, value: object) -> None:
    try:
        table = links.from_document({**GOOD, "spec": {**GOOD["spec"], field: value}})
    except ga.InvalidInputError:
        return
    assert links.from_document(links.to_document(table)) == table


# --- what nvidia-smi printed ------------------------------------------------------------------------------------------


class TestTexts:
    def test_drivers_before_2018(self) -> None:
        table = links.read_nvidia_smi(text_of("old-names"))
        assert [one.name for one in table.nics] == ["mlx4_0"]
        assert [table.pcie[a][4] for a in range(4)] == [PHB, PHB, PIX, SYS]
        assert table.pcie[0][1:4] == (PIX, PHB, SYS)
        assert [one.cpus for one in table.devices] == ["0-9,20-29"] * 3 + ["10-19,30-39"]
        assert {one.numa_node for one in table.devices} == {None}
        assert not table.islands

    def test_drivers_of_today(self) -> None:
        table = links.read_nvidia_smi(text_of("tray"), node="a", nvlink=5, names={"GPU0": "gpu-7"})
        assert [one.name for one in table.devices] == ["gpu-7", "GPU1", "GPU2", "GPU3"]
        assert [one.memory_numa_node for one in table.devices] == [2, 10, 18, None]
        assert [(one.label, one.name) for one in table.nics] == [("NIC0", "mlx5_0"), ("NIC1", "mlx5_bond_0")]
        assert {row[3] for row in table.bandwidth[:3]} == {18 * 50_000}
        assert table.pcie[0][1] is None
        assert table.pcie[0][4:] == (NODE, SYS)
        assert table.islands[0].devices == ("gpu-7", "GPU1", "GPU2", "GPU3")

    def test_pasted_into_an_answer(self) -> None:
        """Quoted, with rows in another order, words that have run together, and more text around."""
        table = links.read_nvidia_smi(text_of("pasted"))
        assert (table.links[0][1], table.bandwidth[0][1]) == (4, None)
        assert [row[2:] for row in table.pcie] == [(PIX, SYS), (NODE, SYS), (0, SYS), (SYS, 0)]
        assert [one.numa_node for one in table.devices] == [0, 0]

    def test_one_gpu(self) -> None:
        """As an H200 in a virtual machine said it, with Windows' ends of lines."""
        table = links.read_nvidia_smi(text_of("alone"))
        assert table.devices == (Device(name="GPU0", label="GPU0", cpus="0-15", numa_node=0),)

    def test_underline_that_copying_broke(self) -> None:
        """As issue trackers show it: the character that begins it is lost, its digits are not."""
        assert "\x1b[4m" in text_of("tray")
        assert links.read_nvidia_smi(text_of("tray").replace("\x1b", "")) == links.read_nvidia_smi(text_of("tray"))

    def test_without_nvlinks(self) -> None:
        """What `topo -mp` says."""
        text = text_of("tray").replace("NV18", "NODE")
        assert links.read_nvidia_smi(text).pcie[0][1:4] == (NODE, NODE, NODE)

    def test_several_numa_nodes_name_none(self) -> None:
        text = text_of("pasted").replace("0-15    0", "0-15    0-1")
        assert {one.numa_node for one in links.read_nvidia_smi(text).devices} == {None}

    @pytest.mark.parametrize(
        ("name", "old", "new", "field"),
        [
            ("tray", "GPU0\tGPU1", "A\tB", "row A"),  # what is no GPU is a NIC, and has no row
            ("tray", "\x1b[4mGPU0\tGPU1\tGPU2\tGPU3", "", "header"),
            ("old-names", "GPU1\tGPU2\tGPU3\tmlx", "GPU0\tGPU2\tGPU3\tmlx", "header"),
            ("tray", "GPU2\tNV18", "GPU1\tNV18", "row GPU1"),
            ("tray", "NIC1\tSYS", "NIC7\tSYS", "row NIC1"),
            ("tray", "\nGPU1\tNV18", "\nGPU1\tNV17", "row GPU0, column GPU1"),
            ("tray", "GPU0\t X ", "GPU0\t SYS ", "row GPU0, column GPU0"),
            ("tray", "GPU0\t X \tNV18", "GPU0\t X \tX", "row GPU0, column GPU1"),
            ("tray", "NODE\tSYS\t0-71\t0\t\t2\n", "NODE\tERR!\t0-71\t0\t\t2\n", "row GPU0, column NIC1"),
            ("tray", "0-71\t0\t\t2\n", "0-71\t2\n", "row GPU0"),
            ("tray", "0-71\t0\t\t2\n", "0-71\tzero\t\t2\n", "row GPU0, column NUMA Affinity"),
            ("tray", "0-71\t0\t\t2\n", f"0-71\t{'9' * 5000}\t\t2\n", "row GPU0, column NUMA Affinity"),
            ("tray", "NV18", f"NV{'9' * 5000}", "row GPU0, column GPU2"),
            ("tray", "NODE\tNODE\tSYS\tSYS\t X \tSYS", "NODE\tNODE\tSYS\tSYS\t X ", "row NIC0, column NIC1"),
            ("pasted", "PIX ", "NV1 ", "row GPU0, column NIC0"),
        ],
    )
    def test_text_that_says_no_table(self, name: str, old: str, new: str, field: str) -> None:
        text = text_of(name)
        assert old in text
        with pytest.raises(ga.InvalidInputError) as caught:
            links.read_nvidia_smi(text.replace(old, new))
        assert (caught.value.document, caught.value.field) == ("nvidia-smi topo", field)

    @pytest.mark.parametrize("text", ["", "no GPU here", "kind: LinkTable\n", "GPU0 PIX\n", "\x00\n"])
    def test_no_drawing(self, text: str) -> None:
        assert not links.is_nvidia_smi(text)
        with pytest.raises(ga.InvalidInputError):
            links.read_nvidia_smi(text)

    def test_arguments_that_mean_nothing(self) -> None:
        with pytest.raises(ga.InvalidInputError, match="speed of generation 6 is not known"):
            links.read_nvidia_smi(text_of("tray"), nvlink=6)
        with pytest.raises(ga.InvalidInputError, match=r"names\[GPU9\]: no such device"):
            links.read_nvidia_smi(text_of("tray"), names={"GPU9": "gpu-9"})
        with pytest.raises(ga.InvalidInputError, match="two have one name"):
            links.read_nvidia_smi(text_of("tray"), names={"GPU0": "GPU1"})

    @settings(deadline=None)
    @given(st.data())
    def test_no_word_of_a_matrix_can_be_missing(self, data: st.DataObject) -> None:
        """Whichever it is: no other table is read instead."""
        lines = text_of(data.draw(st.sampled_from(["tray", "old-names"]))).splitlines()
        start = next(at for at, line in enumerate(lines) if "CPU Affinity" in line)
        row = data.draw(st.integers(start + 1, start + 5))
        fields = lines[row].split("\t")
        del fields[data.draw(st.integers(0, 5 if len(fields) > 7 else 4))]
        lines[row] = "\t".join(fields)
        with pytest.raises(ga.InvalidInputError):
            links.read_nvidia_smi("\n".join(lines))

    @settings(deadline=None)
    @given(st.text(st.sampled_from("GPU01NICXSYV8 \t\n:"), max_size=60))
    def test_any_text_is_a_table_or_an_error(self, text: str) -> None:
        try:
            links.read_nvidia_smi(text)
        except ga.InvalidInputError:
            return
        assert links.is_nvidia_smi(text)


# --- the tree of buses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("r/p/u/d1/a", "r/p/u/d2/b", PIX),  # two ports of a switch
        ("r/p/a", "r/p/b", PIX),  # two functions of a card
        ("r/p/u/d1/u2/d3/a", "r/p/u/d2/b", PXB),  # a switch below a switch
        ("r/p/u/d1/u2/d3/a", "r/p/u/d1/u2/d4/b", PIX),
        ("r/p/u/d1/t/a", "r/p/u/d2/b", PXB),  # one more bridge on one side
        ("r/p/u/d1/a", "r/q/b", PHB),  # two root ports
        ("r/a", "r/b", PHB),  # on the root bus itself
    ],
)
def test_level_below_one_root(one: str, other: str, level: PcieLevel) -> None:
    a, b = Place(tuple(one.split("/")), None), Place(tuple(other.split("/")), None)
    assert level_between(a, b) == level_between(b, a) == level


@pytest.mark.parametrize(("first", "second", "level"), [(0, 0, NODE), (0, 1, SYS), (0, None, None), (None, None, None)])
def test_level_below_two_roots(first: int | None, second: int | None, level: PcieLevel | None) -> None:
    assert level_between(Place(("r", "a"), first), Place(("s", "b"), second)) == level


def test_level_of_a_place_nobody_knows() -> None:
    """NUMA nodes that differ are known to be far; of one node it may be nearer than that."""
    assert level_between(Place((), 0), Place(("s", "b"), 1)) == SYS
    assert level_between(Place((), 0), Place(("s", "b"), 0)) is None
