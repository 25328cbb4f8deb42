"""Hosts with the stand-in NVML library, for tests: processes that discover there, and recordings of the driver."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self, cast

from nvml import standin

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]
HERE = Path(__file__).parent / "nvml"
HOSTS = HERE / "hosts"
# The whole set of recordings; a machine need not have it.
SHARED = Path(__file__).parents[2] / "shared" / "data" / "nvidia"
GATES = {
    "DRAListTypeAttributes": "list_attributes",
    "DynamicMIG": "dynamic_mig",
    "FabricManagerPartitioning": "fabric_manager",
    "NVMLDeviceHealthCheck": "health",
    "PassthroughSupport": "vfio",
}


class Machines:
    """Processes that discover, one for each set of missing symbols, and the trees of the hosts they are told of."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="gpualloc-hosts-")))
        self._workers: dict[tuple[str, ...], subprocess.Popen[str]] = {}
        self._roots: dict[Path, Path] = {}
        self._lock = Lock()
        self._made = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self._workers.values():
            worker.communicate()
        self._stack.close()

    def discover(  # noqa: PLR0913  # what can be said of a host, and of what is asked
        self,
        fixture: Path,
        *,
        features: Json | None = None,
        faults: Sequence[str] = (),
        missing: Sequence[str] = (),
        events: str = "",
        calls: Path | None = None,
        **arguments: Any,
    ) -> Json:
        """What `gpualloc.nvml.discover` made of the host, or its error."""
        with self._lock:
            environment = standin.environment(
                fixture, self._root(fixture), faults=faults, missing=missing, events=events, calls=calls
            )
            request = {"environment": environment, "features": features or {}, "arguments": arguments}
            worker = self._worker(tuple(sorted(missing)), environment["LD_LIBRARY_PATH"])
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(json.dumps(request) + "\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        assert line, f"discovery died: {request}"
        return cast("Json", json.loads(line))

    def stop(self, missing: Sequence[str]) -> None:
        """Ends the process whose library lacks these symbols."""
        worker = self._workers.pop(tuple(sorted(missing)), None)
        if worker is not None:
            worker.communicate()

    def forget(self, fixture: Path) -> None:
        """Removes a host that was made here, and its tree."""
        fixture.unlink()
        shutil.rmtree(self._roots.pop(fixture))

    def host(self, content: Json) -> Path:
        """A fixture that stands in no file yet."""
        self._made += 1
        path = self._folder / f"host-{self._made}.json"
        path.write_text(json.dumps(content))
        return path

    def _root(self, fixture: Path) -> Path:
        if fixture not in self._roots:
            self._made += 1
            root = self._folder / f"root-{self._made}"
            standin.tree(json.loads(fixture.read_text()), root)
            self._roots[fixture] = root
        return self._roots[fixture]

    def _worker(self, missing: tuple[str, ...], libraries: str) -> subprocess.Popen[str]:
        if missing not in self._workers:
            self._workers[missing] = subprocess.Popen(
                [sys.executable, str(HERE / "worker.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "LD_LIBRARY_PATH": libraries},
            )
        return self._workers[missing]


@dataclass(frozen=True)
class Recording:
    """What the driver published, or did not, for a host in a mode."""

    path: Path

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name.removesuffix('.json')}"

    def content(self) -> Json:
        return cast("Json", json.loads(self.path.read_text()))

    def fixture(self) -> Path:
        return self.path.with_name(f"{self.content()['host']}.json")

    def request(self) -> Json:
        """What makes our discovery do what the driver was told to do."""
        content = self.content()
        gates = [gate.partition("=")[0] for gate in content["featureGates"].split(",") if gate]
        features: Json = {GATES[gate]: True for gate in gates if gate != "ConsumableShares"}
        features["kubernetes"] = content["kubernetesVersion"]
        for flag in content["flags"]:
            value = flag.removeprefix("--consumable-shares=")
            features["shares"] = int(value) if value.isdecimal() else value
        if content["mode"] in ("fabricmanager", "fabricmanager-passthrough"):
            features["partitions"] = json.loads(self.fixture().read_text())["fabricManager"]
        return {
            "features": features,
            "events": content["events"],
            "compute_domain": content["plugin"] == "compute-domain-kubelet-plugin",
        }


@cache
def recordings(kind: str) -> list[Recording]:
    """Those of `slices` or `error`, from the repository, and from the whole set where it is there."""
    found = [Recording(path) for path in sorted(HOSTS.glob(f"*.{kind}.json"))]
    return found + [Recording(path) for path in sorted(SHARED.glob(f"*.{kind}.json"))]


def by_name(slices: Sequence[Json]) -> list[Json]:
    """Slices with their devices sorted by name, as most recordings have them."""
    sorted_slices = cast("list[Json]", json.loads(json.dumps(slices)))
    for one in sorted_slices:
        if "devices" in one["spec"]:
            one["spec"]["devices"].sort(key=itemgetter("name"))
    return sorted_slices


def devices_of(slices: Sequence[Json]) -> dict[str, Json]:
    """All devices by name."""
    return {device["name"]: device for one in slices for device in one["spec"].get("devices", [])}


def edited(fixture: Path, *changes: tuple[str, object]) -> Json:
    """The fixture with other values at some paths: `("gpus.2.lost", 1)`; `*` is every item of a list."""
    host = cast("Json", json.loads(fixture.read_text()))
    for path, value in changes:
        _set(host, path.split("."), value)
    return host


def _set(where: Any, path: list[str], value: object) -> None:
    first, *rest = path
    keys: list[Any] = list(range(len(where))) if first == "*" else [int(first) if isinstance(where, list) else first]
    for key in keys:
        if rest:
            _set(where[key], rest, value)
        else:
            where[key] = value
