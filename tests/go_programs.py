"""Go programs that judge what we write, built where Go and its modules can be had, else a reason to skip."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
_NO_GO = 3
# What Go says where it cannot reach a module that it has not yet.
_OUT_OF_REACH = re.compile(
    r"dial tcp|no such host|module lookup disabled|connection refused|timeout|: (?:403|404|410|5\d\d) "
)


def build(folder: str, into: Path) -> str:
    """The program of `tests/<folder>`, a Go module of its own."""
    path = into / folder
    command = [str(TESTS / "oracle" / "go.sh"), "build", "-buildvcs=false", "-o", str(path), "."]
    built = subprocess.run(command, cwd=TESTS / folder, capture_output=True, text=True, check=False)
    if built.returncode == _NO_GO:
        pytest.skip("no Go")
    if built.returncode and _OUT_OF_REACH.search(built.stderr):
        pytest.skip(f"Go modules of tests/{folder} cannot be had: {built.stderr.strip().splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
    return str(path)
