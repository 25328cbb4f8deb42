"""Other vendors' slices against what their drivers publish, written down by hand from their sources and documentation.

Without this file a wrong name, attribute, counter or taint would go unseen until a claim written for the real driver
finds nothing, or two claims get one device. Each file of `tests/vendors/` has a vendor's cases: a host, its slices, and
claims with the devices they get. Its last part is AMD's discovery from a sysfs tree.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc import mig, vendors
from gpualloc.vendors import amd_links, amd_sysfs, any_accelerator, tpu
from mig_cluster import recorded_card
from vendor_cases import check_claim, check_slices, claim, inventory, names_of, published

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster import Json

FOLDER = Path(__file__).parent / "vendors"
SYSFS: Json = json.loads((FOLDER / "amd-sysfs.json").read_text())


@cache
def cases() -> dict[str, Json]:
    return {
        f"{name}: {case['name']}": case
        for name in vendors.names()
        for case in json.loads((FOLDER / f"{name}.json").read_text())
    }


class TestCases:
    @pytest.mark.parametrize("name", cases())
    def test_slices(self, name: str) -> None:
        check_slices(cases()[name])

    @pytest.mark.parametrize(
        ("name", "number"),
        [(name, number) for name, case in cases().items() for number in range(len(case["claims"]))],
    )
    def test_claims(self, name: str, number: int) -> None:
        check_claim(cases()[name], cases()[name]["claims"][number])

    def test_every_vendor_has_cases(self) -> None:
        assert {path.stem for path in FOLDER.glob("*.json")} == {*vendors.names(), "amd-sysfs"}


# --- bad descriptions -------------------------------------------------------------------------------------------------

GPU: Json = {
    "pci": "0000:05:00.0",
    "numaNode": 0,
    "product": "X",
    "memoryBytes": 1,
    "devices": [{"card": 0, "render": 128}],
}
CPX: Json = {"computePartition": "cpx", "memoryPartition": "nps1"}
CARD: Json = {"pci": "0000:04:00.0", "pciId": "0x1020", "pcieRoot": "pci0000:00", "serial": "", "healthy": True}
ARC: Json = {"pci": "0000:04:00.0", "pciId": "0xe211", "pcieRoot": "pci0000:00", "driver": "xe"}
CHIP: Json = {
    "chipID": 0,
    "trayID": 0,
    "asicLocation": 0,
    "boardType": 4,
    "chipArch": "wormhole",
    "uniqueID": "1",
    "memoryBytes": 1,
    "mmio": True,
}
AUTO: Json = {"mode": "auto-partition"}
# Vendor, the rest of the description, and the field at fault.
REFUSED: list[tuple[object, Json, str]] = [
    ("_fields", {}, "vendor"),
    ("concepts", {}, "vendor"),
    (1, {}, "vendor"),
    (None, {}, "vendor"),
    ("amd", {"node": None}, "node"),
    ("amd", {"node": 3}, "node"),
    ("amd", {}, "gpus"),
    ("amd", {"gpus": {}}, "gpus"),
    ("amd", {"gpus": [1]}, "gpus[0]"),
    ("amd", {"gpus": [], "bogus": 1}, "bogus"),
    ("amd", {"gpus": [{**GPU, "pci": "05:00.0"}]}, "gpus[0].pci"),
    ("amd", {"gpus": [{**GPU, "numaNode": True}]}, "gpus[0].numaNode"),
    ("amd", {"gpus": [{**GPU, "numaNode": -2}]}, "gpus[0].numaNode"),
    ("amd", {"gpus": [{**GPU, "memoryBytes": -1}]}, "gpus[0].memoryBytes"),
    ("amd", {"gpus": [{**GPU, "memory": "1Gi"}]}, "gpus[0].memory"),
    ("amd", {"gpus": [{**GPU, "devices": [{"card": 0}]}]}, "gpus[0].devices[0].render"),
    ("amd", {"gpus": [{**GPU, "devices": [*GPU["devices"], *GPU["devices"]]}]}, "gpus[0].devices"),
    ("amd", {"gpus": [{**GPU, **CPX}]}, "gpus[0].devices[0].memoryBytes"),
    ("amd", {"gpus": [{**GPU, "computePartition": "SPX"}]}, "gpus[0].computePartition"),
    ("amd", {"gpus": [{**GPU, "xcds": 0}]}, "gpus[0].xcds"),
    ("amd", {"gpus": [GPU, GPU]}, "gpus"),
    ("amd", {"gpus": [GPU, {**GPU, "pci": "0000:06:00.0"}]}, "gpus"),
    ("amd", {"gpus": [], "memoryMode": "nps4"}, "memoryMode"),
    ("amd", {"gpus": [], "driverVersion": "six"}, "driverVersion"),
    ("amd", {"gpus": [GPU], "vfio": True}, "gpus[0].iommuGroup"),
    ("amd", {"gpus": [{**GPU, "vfs": [{}]}]}, "gpus[0].vfs"),
    ("amd", {**AUTO, "gpus": [{**GPU, "xcds": 7}]}, "modes"),
    ("amd", {**AUTO, "gpus": [{**GPU, "xcds": 8, "modes": ["tpx-nps1"]}]}, "modes"),
    ("amd", {**AUTO, "gpus": [{**GPU, "xcds": 8, "modes": ["spx-nps2"]}]}, "modes"),
    ("amd", {**AUTO, "gpus": [{**GPU, "xcds": 8, "modes": "spx-nps1"}]}, "gpus[0].modes"),
    ("intel", {"gpus": [{**ARC, "pciId": "e211"}]}, "gpus[0].pciId"),
    ("intel", {"gpus": [{**ARC, "driver": "nouveau"}]}, "gpus[0].driver"),
    ("intel", {"gpus": [{**ARC, "health": {"power": "bad"}}]}, "gpus[0].health.power"),
    ("intel", {"gpus": [{**ARC, "health": "Healthy"}]}, "gpus[0].health"),
    ("intel", {"gpus": [ARC], "manageBinding": "no"}, "manageBinding"),
    ("gaudi", {"cards": [{**CARD, "healthy": "yes"}]}, "cards[0].healthy"),
    ("gaudi", {"cards": [{**CARD, "serial": None}]}, "cards[0].serial"),
    ("tpu", {"accelerator": "tpu-v4-device", "chips": []}, "accelerator"),
    ("tpu", {"accelerator": "tpu7x", "topology": "2", "chips": []}, "topology"),
    ("tpu", {"accelerator": "tpu7x", "chips": [{"file": "vfio"}]}, "chips[0].file"),
    ("tenstorrent", {"chips": [{**CHIP, "uniqueID": 5}]}, "chips[0].uniqueID"),
    ("tenstorrent", {"chips": [{**CHIP, "mmio": None}]}, "chips[0].mmio"),
    ("tenstorrent", {"chips": [CHIP, CHIP]}, "chips"),
]


@pytest.mark.parametrize(("vendor", "rest", "field"), REFUSED)
def test_refused(vendor: object, rest: Json, field: str) -> None:
    with pytest.raises(ga.InvalidInputError) as caught:
        vendors.produce({"vendor": vendor, "node": "n", **rest})
    assert caught.value.field == field
    assert caught.value.document


def test_what_the_api_would_refuse_is_refused() -> None:
    description = {"vendor": "amd", "node": "n", "gpus": [{**GPU, "product": "x" * 65}]}
    with pytest.raises(ga.InvalidInputError, match="64") as caught:
        vendors.produce(description)
    assert "productName" in caught.value.field
    with pytest.raises(ga.InvalidInputError):
        vendors.produce({"vendor": "tpu", "node": "Not a name", "accelerator": "tpu7x", "chips": []})


# --- any host is published within the limits --------------------------------------------------------------------------

addresses = st.lists(st.integers(0, 0xFFFF), unique=True, max_size=24).map(
    lambda numbers: [f"{number >> 8:04x}:{number & 0xFF:02x}:00.0" for number in numbers]
)


@st.composite
def amd_hosts(draw: st.DrawFn) -> Json:
    gpus: list[Json] = []
    number = 128
    for pci in draw(addresses):
        xcds = draw(st.sampled_from([None, 8, 6]))
        compute = draw(st.sampled_from(["spx", "cpx"])) if xcds else ""
        count = draw(st.integers(0, xcds or 1)) if compute == "cpx" else 1
        gpu: Json = {
            "pci": pci,
            "numaNode": draw(st.integers(-1, 7)),
            "product": draw(st.sampled_from(["AMD Instinct MI300X", "AMD Instinct MI300A", ""])),
            "memoryBytes": draw(st.none() | st.integers(0, 1 << 40)),
            "computeUnits": draw(st.integers(0, 400)),
            "xcds": xcds,
            "devices": [{"card": number + index, "render": number + index} for index in range(count)],
            "iommuGroup": "1",
            "totalVFs": draw(st.integers(0, 8)),
        }
        if compute:
            gpu |= {"computePartition": compute, "memoryPartition": "nps1"}
        number += count
        gpus.append(gpu)
    auto = draw(st.booleans())
    active = {"memoryMode": draw(st.sampled_from(["nps1", "nps4"]))} if auto and draw(st.booleans()) else {}
    mode = {"mode": "auto-partition"} if auto else {}
    return {"vendor": "amd", "node": "n", "gpus": gpus, "vfio": draw(st.booleans()), **mode, **active}


@settings(max_examples=60, deadline=None)
@given(amd_hosts())
def test_any_host_is_within_limits(description: Json) -> None:
    slices = vendors.produce(description).slices
    held = inventory("n", slices)
    assert held.report == ()
    devices = [device for each in slices for device in each["spec"].get("devices", [])]
    assert [device["name"] for device in devices] == sorted(device["name"] for device in devices)
    assert [each["metadata"]["name"] for each in slices] == sorted(each["metadata"]["name"] for each in slices)
    sets = [item["name"] for each in slices for item in each["spec"].get("sharedCounters", [])]
    assert {one["counterSet"] for device in devices for one in device.get("consumesCounters", [])} <= set(sets)
    if not description.get("memoryMode") and devices:
        answer = held.allocate([claim({"class": "gpu.amd.com", "requests": [["true", 1]]})])
        assert names_of(answer) == [devices[0]["name"]]


# What 24 GPUs are published as: devices of a slice, then its counter sets.
SIZES: list[tuple[Json, list[tuple[int, int]]]] = [
    ({"mode": "static"}, [(24, 0)]),
    # Each GPU in each of its modes, held together by a counter set.
    (AUTO, [(64, 0), (64, 0), (16, 0), (0, 8), (0, 8), (0, 8)]),
]


@pytest.mark.parametrize(("mode", "expected"), SIZES)
def test_slices_are_cut_to_the_limits(mode: Json, expected: list[tuple[int, int]]) -> None:
    """64 devices in a slice where any takes counters, and 8 counter sets."""
    gpus = [{**GPU, "pci": f"0000:{n:02x}:00.0", "xcds": 8, "devices": [{"card": n, "render": n}]} for n in range(24)]
    assert sizes({"vendor": "amd", "gpus": gpus, **mode}) == expected


@pytest.mark.parametrize(("count", "bad", "expected"), [(130, 0, [128, 2]), (64, 1, [64]), (130, 1, [64, 64, 2])])
def test_tainted_devices_take_smaller_slices(count: int, bad: int, expected: list[int]) -> None:
    gpus = [{**ARC, "pci": f"{n:04x}:04:00.0", "health": {"power": "Healthy"}} for n in range(count)]
    for gpu in gpus[:bad]:
        gpu["health"] = {"power": "Unhealthy"}
    assert sizes({"vendor": "intel", "gpus": gpus}) == [(size, 0) for size in expected]


def sizes(description: Json) -> list[tuple[int, int]]:
    specs = [each["spec"] for each in vendors.produce({"node": "n", **description}).slices]
    return [(len(spec.get("devices", [])), len(spec.get("sharedCounters", []))) for spec in specs]


# --- across vendors ---------------------------------------------------------------------------------------------------

NVIDIA_CLASS: Json = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "DeviceClass",
    "metadata": {"name": "gpu.nvidia.com"},
    "spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]},
}
ORDER = (vendors.NVIDIA, *(vendors.vendor(name).CONCEPTS for name in ("amd", "intel", "gaudi", "tpu", "tenstorrent")))


@pytest.mark.parametrize(
    ("case", "minimum", "count", "expected"),
    [
        ("amd: a whole GPU and one cut in two", "80Gi", 1, ["gpu-0-128"]),
        ("amd: a whole GPU and one cut in two", "80Gi", 2, None),
        ("amd: a whole GPU and one cut in two", "200Gi", 1, None),
        ("amd: a GPU that cannot be partitioned, of unknown size", "1", 1, None),
        ("amd: every mode, the node free", "80Gi", 1, ["gpu-0-spx-nps1"]),
        ("amd: every mode, the node held in nps4", "64Gi", 1, None),
        ("amd: passthrough with virtual functions", "80Gi", 2, ["gpu-0-128", "gpu-1-129"]),
        ("intel: a B60, a bad one, an unbound Max, a virtual function", "16Gi", 1, ["0000-04-00-0-0xe211"]),
        ("intel: a B60, a bad one, an unbound Max, a virtual function", "80Gi", 1, None),
        ("gaudi: three cards, one of them bad, one without a serial number", "80Gi", 2,
         ["0000-a0-00-0-0x1020", "0000-b3-00-0-0x1060"]),
        ("gaudi: three cards, one of them bad, one without a serial number", "100Gi", 1, ["0000-b3-00-0-0x1060"]),
        ("tpu: four chips behind vfio", "16Gi", 1, ["0", "1", "2", "3"]),
        ("tpu: four chips behind vfio", "80Gi", 1, None),
        ("tenstorrent: an n300, a p300 with two chips that can be opened, a tray that cannot", "24Gi", 1, ["tt-0"]),
        ("tenstorrent: an n300, a p300 with two chips that can be opened, a tray that cannot", "80Gi", 1, None),
    ],
)  # fmt: skip
def test_any_accelerator(case: str, minimum: str, count: int, expected: list[str] | None) -> None:
    description = cases()[case]["description"]
    host = description["node"]
    asked = any_accelerator("any", minimum, ORDER, count=count)
    held = inventory(host, vendors.produce(description).slices).update([NVIDIA_CLASS, asked])
    assert ga.validate([asked]) == []
    answer = held.allocate(["default/any"])
    assert answer.outcome == ("impossible" if expected is None else "placed"), answer.why or answer.error
    if expected is not None:
        assert names_of(answer) == expected


def test_any_accelerator_takes_the_first_vendor_that_has_one() -> None:
    hosts = [cases()[name]["description"] for name in ("amd: every mode, the node free", "tpu: four chips behind vfio")]
    slices = [
        {**each, "spec": {**each["spec"], "nodeName": "n"}} for host in hosts for each in vendors.produce(host).slices
    ]
    held = inventory("n", slices)
    amd, chips = (vendors.vendor(name).CONCEPTS for name in ("amd", "tpu"))
    answers = [held.allocate([any_accelerator("any", "16Gi", order)]) for order in ((amd, chips), (chips, amd))]
    assert [names_of(answer) for answer in answers] == [["gpu-0-spx-nps1"], ["0", "1", "2", "3"]]


@pytest.mark.parametrize(("minimum", "expected"), [("79Gi", ["gpu-0"]), ("80G", ["gpu-0"]), ("80Gi", None)])
def test_any_accelerator_of_nvidia(minimum: str, expected: list[str] | None) -> None:
    """An H100 of 79.65 GiB that may be cut up: the card itself is taken, and never a part as large as it."""
    card = recorded_card("h100-80-x8")
    devices = [
        *mig.partition_devices(card, 0, {"type": {"string": "mig"}}),
        mig.whole_device(card, 0, {"type": {"string": "gpu"}}),
    ]
    parts: list[Json] = [{"devices": devices}, {"sharedCounters": [mig.counter_set(card, 0)]}]
    held = inventory("n", published("n", "gpu.nvidia.com", parts)).update([NVIDIA_CLASS])
    answer = held.allocate([any_accelerator("any", minimum, ORDER)])
    assert answer.outcome == ("impossible" if expected is None else "placed"), answer.why or answer.error
    if expected is not None:
        assert names_of(answer) == expected


@pytest.mark.parametrize("words", ORDER, ids=lambda words: words.driver)
def test_devices_that_do_not_say_are_passed_over(words: vendors.Concepts) -> None:
    """A device without the attributes and capacities asked about is none that will do; it must not fail the claim."""
    held = inventory("n", published("n", words.driver, [{"devices": [{"name": "blank"}]}])).update([NVIDIA_CLASS])
    answer = held.allocate([any_accelerator("any", "0", ORDER)])
    assert (answer.outcome, answer.error) == ("impossible", None)


def test_any_accelerator_refuses() -> None:
    for minimum, order in (("80Gi", ()), ("80Gi", ORDER * 2), ('1")', ORDER), ("-1", ORDER)):
        with pytest.raises(ga.InvalidInputError):
            any_accelerator("any", minimum, order)


def test_concepts_name_what_is_published() -> None:
    """Each word of the table is an attribute or a capacity of a device of that vendor's cases."""
    for vendor in vendors.names():
        words = vendors.vendor(vendor).CONCEPTS
        devices = [
            device
            for name, case in cases().items()
            if name.startswith(f"{vendor}:")
            for part in case["slices"]
            for device in part.get("devices", [])
        ]
        attributes = {key: value for device in devices for key, value in device["attributes"].items()}
        for word in (words.stable_id, words.parent, words.model, words.numa, words.pcie_root):
            assert word is None or word in attributes, (vendor, word)
        if words.whole is not None:
            values = {device["attributes"][words.whole[0]]["string"] for device in devices}
            assert set(words.whole[1]) < values
        assert words.memory is None or any(words.memory in device.get("capacity", {}) for device in devices)
        assert ("taints" in (words.health or "")) >= any("taints" in device for device in devices)


