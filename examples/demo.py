"""The example cluster at work: allocates the claims that fit and explains the one that does not.

Run by `make demo`. Every step is what a person would type on the command line.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent
CLUSTER = sorted((EXAMPLES / "cluster").glob("*.yaml"))

STEPS = [
    ("One whole GPU", "01-one-gpu.yaml", []),
    ("A claim that another pod shares already", "02-shared-claim.yaml", ["--pod", "demo/trainer-1"]),
    ("Four MIG partitions of one card", "03-mig-on-one-card.yaml", []),
    ("Two claims of one pod", "04-two-claims.yaml", ["--pod", "demo/two-claims"]),
    ("Two GPUs of one NUMA node", "05-count-two.yaml", []),
    ("A GPU by product and memory", "06-product-and-memory.yaml", []),
    ("An H200, else two H100", "07-first-available.yaml", []),
    ("Two GPUs asked for in the older style", "08-extended-resource.yaml", ["--pod", "demo/extended"]),
    ("Every chip of a TPU machine", "09-all-chips.yaml", []),
    ("Nine GPUs of one machine, which nobody has", "10-does-not-fit.yaml", []),
]


def main() -> int:
    """Runs the steps; the last one is expected not to fit."""
    files = [argument for path in CLUSTER for argument in ("-f", str(path))]
    statuses = []
    for title, name, options in STEPS:
        claim = EXAMPLES / "claims" / name
        print(f"\n== {title} ({claim.name})", flush=True)
        command = [sys.executable, "-m", "gpualloc.cli", "allocate", *files, "-f", str(claim), *options]
        statuses.append(subprocess.run(command, check=False).returncode)
    return 0 if statuses == [0] * (len(STEPS) - 1) + [1] else 1


if __name__ == "__main__":
    sys.exit(main())
