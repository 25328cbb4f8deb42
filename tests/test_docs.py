"""The examples in docstrings run."""

from __future__ import annotations

import doctest

import pytest

from gpualloc import cel, kube


@pytest.mark.parametrize("module", [cel, kube])
def test_docstrings(module: object) -> None:
    failed, attempted = doctest.testmod(module)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert attempted
    assert not failed