TABLE: dict[str, Callable[[vendors.Concepts], str | None]] = {
    "DeviceClass": lambda words: words.device_class,
    "whole devices": lambda words: words.whole and f"{words.whole[0]} {' '.join(words.whole[1])}",
    "stable id": lambda words: words.stable_id,
    "parts share": lambda words: words.parent,
    "model": lambda words: words.model,
    "memory": lambda words: words.memory or "by model",
    "memory of 0 means": lambda words: "unknown" if words.unknown_memory else None,
    "NUMA node": lambda words: words.numa,
    "PCIe root": lambda words: words.pcie_root,
    "bad health": lambda words: words.health,
    "healthy": lambda words: words.healthy and f"{words.healthy[0]} {json.dumps(words.healthy[1])}",
    "also bound by": lambda words: words.beyond_counts,
}


def test_the_page_has_the_table() -> None:
    rows = [["", *(words.driver for words in ORDER)], ["---"] * (len(ORDER) + 1)]
    rows += [[row, *(cell(words) or "" for words in ORDER)] for row, cell in TABLE.items()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    assert table in (Path(__file__).parents[1] / "docs" / "vendors.md").read_text()


@pytest.mark.parametrize(
    ("accelerator", "expected"),
    [
        ("tpu-v3-slice", "v3"),
        ("tpu-v4-podslice", "v4"),
        ("tpu-v4-lite-device", "v4lite"),
        ("tpu-v5-lite-device", "v5lite"),
        ("tpu-v5-lite-podslice", "v5litepod"),
        ("tpu-v5p-slice", "v5p"),
        ("tpu-v6e-slice", "v6e"),
        ("tpu7x", "tpu7x"),
        ("tpu-v4-device", None),
        ("tpu-v4-lite-podslice", None),
        ("tpu-v9-slice", None),
        ("v6e", None),
    ],
)
def test_tpu_generations(accelerator: str, expected: str | None) -> None:
    assert tpu.generation(accelerator) == expected


# --- AMD from sysfs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """A tree as the kernel shows it: a whole MI300X, one in eight partitions, an MI210, two partitions not in use."""
    for name, text in SYSFS["files"].items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, target in SYSFS["links"].items():
        (tmp_path / name).symlink_to(tmp_path / target)
    return tmp_path


class TestSysfs:
    def test_slices(self, sysfs: Path) -> None:
        found = amd_sysfs.describe("mi300-s", sysfs)
        assert found.remarks == ()
        assert vendors.produce(found.description).slices == published("mi300-s", "gpu.amd.com", SYSFS["slices"])
        assert json.loads(json.dumps(found.description)) == found.description
        assert [gpu.get("xcds") for gpu in found.description["gpus"]] == [8, 8, None]

    def test_links(self, sysfs: Path) -> None:
        found = amd_sysfs.links(sysfs)
        assert [list(link) for link in found] == SYSFS["xgmi"]
        description = amd_sysfs.describe("mi300-s", sysfs).description
        table = amd_links.link_table(description, found)
        places = {f"renderD{one.name.split('-')[-1]}": at for at, one in enumerate(table.devices)}
        assert {one.name for one in table.devices} == names_in(SYSFS["slices"])
        for link in found:
            a, b = places[link.source], places[link.target]
            assert (table.links[a][b], table.bandwidth[a][b]) == (1, link.megabytes_per_second or None)
        assert (
            sum(links or 0 for row in table.links for links in row) == len({frozenset(link[:2]) for link in found}) * 2
        )
        with pytest.raises(ga.InvalidInputError, match="mode: devices that do not exist yet have no links"):
            amd_links.link_table({**description, "mode": "auto-partition"}, found)

    def test_no_driver(self, tmp_path: Path) -> None:
        with pytest.raises(amd_sysfs.SysfsError, match="amdgpu") as caught:
            amd_sysfs.describe("n", tmp_path)
        assert caught.value.path == str(tmp_path / "module/amdgpu/drivers/pci:amdgpu")
        assert isinstance(caught.value, ga.GpuallocError)
        assert amd_sysfs.links(tmp_path) == ()

    # What is taken away or spoilt; devices that are left; the remark.
    @pytest.mark.parametrize(
        ("path", "text", "left", "remark"),
        [
            ("devices/pci0000:00/0000:00:01.1/0000:05:00.0/numa_node", None, 9, r"0000:05:00\.0 is left out.*NUMA"),
            ("devices/pci0000:00/0000:00:01.1/0000:05:00.0/numa_node", "x", 9, r"0000:05:00\.0 is left out.*NUMA"),
            ("devices/pci0000:20/0000:20:01.1/0000:26:00.0/drm", None, 2, r"0000:26:00\.0 is left out.*render"),
            ("devices/platform/amdgpu_xcp_3/drm/card12", None, 9, r"amdgpu_xcp_3 is left out"),
            ("devices/platform/amdgpu_xcp_9", None, 10, None),
            ("class/kfd/kfd/topology/nodes/10", None, 10, r"0000:63:00\.0 is not in the KFD topology"),
            ("class/kfd/kfd/topology/nodes/9", None, 9, None),
            ("class/kfd/kfd/topology/nodes/1/mem_banks", None, 10, None),
            ("devices/pci0000:00/0000:00:01.1/0000:05:00.0/product_name", None, 10, None),
            ("devices/pci0000:00/0000:00:01.1/0000:05:00.0/current_compute_partition", None, 10, None),
            ("module/amdgpu/version", None, 10, None),
        ],
    )  # fmt: skip
    def test_one_bad_file_costs_one_device(
        self, sysfs: Path, path: str, text: str | None, left: int, remark: str | None
    ) -> None:
        spoil(sysfs / path, text)
        found = amd_sysfs.describe("n", sysfs)
        (produced,) = vendors.produce(found.description).slices
        assert len(produced["spec"]["devices"]) == left
        assert bool(found.remarks) == (remark is not None)
        for sentence in found.remarks:
            assert re.search(remark or "", sentence)

    def test_memory_that_cannot_be_read_is_published_as_unknown(self, sysfs: Path) -> None:
        spoil(sysfs / "class/kfd/kfd/topology/nodes/1/mem_banks", None)
        description = amd_sysfs.describe("n", sysfs).description
        assert "memoryBytes" not in description["gpus"][0]
        (produced,) = vendors.produce(description).slices
        memory = {device["name"]: device["capacity"]["memory"] for device in produced["spec"]["devices"]}
        assert memory["gpu-1-128"] == {"value": "0"}

    @pytest.mark.parametrize("text", ["simd_count\n", "simd_count x\n", "simd_count -1\n", None])
    def test_a_topology_that_cannot_be_read_is_an_error(self, sysfs: Path, text: str | None) -> None:
        path = sysfs / "class/kfd/kfd/topology/nodes/1/properties"
        spoil(path, text)
        with pytest.raises(amd_sysfs.SysfsError) as caught:
            amd_sysfs.describe("n", sysfs)
        assert caught.value.path == str(path)


def spoil(path: Path, text: str | None) -> None:
    """Puts other text in a file, or takes it, or the folder, away."""
    if text is not None:
        path.write_text(text)
    elif path.is_dir():
        for inner in sorted(path.rglob("*"), reverse=True):
            inner.rmdir() if inner.is_dir() else inner.unlink()
        path.rmdir()
    else:
        path.unlink()


def test_produced_slices_are_plain_data() -> None:
    for case in cases().values():
        slices: Any = vendors.produce(case["description"]).slices
        assert json.loads(json.dumps(slices)) == slices


def names_in(parts: list[Json]) -> set[str]:
    return {device["name"] for part in parts for device in part["devices"]}
