"""A host made of a fixture: the stand-in NVML library, the tree below `/sys` and `/dev`, and the environment of both.

Compiles `standin/*.c` with `cc` into `build/nvml/`, once for each set of functions that are to be missing. Touches
nothing outside that folder and the root it is given. Start at :func:`environment`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = Path(__file__).parent / "standin"
BUILD = Path(__file__).parents[2] / "build" / "nvml"
SONAME = "libnvidia-ml.so.1"
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden")
Json = dict[str, Any]


def library(missing: Sequence[str] = ()) -> Path:
    """The folder with the library, compiled if it is older than its sources.

    Functions named in `missing` are not among its symbols, as in the library of an older driver: the linker makes
    them local.
    """
    name = hashlib.sha256(",".join(sorted(missing)).encode()).hexdigest()[:12] if missing else "whole"
    built = BUILD / name / SONAME
    sources = sorted(SOURCES.iterdir())
    if built.exists() and built.stat().st_mtime >= max(file.stat().st_mtime for file in sources):
        return built.parent
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as folder:
        script, made = Path(folder) / "symbols", Path(folder) / SONAME
        script.write_text(f"{{ global: nvml*; local: {''.join(f'{one}; ' for one in sorted(missing))}*; }};\n")
        units = [str(file) for file in sources if file.suffix == ".c"]
        linking = ("-shared", f"-Wl,-soname,{SONAME}", f"-Wl,--version-script={script}")
        subprocess.run([os.environ.get("CC", "cc"), *FLAGS, *linking, *units, "-o", str(made)], check=True)
        made.replace(built)  # whoever builds at the same time gets a whole file
    return built.parent


def functions() -> list[str]:
    """The names of all functions that the library offers."""
    text = "".join(file.read_text() for file in sorted(SOURCES.glob("*.c")))
    names = (line.partition("(")[0].rpartition(" ")[2].lstrip("*") for line in text.splitlines() if "EXPORT" in line)
    return sorted(name for name in names if name.startswith("nvml"))


def tree(host: Json, root: Path) -> None:
    """The files that a host's kernel would show below `root`."""
    devices = root / "sys" / "bus" / "pci" / "devices"
    devices.mkdir(parents=True)
    for pci in [*(gpu["pci"] for gpu in host["gpus"]), *host["pciOnly"]]:
        folder = root / "sys" / "devices" / pci["root"] / Path(*pci["parents"]) / pci["busId"]
        folder.mkdir(parents=True, exist_ok=True)
        (devices / pci["busId"]).symlink_to(os.path.relpath(folder, devices))
        values = {
            "vendor": f"0x{pci['vendorId']:04x}",
            "device": f"0x{pci['deviceId']:04x}",
            "subsystem_vendor": f"0x{pci['subsystemVendorId']:04x}",
            "subsystem_device": f"0x{pci['subsystemDeviceId']:04x}",
            "class": f"0x{pci['classCode']:06x}",
            "numa_node": str(pci["numaNode"]),
            "resource": "\n".join(f"0x{start:016x} 0x{end:016x} 0x{flags:016x}" for start, end, flags in pci["bars"]),
        }
        for name, value in values.items():
            (folder / name).write_text(value + "\n")
        if pci["iommuGroup"] is not None:
            group = root / "sys" / "kernel" / "iommu_groups" / str(pci["iommuGroup"])
            group.mkdir(parents=True, exist_ok=True)
            (folder / "iommu_group").symlink_to(os.path.relpath(group, folder))
    (root / "dev").mkdir()
    if host["iommufd"]:
        (root / "dev" / "iommu").touch()


def environment(  # noqa: PLR0913  # each is one variable
    fixture: Path,
    root: Path,
    *,
    faults: Sequence[str] = (),
    missing: Sequence[str] = (),
    events: str = "",
    calls: Path | None = None,
) -> dict[str, str]:
    """The variables that make a process see the host of the fixture, whose tree is made below `root`.

    `NODE_NAME` is set as a DaemonSet would. `GPUALLOC_TEST_PARTITIONS` names a file with the partitions of the Fabric
    Manager, where the fixture has any.
    """
    host: Json = json.loads(fixture.read_text())
    tree(host, root)
    variables = {
        "LD_LIBRARY_PATH": os.pathsep.join(
            part for part in (str(library(missing)), os.environ.get("LD_LIBRARY_PATH", "")) if part
        ),
        "NVML_STANDIN_HOST": str(fixture.resolve()),
        "NVML_STANDIN_FAULTS": ",".join(faults),
        "NVML_STANDIN_EVENTS": events,
        "NVML_STANDIN_CALLS": "" if calls is None else str(calls),
        "GPUALLOC_HOST_ROOT": str(root),
        "NODE_NAME": host["nodeName"],
    }
    if host.get("fabricManager"):
        partitions = root / "fabric-partitions.json"
        partitions.write_text(json.dumps(host["fabricManager"]))
        variables["GPUALLOC_TEST_PARTITIONS"] = str(partitions)
    return variables
