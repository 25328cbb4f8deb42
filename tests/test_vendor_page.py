"""The page on adding a vendor: what stands on it is placed where it says and judged as the other vendors are.

Without this file the page would rot, and adding a vendor could come to need more than one module and one file.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gpualloc import vendors
from vendor_cases import check_claim, check_slices

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[1] / "docs" / "adding-a-vendor.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def example(tmp_path: Path) -> Iterator[str]:
    """The page's module beside the others."""
    (tmp_path / "example.py").write_text(blocks("python")[0])
    vendors.__path__.append(str(tmp_path))
    yield "example"
    vendors.__path__.remove(str(tmp_path))
    sys.modules.pop("gpualloc.vendors.example", None)


# The path of a package belongs to all threads.
@pytest.mark.parallel_threads(1)
def test_page(example: str) -> None:
    assert example in vendors.names()
    (text,) = blocks("json")
    for case in json.loads(text):
        check_slices(case)
        for asked in case["claims"]:
            check_claim(case, asked)
    space: dict[str, Any] = {}
    exec(blocks("python")[1], space)
    alternatives = space["claim"]["spec"]["devices"]["requests"][0]["firstAvailable"]
    assert [one["deviceClassName"] for one in alternatives] == ["gpu.amd.com", "gpu.example.com"]


@pytest.mark.parallel_threads(1)
def test_without_it_there_is_no_such_vendor() -> None:
    assert "example" not in vendors.names()
