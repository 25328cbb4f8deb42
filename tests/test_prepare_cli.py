"""`gpualloc prepare` and `gpualloc unprepare`: from files to a script or a plan, and back.

Without this file the commands could print a plan for another claim than was asked for, or one that cannot be read back.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from gpualloc import cli, prepare
from prepare_cases import DOMAIN, DOMAINS, claim, name_of, opaque, recordings

if TYPE_CHECKING:
    from cluster import Json

# Captured output belongs to one thread.
pytestmark = pytest.mark.parallel_threads(1)

EXAMPLES = Path(__file__).parents[1] / "examples"
Out = pytest.CaptureFixture[str]


def files(folder: Path, node: str, *documents: Json) -> str:
    path = folder / "cluster.json"
    there = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name_of(node)}}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*recordings()[node], there, *documents]}))
    return str(path)


def run(*arguments: str) -> int:
    return cli.main(arguments)


def test_a_claim_is_allocated_first(capsys: Out) -> None:
    example = str(EXAMPLES / "claims" / "03-mig-on-one-card.yaml")
    assert run("prepare", "-f", str(EXAMPLES / "cluster"), example) == 0
    out = capsys.readouterr().out
    assert out.startswith("#!/bin/sh\n")
    assert out.count("-cgi") == 4


def test_it_may_fit_nowhere(capsys: Out) -> None:
    example = str(EXAMPLES / "claims" / "10-does-not-fit.yaml")
    assert run("prepare", "-f", str(EXAMPLES / "cluster"), example) == 1
    assert "impossible" in capsys.readouterr().out


def test_there_and_back(tmp_path: Path, capsys: Out) -> None:
    claims = [claim("static", {"a": [name]}, name=name) for name in ("gpu-3", "gpu-4")]
    cluster, first, both = files(tmp_path, "static", *claims), tmp_path / "first.json", tmp_path / "both.yaml"
    assert run("prepare", "-f", cluster, "--claim", "gpu-4", "-n", "team", "-o", "json") == 0
    first.write_text(capsys.readouterr().out)
    assert run("prepare", "-f", cluster, "--prepared", str(first), "-o", "yaml") == 0
    both.write_text(capsys.readouterr().out)
    plans = [prepare.Plan.from_dict(one) for one in yaml.safe_load(both.read_text())["plans"]]
    assert [one.claim for one in plans] == ["team/gpu-3", "team/gpu-4"]
    assert run("unprepare", "--prepared", str(both), "-o", "json") == 0
    undone = [prepare.Plan.from_dict(one) for one in json.loads(capsys.readouterr().out)["plans"]]
    assert [(one.claim, one.action) for one in undone] == [("team/gpu-4", "unprepare"), ("team/gpu-3", "unprepare")]
    assert run("unprepare", "--prepared", str(both), "--claim", "team/gpu-3", "--done", "0") == 0
    assert "rm " not in capsys.readouterr().out
    assert run("unprepare", "--prepared", str(both), "--claim", "team/none") == 2
    assert "no plan for it" in capsys.readouterr().err


def test_driver_for_passthrough(tmp_path: Path, capsys: Out) -> None:
    cluster = files(tmp_path, "passthrough", claim("passthrough", {"a": ["gpu-vfio-2"]}))
    assert run("prepare", "-f", cluster, "--vfio-driver", "nvgrace_gpu_vfio_pci") == 0
    assert " nvgrace_gpu_vfio_pci\n" in capsys.readouterr().out
    assert run("prepare", "-f", cluster, "--vfio-driver", "nvidia") == 2
    assert "vfio_driver: 'nvidia' is no driver for passthrough" in capsys.readouterr().err


def test_gates_and_clients(tmp_path: Path, capsys: Out) -> None:
    config = opaque({"kind": "GpuConfig", "sharing": {"strategy": "MPS"}})
    cluster = files(tmp_path, "static", claim("static", {"a": ["gpu-3"]}, config))
    assert run("prepare", "-f", cluster) == 2
    assert "strategy MPS needs the driver's feature gate MPSSupport" in capsys.readouterr().err
    assert run("prepare", "-f", cluster, "--driver-gates", "MPSSupport=true", "--clients", "processes") == 0
    out = capsys.readouterr().out
    assert "nvidia-cuda-mps-control -d" in out
    assert "cdi" not in out


def test_domains_are_among_the_files(tmp_path: Path, capsys: Out) -> None:
    config = opaque({"kind": "ComputeDomainChannelConfig", "domainID": DOMAIN}, driver="compute-domain.nvidia.com")
    cluster = files(tmp_path, "domain", claim("domain", {"a": ["channel-0"]}, config), *DOMAINS)
    assert run("prepare", "-f", cluster) == 0
    out = capsys.readouterr().out
    assert f"resource.nvidia.com/computeDomain={DOMAIN}" in out
    assert "# note: node gb200-r1-t03 has no label" in out


def test_a_script_is_for_one_node(tmp_path: Path, capsys: Out) -> None:
    claims = [claim("static", {"a": ["gpu-3"]}, name="here"), claim("domain", {"a": ["gpu-0"]}, name="there")]
    documents = [*recordings()["domain"], *claims]
    cluster = files(tmp_path, "static", *documents)
    assert run("prepare", "-f", cluster) == 2
    assert "these claims are on dgx-a100, gb200-r1-t03" in capsys.readouterr().err
    assert run("prepare", "-f", cluster, "--node", "dgx-a100") == 0
    out = capsys.readouterr().out
    assert "team/here" in out
    assert "team/there" not in out
    assert run("prepare", "-f", cluster, "-o", "json") == 0
    assert [one["node"] for one in json.loads(capsys.readouterr().out)["plans"]] == ["dgx-a100", "gb200-r1-t03"]


def test_a_pod(capsys: Out) -> None:
    example = str(EXAMPLES / "claims" / "04-two-claims.yaml")
    assert run("prepare", "-f", str(EXAMPLES / "cluster"), example, "--pod", "demo/two-claims") == 0
    assert capsys.readouterr().out.count("# --- prepare ResourceClaim demo/") == 2


def test_bad_files(tmp_path: Path, capsys: Out) -> None:
    cluster = files(tmp_path, "static", claim("static", {"a": ["gpu-3"]}))
    bad = tmp_path / "bad.json"
    assert run("prepare", "-f", cluster, "--prepared", str(bad)) == 2
    bad.write_text("")
    assert run("unprepare", "--prepared", str(bad)) == 2
    bad.write_text('{"plans": [{"claim": "a/b"}]}')
    assert run("unprepare", "--prepared", str(bad)) == 2
    assert "plan for ResourceClaim a/b: format: is required" in capsys.readouterr().err
    bad.write_text('{"kind": "nvidia.com/gpu"}')
    assert run("prepare", "-f", cluster, "--cdi-base", str(bad)) == 2
    assert "cdi_base.cdiVersion" in capsys.readouterr().err
    assert run("prepare", "-f", files(tmp_path, "static")) == 2
    assert "nothing to prepare" in capsys.readouterr().err
