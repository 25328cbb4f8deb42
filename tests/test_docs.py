"""The examples in docstrings and in the README run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from gpualloc import _quantity, cel, kube, mig, vendors
from gpualloc.mig import parted, profile, tables
from gpualloc.vendors import tpu

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("module", [cel, kube, _quantity, mig, parted, profile, tables, vendors, tpu])
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
