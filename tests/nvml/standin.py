"""A host made of a fixture: the stand-in NVML library, the tree below `/sys` and `/dev`, and the environment of both.

Compiles `library/*.c` with `cc` into `build/nvml/`, once for each set of functions that are to be missing. Touches
nothing outside that folder and the root it is given. Start at :func:`tree` and :func:`environment`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

SOURCES = Path(__file__).parent / "library"
BUILD = Path(__file__).parents[2] / "build" / "nvml"
SONAME = "libnvidia-ml.so.1"
SWITCH = 0x068000
PARTITIONS = "fabric-partitions.json"
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden")
Json = dict[str, Any]


def library(missing: Sequence[str] = ()) -> Path:
    """The folder with the library, compiled if it is older than its sources.

    Functions named in `missing` are not among its symbols, as in the library of an older driver: the linker makes
    them local.
    """
    name = hashlib.sha256(",".join(sorted(missing)).encode()).hexdigest()[:12] if missing else "whole"
    built = BUILD / name / SONAME
    units = [_object(source) for source in sorted(SOURCES.glob("*.c"))]
    if _is_newer(built, units):
        return built.parent
    script = f"{{ global: nvml*; local: {''.join(f'{one}; ' for one in sorted(missing))}*; }};\n"
    with _whole(built) as made:
        symbols = made.with_name("symbols")
        symbols.write_text(script)
        _cc("-shared", f"-Wl,-soname,{SONAME}", f"-Wl,--version-script={symbols}", *map(str, units), "-o", str(made))
    return built.parent


def _object(source: Path) -> Path:
    built = BUILD / "objects" / f"{source.stem}.o"
    if not _is_newer(built, [source, *SOURCES.glob("*.h")]):
        with _whole(built) as made:
            _cc(*FLAGS, "-c", str(source), "-o", str(made))
    return built


def _is_newer(built: Path, sources: Sequence[Path]) -> bool:
    return built.exists() and built.stat().st_mtime >= max(file.stat().st_mtime for file in sources)


@contextmanager
def _whole(built: Path) -> Generator[Path]:
    """Where to make a file that appears at once, as whoever builds at the same time must never see half of it."""
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as folder:
        made = Path(folder) / built.name
        yield made
        made.replace(built)


def _cc(*arguments: str) -> None:
    subprocess.run([os.environ.get("CC", "cc"), *arguments], check=True)


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
        if "localCpus" in pci:
            (folder / "local_cpulist").write_text(pci["localCpus"] + "\n")
        if pci["iommuGroup"] is not None:
            group = root / "sys" / "kernel" / "iommu_groups" / str(pci["iommuGroup"])
            group.mkdir(parents=True, exist_ok=True)
            (folder / "iommu_group").symlink_to(os.path.relpath(group, folder))
    switches = root / "proc" / "driver" / "nvidia-nvswitch" / "devices"
    for switch in (pci for pci in host["pciOnly"] if pci["classCode"] == SWITCH):
        (switches / switch["busId"]).mkdir(parents=True)
    for nic in host.get("nics", []):
        _nic(nic, root, devices)
    for node in range(host.get("numaNodes", 0)):
        (root / "sys" / "devices" / "system" / "node" / f"node{node}").mkdir(parents=True)
    (root / "dev").mkdir()
    if host["iommufd"]:
        (root / "dev" / "iommu").touch()
    if host.get("fabricManager"):
        (root / PARTITIONS).write_text(json.dumps(host["fabricManager"]))


def _nic(nic: Json, root: Path, devices: Path) -> None:
    folder = root / "sys" / "devices" / nic["root"] / Path(*nic["parents"]) / nic["busId"]
    made = folder / "infiniband" / nic["name"]
    made.mkdir(parents=True)
    for name, value in (("vendor", "0x15b3"), ("class", "0x020700"), ("numa_node", nic["numaNode"])):
        (folder / name).write_text(f"{value}\n")
    if "vpd" in nic:
        (folder / "vpd").write_text(nic["vpd"])
    (made / "device").symlink_to(os.path.relpath(folder, made))
    (devices / nic["busId"]).symlink_to(os.path.relpath(folder, devices))
    listed = root / "sys" / "class" / "infiniband"
    listed.mkdir(parents=True, exist_ok=True)
    (listed / nic["name"]).symlink_to(os.path.relpath(made, listed))


def environment(  # noqa: PLR0913  # each is one variable
    fixture: Path,
    root: Path,
    *,
    faults: Sequence[str] = (),
    missing: Sequence[str] = (),
    events: str = "",
    calls: Path | None = None,
) -> dict[str, str]:
    """The variables that make a process see the host of the fixture, whose tree is below `root`.

    `NODE_NAME` is set as a DaemonSet would. `GPUALLOC_TEST_PARTITIONS` names a file with the partitions of the Fabric
    Manager, which is there where the fixture has any.
    """
    host: Json = json.loads(fixture.read_text())
    return {
        "LD_LIBRARY_PATH": os.pathsep.join(
            part for part in (str(library(missing)), os.environ.get("LD_LIBRARY_PATH", "")) if part
        ),
        "NVML_STANDIN_HOST": str(fixture.resolve()),
        "NVML_STANDIN_FAULTS": ",".join(faults),
        "NVML_STANDIN_EVENTS": events,
        "NVML_STANDIN_CALLS": "" if calls is None else str(calls),
        "GPUALLOC_HOST_ROOT": str(root),
        "GPUALLOC_TEST_PARTITIONS": str(root / PARTITIONS),
        "NODE_NAME": host["nodeName"],
    }
