"""Shares that KAI and HAMi ask for, read from pods and said again; amounts of opaque documents as upstream reads them.

Without this file a pod could be given another share than it asked for, or a limit be rounded the wrong way.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc import prepare
from gpualloc._quantity import binary, whole
from gpualloc.prepare import shares
from gpualloc.prepare.shares import Share
from prepare_cases import claim, inventory, opaque, plan

if TYPE_CHECKING:
    from cluster import Json

GIB = 1 << 30
VECTORS = Path(__file__).parent / "vectors" / "quantity.ndjson"


def pod(*limits: Json, **said: Any) -> Json:
    names = {name.replace("_", "-"): value for name, value in said.items()}
    given = names.pop("allocated", None)
    if given is not None:
        names["hami.io/vgpu-devices-allocated"] = given
    containers = [{"name": f"c{index}", "resources": {"limits": one}} for index, one in enumerate(limits)]
    return {"metadata": {"name": "p", "namespace": "team", "annotations": names}, "spec": {"containers": containers}}


MEM, PERCENT, CORES, GPU = (f"nvidia.com/{name}" for name in ("gpumem", "gpumem-percentage", "gpucores", "gpu"))
READ: list[tuple[Json, list[Share]]] = [
    (pod({}), []),
    (pod({GPU: 1}), []),
    ({}, []),
    (pod({}, gpu_fraction="0.25"), [Share("c0", 1, None, Fraction(1, 4))]),
    (pod({}, gpu_fraction=".5", gpu_fraction_num_devices="2"), [Share("c0", 2, None, Fraction(1, 2))]),
    (pod({}, {}, gpu_memory="2000", gpu_fraction_container_name="c1"), [Share("c1", 1, 2000, Fraction(1))]),
    (pod({MEM: "3000", CORES: 30}), [Share("c0", 1, 3000, Fraction(1), 30)]),
    (pod({MEM: "3k", GPU: "2"}, {GPU: 1}), [Share("c0", 2, 3000, Fraction(1))]),
    (pod({PERCENT: 50}), [Share("c0", 1, None, Fraction(1, 2))]),
    (pod({CORES: 10}), [Share("c0", 1, None, Fraction(1), 10)]),
    (
        pod({MEM: 1}, {}, {}, allocated="GPU-a,NVIDIA,3000,30:GPU-b,NVIDIA,3000,0:;;GPU-a,NVIDIA,1,0:;"),
        [
            Share("c0", 1, 3000, Fraction(1), 30, ("GPU-a",)),
            Share("c0", 1, 3000, Fraction(1), 0, ("GPU-b",)),
            Share("c2", 1, 1, Fraction(1), 0, ("GPU-a",)),
        ],
    ),
]
REFUSED: list[tuple[Json, str]] = [
    (pod({}, gpu_fraction="1"), "gpu-fraction]"),
    (pod({}, gpu_fraction="0.009"), "gpu-fraction]"),
    (pod({}, gpu_fraction=0.5), "gpu-fraction]"),
    (pod({}, gpu_fraction="0.5", gpu_memory="1"), "gpu-memory]"),
    (pod({}, gpu_memory="0"), "gpu-memory]"),
    (pod({}, gpu_memory="1Gi"), "gpu-memory]"),
    (pod({}, gpu_fraction_num_devices="2"), "gpu-fraction-num-devices]"),
    (pod({}, gpu_fraction="0.5", gpu_fraction_num_devices="0"), "gpu-fraction-num-devices]"),
    (pod({}, gpu_fraction="0.5", gpu_fraction_container_name="x"), "gpu-fraction-container-name]"),
    (pod(gpu_fraction="0.5"), "gpu-fraction-container-name]"),
    (pod({MEM: 1}, gpu_fraction="0.5"), "metadata.annotations"),
    (pod({MEM: 1, PERCENT: 1}), "spec.containers[0].resources.limits[nvidia.com/gpumem]"),
    (pod({PERCENT: 101}), "limits[nvidia.com/gpumem-percentage]"),
    (pod({}, {CORES: 101}), "spec.containers[1].resources.limits[nvidia.com/gpucores]"),
    (pod({MEM: "x"}), "limits[nvidia.com/gpumem]"),
    (pod({MEM: -1}), "limits[nvidia.com/gpumem]"),
    (pod({MEM: True}), "limits[nvidia.com/gpumem]"),
    (pod({}, {}, allocated="GPU-a,NVIDIA,1,0:;"), "vgpu-devices-allocated]"),
    (pod({}, allocated="GPU-a,NVIDIA,1:;"), "vgpu-devices-allocated]"),
    (pod({}, allocated=1), "vgpu-devices-allocated]"),
    ({"metadata": 1}, "metadata"),
    ({"spec": {"containers": {"name": "c"}}}, "spec.containers"),
    ({"spec": {"containers": [1]}}, "spec.containers[0]"),
]


@pytest.mark.parametrize(("document", "wanted"), READ)
def test_read(document: Json, wanted: list[Share]) -> None:
    assert list(shares.read(document)) == wanted


@pytest.mark.parametrize(("document", "field"), REFUSED)
def test_refused(document: Json, field: str) -> None:
    with pytest.raises(ga.InvalidInputError) as caught:
        shares.read(document)
    assert caught.value.field.endswith(field)
    assert caught.value.document.startswith("Pod")


@pytest.mark.parametrize("pod", [["pod"], "pod"])
def test_no_pod(pod: Any) -> None:
    with pytest.raises(ga.InvalidInputError, match="Pod: must be a mapping"):
        shares.read(pod)


def test_a_part_needs_the_whole() -> None:
    [share] = shares.read(pod({}, gpu_fraction="0.33"))
    assert share.memory_mib(80 * GIB) == 27033
    with pytest.raises(ga.InvalidInputError, match="needs that memory"):
        share.memory_mib()


def test_as_a_claim_on_shared_devices() -> None:
    """The engine gives the share, two of them on two GPUs."""
    [share] = shares.read(pod({MEM: 3000, GPU: 2}))
    asked = shares.claim(share, "one", "team")
    device_class = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": "gpu.nvidia.com"},
        "spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]},
    }
    before = inventory("shares", asked, device_class)
    answer = before.allocate("team/one")
    assert answer, answer.why
    assert [one.device for one in answer.claims[0].devices] == ["gpu-0", "gpu-1"]
    assert {one.consumed_capacity["memory"] for one in answer.claims[0].devices} == {"3000Mi"}
    one = prepare.plan(before.commit(answer), "team/one")
    assert one.environment()["CUDA_VISIBLE_DEVICES"].count("GPU-") == 2


def test_as_limits_of_mps() -> None:
    [share] = shares.read(pod({PERCENT: 50, CORES: 30}))
    config = shares.gpu_config(share, gpu_memory=40 * GIB)
    gates = {"MPSSupport": True}
    one = plan("static", claim("static", {"a": ["gpu-3"]}, opaque(config)), feature_gates=gates)
    told = [step.to_dict() for step in one.steps if step.step.startswith("setMps")]
    assert [step.get("percentage") or step.get("mebibytes") for step in told] == [30, 20480]


def test_as_variables_of_hami() -> None:
    found = shares.read(pod({}, allocated="GPU-a,NVIDIA,3000,30:GPU-b,NVIDIA,2000,30:;"))
    assert shares.variables(found) == {
        "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b",
        "NVIDIA_VISIBLE_DEVICES": "GPU-a,GPU-b",
        "CUDA_DEVICE_MEMORY_LIMIT_0": "3000m",
        "CUDA_DEVICE_MEMORY_LIMIT_1": "2000m",
        "CUDA_DEVICE_SM_LIMIT": "30",
    }
    assert shares.variables(shares.read(pod({MEM: 5, GPU: 2}))) == {
        "CUDA_DEVICE_MEMORY_LIMIT_0": "5m",
        "CUDA_DEVICE_MEMORY_LIMIT_1": "5m",
    }


def test_amounts_as_upstream_rounds_them() -> None:
    """But for texts without a digit, which it takes for 0, exponents that overflow, and parts below 0."""
    rows = [json.loads(line) for line in VECTORS.read_text().splitlines()[1:]]
    compared = 0
    for row in rows:
        if "text" not in row:
            continue
        text: str = row["text"]
        if "error" in row:
            with pytest.raises(ValueError, match="quantity"):
                whole(text)
        elif (
            row.get("value") is not None
            and re.fullmatch(r"\+?\.?[0-9].*", text)
            and not re.search("[eE].?[0-9]{5}", text)
        ):
            assert whole(text) == row["value"], text
            compared += 1
    assert compared > 500


@given(st.integers(0, 1 << 62))
def test_amounts_there_and_back(amount: int) -> None:
    assert whole(binary(amount)) == amount
