"""The parts of discovery by themselves: files of the kernel, words, limits, documents; and hosts that are made up.

Without this file nobody would notice if slices passed a limit of the API, if a host that is not in any recording were
read or published wrongly, or if bad input were answered with anything but an error that names it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc import fleet, nvml
from gpualloc._quantity import binary
from gpualloc.nvml import limits, mig, pci_names, words
from gpualloc.nvml.sysfs import Files
from nvml_hosts import HOSTS, Json, Machines, devices_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("595.58.03", "595.58.3"),
        ("580.126.20", "580.126.20"),
        ("384.81", "384.81.0"),
        ("535.104.05-grid", "535.104.5-grid"),
        ("r580", None),
        ("1.2.3.4", None),
        ("", None),
    ],
)
def test_semantic_version(text: str, version: str | None) -> None:
    assert words.semantic_version(text) == version


@given(st.integers(0, 2**62))
def test_quantities_are_the_canonical_ones(number: int) -> None:
    text = binary(number)
    suffix = text.lstrip("0123456789")
    digits = int(text.removesuffix(suffix))
    assert digits << 10 * ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].index(suffix) == number
    assert not digits or digits % 1024 or suffix == "Ei"


@pytest.mark.parametrize(
    ("index", "memory_mib", "total", "name"),
    [
        (0, 4864, 42949672960, "1g.5gb"),
        (7, 9984, 85520809984, "1g.10gb+me"),
        (9, 20096, 85520809984, "1g.20gb"),
        (2, 93696, 198674743296, "3g.93gb"),
        (4, 81152, 85520809984, "7g.80gb"),
        (3, 97408, 102641958912, "4g.96gb"),
        (13, 24192, 102641958912, "1g.24gb-me"),
        (16, 48512, 102641958912, "2g.48gb+me.all"),
        (12, 97408, 102641958912, "4g.96gb+gfx"),
    ],
)
def test_profile_name(index: int, memory_mib: int, total: int, name: str) -> None:
    assert mig.profile_name(profile(index, memory_mib), total) == name


def profile(index: int, memory_mib: int) -> nvml.MigProfile:
    return nvml.MigProfile(
        index=index,
        id=19,
        multiprocessors=14,
        copy_engines=1,
        decoders=0,
        encoders=0,
        jpeg_engines=0,
        ofa_engines=0,
        memory_mib=memory_mib,
    )


@pytest.mark.parametrize(
    ("product", "memory", "device_id", "error"),
    [
        ("NVIDIA B300 SXM6 AC", 287762808832, None, "not published"),  # a table without all figures
        ("Tesla T4", 16106127360, None, "no MIG table"),
        ("", 16106127360, 0x1EB8, "no MIG table"),
        ("NVIDIA A100-SXM4-40GB", 85899345920, None, "is not one of table a100-40"),
        ("NVIDIA A100-SXM4-40GB", 42949672960, 0x2330, "the name is of table a100-40"),
    ],
)
def test_no_table_is_no_number(product: str, memory: int, device_id: int | None, error: str) -> None:
    with pytest.raises(ga.InvalidInputError, match=error):
        mig.profiles_from_table(product, memory, pci_device_id=device_id)


def test_names_of_cards(tmp_path: Path) -> None:
    database = tmp_path / "pci.ids"
    database.write_text(
        "# c\n1000  Other\n\tfffe  Wrong\n10de  NVIDIA\n\tfffe  GX1 [Right]\n\t\t10de 1  Sub\n10df  Next\n"
    )
    assert pci_names.name_of(0x2330, [str(database)]) == "GH100 [H100 SXM5 80GB]"
    assert pci_names.name_of(0xFFFE, [str(tmp_path / "none"), str(database)]) == "GX1 [Right]"
    assert pci_names.name_of(0xFFFD, [str(database)]) == "UNKNOWN_DEVICE"


# --- files of the kernel ----------------------------------------------------------------------------------------------


class TestFiles:
    # NUMA node of the device; distances of node 1; socket of each node, `None` for one without processors.
    @pytest.mark.parametrize(
        ("node", "distances", "sockets", "nodes"),
        [
            (1, None, [], (1,)),
            (-1, None, [], ()),
            (1, "21 10", [], (1, 0)),
            (1, "12 10 12 32 32", [0, 0, 0, 1, 1], (1, 0, 2)),
            (1, "12 10 12 12 32", [0, 0, None, 1, 1], (1, 0, 2)),
            (1, "12 10 12", [None, None, None], (1, 0, 2)),
            (1, "12 10 12", [0, None, 1], (1, 0, 2)),
            (1, "32 10", [0, 1], (1,)),
            (1, "10", [], (1,)),
            (1, "far away", [], (1,)),
        ],
    )
    def test_numa_nodes(
        self, tmp_path: Path, node: int, distances: str | None, sockets: list[int | None], nodes: tuple[int, ...]
    ) -> None:
        device = tmp_path / "sys/bus/pci/devices/0000:07:00.0"
        write(device / "numa_node", str(node))
        system = tmp_path / "sys/devices/system"
        if distances is not None:
            write(system / "node/node1/distance", distances)
        for number, socket in enumerate(sockets):
            write(system / f"node/node{number}/cpulist", "" if socket is None else f"{number * 8}-{number * 8 + 7}")
            write(system / f"cpu/cpu{number * 8}/topology/physical_package_id", str(socket or 0))
        left_out: list[nvml.LeftOut] = []
        assert Files(tmp_path, left_out).numa_nodes("0000:07:00.0", "gpu-0") == nodes
        assert not left_out

    def test_what_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        left_out: list[nvml.LeftOut] = []
        files = Files(tmp_path, left_out)
        assert files.pcie_root("0000:07:00.0", "gpu-0") is None
        assert files.numa_nodes("0000:07:00.0", "gpu-0") == ()
        assert files.gpus() == ((), 1)
        assert [one.what for one in left_out] == [
            "gpu-0 attribute pcieRoot",
            "gpu-0 attribute numaNode",
            "vfio devices",
        ]
        assert all("No such file or directory" in str(one) for one in left_out)

    def test_a_root_that_cannot_be_looked_into(self) -> None:
        left_out: list[nvml.LeftOut] = []
        assert not Files("r" * 300, left_out).has_iommufd()
        assert [one.what for one in left_out] == ["vfio devices attribute iommuFDEnabled"]

    def test_gpus_on_the_bus(self, tmp_path: Path) -> None:
        """By address; no other class, no other vendor, no virtual function, no unreadable device."""
        region = "0x0000000000000000 0x0000000000ffffff 0x0000000000040200\n"  # 16 MiB below 4 GiB
        large = "0x0000001000000000 0x00000013ffffffff 0x000000000014220c\n"  # 16 GiB above
        small = "0x0000001400000000 0x0000001401ffffff 0x000000000014220c\n"
        cases = {
            "0000:07:00.0": ("0x10de", "0x030200", region + large + small),
            "0000:06:00.0": ("0x10de", "0x030000", region),
            "10000:06:00.0": ("0x10de", "0x030200", region),
            "0000:08:00.0": ("0x10de", "0x068000", region),
            "0000:09:00.0": ("0x8086", "0x030200", region),
            "0000:0a:00.0": ("0x10de", "0x030200", region),
            "0000:0b:00.0": ("0x10de", "0x030200", "no regions\n"),
            "0000:0c:00.0": ("0x10de", "0x030200", "\n".join(["0x0 0x0 0x0"] * 6) + "\n" + large),
        }
        for address, (vendor, kind, resource) in cases.items():
            device = tmp_path / "sys/bus/pci/devices" / address
            for name, value in (("vendor", vendor), ("class", kind), ("device", "0x2330"), ("resource", resource)):
                write(device / name, value)
        (tmp_path / "sys/bus/pci/devices/0000:0a:00.0/physfn").mkdir()
        left_out: list[nvml.LeftOut] = []
        gpus, unread = Files(tmp_path, left_out).gpus()
        assert unread == 2
        assert {gpu.bus_id: gpu.addressable_bytes for gpu in gpus} == {
            "0000:06:00.0": 0,
            "0000:07:00.0": 32 << 30,
            "0000:0c:00.0": 0,
        }
        bad = [one.what for one in left_out if "attribute" not in one.what]
        assert bad == ["vfio device 0000:0b:00.0", "vfio device 10000:06:00.0"]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


# --- limits -----------------------------------------------------------------------------------------------------------


class TestLimits:
    def test_counter_sets_of_nine_cards(self) -> None:
        published = nvml.publish(many(9), "a", nvml.Features(dynamic_mig=True))
        assert [len(one["spec"].get("sharedCounters", [])) for one in published.slices[:2]] == [8, 1]
        assert {one["spec"]["pool"]["resourceSliceCount"] for one in published.slices} == {11}
        assert ga.validate(published.slices) == []
        assert ga.Inventory.from_documents(list(published.slices))

    @pytest.mark.parametrize(("health", "sizes"), [(False, [128, 22]), (True, [64, 64, 22])])
    def test_devices(self, health: bool, sizes: list[int]) -> None:  # noqa: FBT001  # a case
        host = replace(many(150), events=(nvml.Event(),))
        published = nvml.publish(host, "a", nvml.Features(health=health))
        assert [len(one["spec"]["devices"]) for one in published.slices] == sizes
        assert ga.validate(published.slices) == []

    def test_long_words(self) -> None:
        host = many(1)
        host = replace(host, gpus=(replace(host.gpus[0], name="x" * 65),))
        published = nvml.publish(host, "a", nvml.Features())
        assert published.objections == ("gpu-0: attribute productName is longer than 64 bytes",)
        assert len(ga.validate(published.slices)) == 1
        published = nvml.publish(host, "a", nvml.Features(within_limits=True))
        assert not devices_of(published.slices)
        assert [one.what for one in published.left_out] == ["gpu-0"]

    @pytest.mark.parametrize(
        ("change", "objection"),
        [
            ({"name": "\u00fc" * 33}, "attribute productName is longer than 64 bytes"),
            ({"numa_nodes": tuple(range(45))}, "has 49 values of attributes, at most 48 are allowed"),
        ],
    )
    def test_what_is_counted(self, change: Json, objection: str) -> None:
        host = many(1)
        host = replace(host, gpus=(replace(host.gpus[0], **change),))
        published = nvml.publish(host, "a", nvml.Features(list_attributes=True))
        assert published.objections == (f"gpu-0: {objection}",)

    def test_two_of_one_name(self) -> None:
        host = many(2)
        host = replace(host, gpus=(host.gpus[0], replace(host.gpus[1], minor=0)))
        for features in (nvml.Features(), nvml.Features(dynamic_mig=True)):
            with pytest.raises(ga.InvalidInputError, match="gpus: two devices are called gpu-0"):
                nvml.publish(host, "a", features)

    def test_objections_are_those_of_the_api(self) -> None:
        device: Json = {"name": "x", "attributes": {f"a{number}": {"int": 1} for number in range(30)}}
        for capacities in (2, 3):
            device["capacity"] = {f"c{number}": {"value": "1"} for number in range(capacities)}
            published = nvml.publish(many(1), "a", nvml.Features()).slices[0]
            published["spec"]["devices"] = [device]
            assert bool(limits.objections(device)) == bool(ga.validate(published))

    @pytest.mark.parametrize("node", ["a" * 36, "a" * 60, "a" * 59 + "b", "a.b-c"])
    def test_names_of_slices(self, node: str) -> None:
        published = nvml.publish(many(1), node, nvml.Features())
        assert ga.validate(published.slices) == []
        other = nvml.publish(many(1), node + "x", nvml.Features())
        assert published.slices[0]["metadata"]["name"] != other.slices[0]["metadata"]["name"]

    def test_no_gpu_is_an_empty_pool(self) -> None:
        (one,) = nvml.publish(nvml.Host(), "a", nvml.Features()).slices
        assert "devices" not in one["spec"]
        assert nvml.publish(nvml.Host(), "a", nvml.Features(dynamic_mig=True)).slices == ()


def many(count: int) -> nvml.Host:
    """Cards that can be partitioned in two ways."""
    placements = (nvml.Placement(0, 4), nvml.Placement(4, 4))
    profiles = (
        replace(profile(2, 40448), placements=placements),
        replace(profile(4, 81152), placements=placements[:1]),
    )
    return nvml.Host(
        gpus=tuple(
            nvml.Gpu(
                index=number,
                minor=number,
                uuid=f"GPU-{number}",
                architecture=9,
                memory_bytes=85520809984,
                mig_mode=False,
                virtualization_mode=0,
                bus_id=f"0000:{number:02x}:00.0",
                profiles=profiles,
            )
            for number in range(count)
        )
    )


# --- input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "field"),
    [
        ({"dynamic_mig": True, "vfio": True}, "dynamic_mig"),
        ({"dynamic_mig": True, "health": True}, "dynamic_mig"),
        ({"vfio": True, "health": True}, "vfio"),
        ({"shares": 0}, "shares"),
        ({"shares": True}, "shares"),
        ({"shares": "some"}, "shares"),
        ({"shares": 1 << 63}, "shares"),
        ({"nonfatal_xids": {13}}, "nonfatal_xids"),
        ({"health": True, "nonfatal_xids": ["13"]}, "nonfatal_xids"),
        ({"health": True, "nonfatal_xids": 13}, "nonfatal_xids"),
        ({"fabric_manager": True, "partitions": "all"}, "partitions"),
        ({"kubernetes": "latest"}, "kubernetes"),
        ({"kubernetes": f"1.{'9' * 5000}"}, "kubernetes"),
        ({"partitions": (nvml.Partition(0, frozenset({1})),)}, "partitions"),
        ({"fabric_manager": True, "partitions": (nvml.Partition(0, frozenset({1})),) * 2}, "partitions"),
    ],
)
def test_features_that_mean_nothing(features: Json, field: str) -> None:
    with pytest.raises(ga.InvalidInputError) as caught:
        nvml.Features(**features)
    assert caught.value.field == field


def test_features_in_any_collection() -> None:
    """They are one value, which is kept and looked up by what it says."""
    tidy = nvml.Features(health=True, fabric_manager=True, nonfatal_xids=frozenset({7}), partitions=(HALF,))
    for xids, partitions in (({7}, [HALF]), ([7, 7], (nvml.Partition(1, [2, 1]),))):
        given = nvml.Features(health=True, fabric_manager=True, nonfatal_xids=xids, partitions=partitions)
        assert given == tidy
        assert hash(given) == hash(tidy)
        assert fleet.describe("1 dgx-h100", health=True, nonfatal_xids=xids).slices


HALF = nvml.Partition(1, frozenset({1, 2}))


def test_options_are_the_fields() -> None:
    assert list(get_type_hints(nvml.FeatureOptions)) == [one.name for one in fields(nvml.Features)]


BAD_PARTITIONS: list[tuple[object, str]] = [
    (None, "partitions"),
    ({"partitions": {}}, "partitions"),
    ({"partitions": [1]}, "partitions[0].id"),
    ({"partitions": [{"id": 0, "moduleIds": []}]}, "partitions[0].moduleIds"),
    ({"partitions": [{"id": 0, "moduleIds": [1]}, {"id": True, "moduleIds": [1]}]}, "partitions[1].id"),
    ({"partitions": [{"id": 0, "moduleIds": [-1]}]}, "partitions[0].moduleIds"),
    ({"partitions": [{"id": 1 << 63, "moduleIds": [1]}]}, "partitions[0].id"),
]


@pytest.mark.parametrize(("document", "field"), BAD_PARTITIONS)
def test_partitions_that_are_none(document: object, field: str) -> None:
    with pytest.raises(ga.InvalidInputError) as caught:
        nvml.partitions_from(document)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "text",
    ["", "found", "xid", "xid:0", "xid:0:", "xid:0:x", "xid:0:1:2", "xid:0:-1", "xid:0:1:2:3:4", f"xid:0:{'9' * 5000}"],
)
def test_events_that_are_none(text: str) -> None:
    with pytest.raises(ga.InvalidInputError):
        nvml.event_from(text, ())


@pytest.mark.parametrize(
    ("index", "memory", "field"),
    [(0, None, "memory_bytes"), (40, 80 << 30, "profile.index"), (-1, 80 << 30, "profile.index")],
)
def test_mig_devices_that_cannot_be_named(index: int, memory: int | None, field: str) -> None:
    place = nvml.Placement(0, 1)
    device = nvml.MigDevice(
        uuid="MIG-0", profile=profile(index, 9984), gpu_instance=7, compute_instance=0, placement=place
    )
    gpu = nvml.Gpu(index=0, minor=0, uuid="GPU-0", memory_bytes=memory, mig_mode=True, mig_devices=(device,))
    with pytest.raises(ga.InvalidInputError) as caught:
        nvml.publish(nvml.Host(gpus=(gpu,)), "a", nvml.Features())
    assert caught.value.field == field


def test_event_of_a_stranger_is_ignored() -> None:
    event = nvml.event_from("xid:GPU-x:48", many(1).gpus)
    published = nvml.publish(replace(many(1), events=(event,)), "a", nvml.Features(health=True))
    assert "taints" not in devices_of(published.slices)["gpu-0"]
    reason = "no published device is meant by it"
    assert [str(one) for one in published.left_out] == [f"taint for XID 48 of GPU-x: {reason}"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schema": 2}, "schema"),
        ({"gpus": {}}, "gpus"),
        ({"gpus": [{"index": 0, "minor": 0}]}, "gpus[0].uuid"),
        ({"gpus": [{"index": True, "minor": 0, "uuid": ""}]}, "gpus[0].index"),
        ({"gpus": [{"index": 0, "minor": 0, "uuid": "", "compute_capability": [1]}]}, "gpus[0].compute_capability"),
        ({"gpus": [{"index": 0, "minor": 0, "uuid": "", "numa_nodes": ["a"]}]}, "gpus[0].numa_nodes[0]"),
        ({"gpus": [{"index": 0, "minor": 0, "uuid": "", "fabric": 3}]}, "gpus[0].fabric"),
        ({"gpus": [{"index": 0, "minor": -1, "uuid": ""}]}, "gpus[0].minor"),
        ({"gpus": [{"index": 0, "minor": 0, "uuid": "", "memory_bytes": 1 << 63}]}, "gpus[0].memory_bytes"),
        ({"colour": 1}, "colour"),
    ],
)
def test_host_documents_that_are_none(change: Json, field: str) -> None:
    with pytest.raises(ga.InvalidInputError) as caught:
        nvml.from_document({"schema": 1, **change})
    assert caught.value.field == field


@pytest.mark.parametrize("document", [[], None, "host", 1])
def test_host_documents_that_are_no_object(document: Any) -> None:
    with pytest.raises(ga.InvalidInputError, match="host document: must be an object"):
        nvml.from_document(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["gpus", "index", "uuid"]), inner),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["schema", "gpus", "pci_gpus", "events", "iommufd"]), json_values))
def test_any_document_is_a_host_or_an_error(document: Json) -> None:
    try:
        host = nvml.from_document({**document, "schema": 1})
    except ga.InvalidInputError:
        return
    assert nvml.from_document(nvml.to_document(host)) == host


# --- any host ---------------------------------------------------------------------------------------------------------

CARDS = [
    json.loads((HOSTS / f"{name}.json").read_text())
    for name in ("t4-x2", "gb200-x4", "a100-40-x8-cisplit", "rtxpro6000-x3-static")
]


@st.composite
def instances(draw: st.DrawFn, profiles: list[Json], uuid: str) -> list[Json]:
    """GPU instances that do not overlap, each whole or cut into compute instances of one slice."""
    found: list[Json] = []
    taken: set[int] = set()
    index = 0
    for number, one in enumerate(draw(st.lists(st.sampled_from(profiles), max_size=7))):
        start = draw(st.sampled_from(one["starts"]))
        room = set(range(start, start + one["memorySlices"]))
        if room & taken:
            continue
        taken |= room
        cut = one["computeSlices"] > 1 and draw(st.booleans())
        sizes = [1] * one["computeSlices"] if cut else [one["computeSlices"]]
        computes = [
            {
                "id": place,
                "profileId": 0,
                "placement": {"start": place, "size": size},
                "migIndex": index + place,
                "uuid": f"MIG-{uuid}-{number}-{place}",
            }
            for place, size in enumerate(sizes)
        ]
        index += len(sizes)
        placement = {"start": start, "size": one["memorySlices"]}
        found.append({"id": number, "profileId": one["id"], "placement": placement, "computeInstances": computes})
    return found


@st.composite
def hosts(draw: st.DrawFn) -> Json:
    card = draw(st.sampled_from(CARDS))
    sets: dict[str, list[Json]] = card["migProfileSets"]
    profiles: list[Json] = next(iter(sets.values())) if sets else []
    count = draw(st.integers(0, 10))
    minors = draw(st.permutations(range(count)))
    gpus: list[Json] = []
    for index in range(count):
        bus = f"{draw(st.sampled_from(['0000', '0009', 'ffff']))}:{index + 1:02x}:00.0"
        uuid = f"GPU-{index}"
        gpu: Json = {
            **card["gpus"][0],
            "index": index,
            "minor": minors[index],
            "uuid": uuid,
            "addressingMode": draw(st.sampled_from([None, 0, 1, 2])),
            "moduleId": draw(st.sampled_from([None, 0, index + 1])),
            "lost": int(draw(st.integers(0, 9)) == 0),
            "noEvents": int(draw(st.booleans())),
            "virtualizationMode": draw(st.sampled_from([0, 0, 1, 2])),
            "gpuInstances": [],
            "maxMigDevices": 7,
        }
        parents = draw(st.sampled_from([[], ["0000:00:01.0"], ["0000:00:01.0", "0000:01:00.0"]]))
        numa = draw(st.integers(-1, 3))
        gpu["pci"] = {**gpu["pci"], "busId": bus, "root": f"pci{bus[:4]}:00", "parents": parents, "numaNode": numa}
        if profiles:
            on = draw(st.integers(0, 1))
            gpu["migMode"] = {"current": on, "pending": on}
            gpu["gpuInstances"] = draw(instances(profiles, uuid)) if on else []
        gpus.append(gpu)
    return {**card, "nodeName": "any", "gpus": gpus, "iommufd": draw(st.booleans())}


MODES = st.sampled_from(
    [
        {},
        {"vfio": True, "shares": 3},
        {"dynamic_mig": True},
        {"dynamic_mig": True, "kubernetes": "1.34"},
        {"health": True},
    ]
)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with Machines() as made:
        yield made


@pytest.mark.skipif(shutil.which("cc") is None, reason="the stand-in library needs a C compiler")
@pytest.mark.parallel_threads(1)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(content=hosts(), features=MODES)
def test_any_host(machines: Machines, content: Json, features: Json) -> None:
    """It is read as it is, published within limits, and parsed back; what it has is counted another way."""
    fixture = machines.host(content)
    found = machines.discover(fixture, features={**features, "within_limits": True})
    machines.forget(fixture)
    host = nvml.from_document(found["host"])
    alive = [gpu for gpu in content["gpus"] if not gpu["lost"]]
    assert [as_read(gpu) for gpu in host.gpus] == [as_written(gpu) for gpu in alive]
    published = nvml.publish(host, "any", nvml.Features(**features, within_limits=True))
    assert list(published.slices) == found["slices"]
    assert nvml.from_document(nvml.to_document(host)) == host
    # An API server since 1.35 refuses what one before it demands.
    assert ga.validate(published.slices) == [] or "kubernetes" in features
    inventory = ga.Inventory.from_documents([*published.slices, found["node"]])
    assert not inventory.report
    # A device that an API server would refuse is left out with nothing but that reason.
    refused = [one for one in published.left_out if "are allowed" in one.error]
    expected = sum(devices_expected(gpu, content, features) for gpu in alive)
    expected += len(content["gpus"]) if features.get("vfio") else 0
    assert len(devices_of(published.slices)) == expected - len(refused)


def as_read(gpu: nvml.Gpu) -> tuple[object, ...]:
    return (gpu.index, gpu.minor, gpu.uuid, gpu.bus_id, gpu.pcie_root, gpu.numa_nodes[:1], gpu.addressing_mode)


def as_written(gpu: Json) -> tuple[object, ...]:
    pci = gpu["pci"]
    numa = () if pci["numaNode"] < 0 else (pci["numaNode"],)
    return (gpu["index"], gpu["minor"], gpu["uuid"], pci["busId"], pci["root"], numa, gpu["addressingMode"])


def devices_expected(gpu: Json, content: Json, features: Json) -> int:
    on = gpu["migMode"] is not None and gpu["migMode"]["current"]
    hopper = gpu["architecture"] >= 9
    if features.get("dynamic_mig") and gpu["migMode"] and gpu["virtualizationMode"] != 2 and (on or hopper):
        profiles = next(iter(content["migProfileSets"].values()))
        return sum(len(one["starts"]) for one in profiles) + int(hopper or not on)
    if not on:
        return 1
    whole = [one["computeInstances"] for one in gpu["gpuInstances"] if len(one["computeInstances"]) == 1]
    # NVML numbers MIG devices up to a maximum; those above it cannot be reached.
    return sum(computes[0]["migIndex"] < gpu["maxMigDevices"] for computes in whole)
