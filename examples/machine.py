"""The GPUs of this machine, or of one that is described: ask for two, and get their UUIDs and the environment.

Run by `make demo`; on a machine without NVIDIA GPUs a DGX H100 takes their place.
"""

from __future__ import annotations

from gpualloc import DiscoveryError, fleet, nvml, vendors


def main() -> None:
    """Discovers or describes, asks, and prints what a launcher would set."""
    try:
        found = nvml.discover()
        print(f"found {len(found.host.gpus)} GPUs")
        machine: nvml.Discovery | fleet.Fleet = found
    except DiscoveryError as error:
        print(f"no NVIDIA GPU here ({error}); a DGX H100 takes their place")
        machine = fleet.describe("1 dgx-h100")
    claim = vendors.any_accelerator("train", "10Gi", [vendors.NVIDIA], count=2)
    answer = machine.inventory().allocate(claim)
    if not answer:
        print(answer.why)
        return
    print(f"placed on node {answer.node}")
    print(f"CUDA_VISIBLE_DEVICES={','.join(nvml.visible(answer, machine.slices))}")


if __name__ == "__main__":
    main()
