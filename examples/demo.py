"""GPUs found and described, then the example cluster at work: what fits is allocated, what does not is explained.

Run by `make demo`. Every step is what a person would type on the command line. GPUs are found on this machine; where
there is a C compiler also on a GB200 tray that is not here, whose NVML is the stand-in of the tests.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent
NVML = EXAMPLES.parent / "tests" / "nvml"
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
    machine = [sys.executable, str(EXAMPLES / "machine.py")]
    elsewhere = [sys.executable, str(NVML / "run"), str(NVML / "hosts" / "gb200-x4.json")]
    cluster = [sys.executable, "-m", "gpualloc", "fleet", "40 dgx-h100, 9 gb200-nvl72, 20 mi300x, 8 tpu-v6e"]
    ways = {"Two GPUs of this machine": machine, "A whole cluster, described": cluster}
    if shutil.which("cc"):
        ways["Two GPUs of a GB200 tray that is not here"] = [*elsewhere, *machine]
    for title, command in ways.items():
        print(f"\n== {title}", flush=True)
        if subprocess.run(command, check=False).returncode:
            return 1
    files = [argument for path in CLUSTER for argument in ("-f", str(path))]
    statuses = []
    for title, name, options in STEPS:
        claim = EXAMPLES / "claims" / name
        print(f"\n== {title} ({claim.name})", flush=True)
        command = [sys.executable, "-m", "gpualloc", "allocate", *files, "-f", str(claim), *options]
        statuses.append(subprocess.run(command, check=False).returncode)
    return 0 if statuses == [0] * (len(STEPS) - 1) + [1] else 1


if __name__ == "__main__":
    sys.exit(main())
