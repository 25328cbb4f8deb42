"""Discovery on the GPUs of this machine, where there are any: against `nvidia-smi`, and against the stand-in.

Without this file nobody would notice if the stand-in library, on which everything else is tried, were not like the real
one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import combinations
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from gpualloc import links, nvml
from nvml_hosts import HERE, Machines, devices_of

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


def driver_works() -> bool:
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.skipif(not driver_works(), reason="no NVIDIA GPU here"),
    pytest.mark.parallel_threads(1),
]


def test_as_nvidia_smi_says() -> None:
    text = subprocess.run(["nvidia-smi", "-q", "-x"], capture_output=True, check=True).stdout
    said = ET.fromstring(text)
    found = nvml.discover("here")
    assert found.host.driver_version == said.findtext("driver_version")
    assert nvml.discover("here").slices == found.slices
    by_uuid = {gpu.findtext("uuid"): gpu for gpu in said.iter("gpu")}
    assert {gpu.uuid for gpu in found.host.gpus} == set(by_uuid)
    for gpu in found.host.gpus:
        one = by_uuid[gpu.uuid]
        assert gpu.name == one.findtext("product_name")
        assert str(gpu.minor) == one.findtext("minor_number")
        assert gpu.bus_id is not None
        assert gpu.bus_id == (one.get("id") or "").lower().removeprefix("0000")
        assert gpu.memory_bytes is not None
        assert f"{gpu.memory_bytes >> 20} MiB" == one.findtext("fb_memory_usage/total")
        mode = one.findtext("mig_mode/current_mig")
        assert {None: "N/A", True: "Enabled", False: "Disabled"}[gpu.mig_mode] == mode
        device = devices_of(found.slices).get(f"gpu-{gpu.minor}")
        assert gpu.mig_mode or (device and device["attributes"]["architecture"]["string"] in architectures(one))


def architectures(gpu: ET.Element) -> list[str]:
    """`Ada Lovelace` is `Ada Lovelace` there too; older programs say nothing."""
    return [
        gpu.findtext("product_architecture") or "",
        *([] if gpu.find("product_architecture") is not None else ["?"]),
    ]


def test_links_as_nvidia_smi_draws_them() -> None:
    said = links.read_nvidia_smi(
        subprocess.run(["nvidia-smi", "topo", "-m"], capture_output=True, text=True, check=True).stdout
    )
    found = nvml.discover_links("here").table
    assert [one.label for one in found.devices] == [one.label for one in said.devices]
    assert [one.cpus for one in found.devices] == [one.cpus for one in said.devices]
    assert [one.name for one in found.nics] == [one.name for one in said.nics]
    for a, b in combinations(range(len(found.ends)), 2):
        assert links.cell(found, a, b) == links.cell(said, a, b)


@pytest.mark.skipif(shutil.which("cc") is None, reason="the stand-in library needs a C compiler")
@pytest.mark.parametrize(
    "features", [{}, {"vfio": True}, {"dynamic_mig": True}, {"health": True}, {"fabric_manager": True, "shares": 4}]
)
def test_as_the_stand_in_says(tmp_path: Path, features: Json) -> None:
    """The machine written down as a fixture and read back through the stand-in is the machine, but for UUIDs."""
    done = subprocess.run([sys.executable, str(HERE / "record.py")], capture_output=True, text=True, check=True)
    fixture = tmp_path / "recorded.json"
    fixture.write_text(done.stdout)
    real = nvml.discover("recorded", links=True, **features)
    uuids = {gpu.uuid: made["uuid"] for gpu, made in zip(real.host.gpus, json.loads(done.stdout)["gpus"], strict=True)}
    text = json.dumps(real.slices)
    for one, other in uuids.items():
        text = text.replace(one, other)
    with Machines() as machines:
        found = machines.discover(fixture, features=features, links=True)
    assert found["slices"] == json.loads(text)
    assert found["leftOut"] == [str(one) for one in real.left_out]
    assert found["calls"] == real.calls
    assert real.links is not None
    drawn = links.draw_text(links.from_document(found["links"]))
    for one, other in uuids.items():
        drawn = drawn.replace(other, one)
    assert drawn == links.draw_text(real.links)
