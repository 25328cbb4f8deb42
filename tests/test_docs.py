"""The examples in docstrings, in the README and on the page on vendors run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpualloc import _quantity, cel, fleet, kube, links, mig, vendors
from gpualloc.fleet import catalogue, parse
from gpualloc.mig import parted, profile, tables
from gpualloc.nvml import pci_names, words
from gpualloc.prepare import _cdi, shares, steps
from gpualloc.vendors import tpu

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


@pytest.mark.parametrize(
    "module",
    [
        cel,
        kube,
        _quantity,
        fleet,
        links,
        catalogue,
        parse,
        mig,
        parted,
        profile,
        tables,
        pci_names,
        words,
        vendors,
        tpu,
        _cdi,
        shares,
        steps,
    ],
)
def test_docstrings(module: object) -> None:
    failed, attempted = doctest.testmod(module)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert attempted
    assert not failed


# The first thing a reader tries; its output belongs to one thread.
@pytest.mark.parallel_threads(1)
def test_readme(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "2 in use" in capsys.readouterr().out


def test_links_page() -> None:
    """The table that it shows is read, and is that of the text it shows."""
    page = (ROOT / "docs" / "links.md").read_text()
    (drawn,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    (written,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    table = links.read_nvidia_smi(drawn, node="box", nvlink=4, names={"GPU0": "gpu-0", "GPU1": "gpu-1"})
    assert links.to_document(table) == yaml.safe_load(written)
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "links.md", "exec"), {"text": drawn})


def test_vendors_page() -> None:
    """But for the one that reads this host's sysfs."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "vendors.md").read_text(), re.DOTALL)
    here = [block for block in blocks if "describe" not in block]
    assert len(here) == len(blocks) - 1
    space: dict[str, Any] = {}
    for block in here:
        exec(compile(block, "vendors.md", "exec"), space)
    assert space["produced"].left_out == ()
    assert len(space["claim"]["spec"]["devices"]["requests"][0]["firstAvailable"]) == 2


@pytest.mark.parallel_threads(1)
def test_prepare_page(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "prepare.md").read_text()
    [block] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(block, "prepare.md", "exec"), {})
    assert "GPU-11111111-aaaa-4bbb-8ccc-000000000000\n#!/bin/sh" in capsys.readouterr().out
    # Each step has its line, and each line a step.
    assert set(steps.STEPS) == set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`(?:, `\w+`)?) \|", page, re.MULTILINE)))
    )
