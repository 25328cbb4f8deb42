"""Intel GPUs as the driver `gpu.intel.com` publishes them.

A description has, beside `vendor` and `node`:

- `manageBinding`: whether the driver may bind GPUs to kernel drivers; without that an unbound GPU is tainted.
- `gpus`: each with `pci`, `pciId`, `pcieRoot`, `driver` (`i915`, `xe`, `vfio-pci`, `xe-vfio-pci`, or empty where it is
  bound to none), `type` (`gpu` or `vf`), `maxVFs`, `memoryMiB` (null until somebody measured it), and `health`: for
  each category of its health monitor `Healthy`, `Unhealthy` or `Unknown`; left out where there is no monitor.

Asks no driver. Start at :func:`host`.
"""

from __future__ import annotations

from typing import Any

from gpualloc._quantity import binary
from gpualloc.vendors._fields import PCI_ADDRESS, PCI_ID, PCI_ROOT, Fields
from gpualloc.vendors._slices import Host, attribute, capacity, device_class
from gpualloc.vendors.concepts import Concepts

__all__ = ["CONCEPTS", "DEVICE_CLASSES", "host"]

Json = dict[str, Any]

CONCEPTS = Concepts(
    driver="gpu.intel.com",
    device_class="gpu.intel.com",
    whole=("type", ("gpu",)),
    stable_id="resource.kubernetes.io/pciBusID",
    model="model",
    memory="memory",
    unknown_memory=True,
    pcie_root="resource.kubernetes.io/pcieRoot",
    health="attribute and taints",
)
# Both select the driver only; the class decides which kernel driver a GPU gets when it is prepared.
DEVICE_CLASSES = tuple(
    device_class(name, "device.driver == 'gpu.intel.com'") for name in ("gpu.intel.com", "gpu-vfio.intel.com")
)

_HEALTHY, _UNHEALTHY, _UNKNOWN = "Healthy", "Unhealthy", "Unknown"
_DRIVERS = ("i915", "xe", "vfio-pci", "xe-vfio-pci", "")
# Families and models by PCI device id, as the driver names them; others are "Unknown".
_MODELS = {
    "Arc A-Series": {0x56A0: "A770", 0x56A1: "A750", 0x56A2: "A580", 0x56A5: "A380", 0x56A6: "A310"},
    "Arc Pro A-Series": {0x56B0: "A30M", 0x56B1: "A40/A50", 0x56B2: "A60M", 0x56B3: "A60"},
    "Arc B-Series": {0xE20B: "B580", 0xE20C: "B570"},
    "Arc Pro B-Series": {0xE211: "B60", 0xE212: "B50", 0xE222: "B65", 0xE223: "B70"},
    "Data Center Flex": {0x56C0: "Flex 170", 0x56C1: "Flex 140"},
    "Data Center Max": {
        **dict.fromkeys((0x0B69, 0x0BD0, 0x0BD5), "Max 1550"),
        0x0BD6: "Max 1450",
        **dict.fromkeys((0x0BD9, 0x0BDA, 0x0BDB), "Max 1100"),
    },
}


def host(fields: Fields) -> Host:
    """What the driver publishes for the host described, by PCI address."""
    manages = fields.flag("manageBinding", default=False)
    rows = sorted(fields.rows("gpus"), key=lambda row: row.text("pci", PCI_ADDRESS))
    return Host([_device(row, manages=manages) for row in rows])


def _device(row: Fields, *, manages: bool) -> Json:
    pci, pci_id, root = row.text("pci", PCI_ADDRESS), row.text("pciId", PCI_ID), row.text("pcieRoot", PCI_ROOT)
    driver, health = row.choice("driver", _DRIVERS), row.table("health", optional=True)
    for category, state in health.items():
        if state not in (_HEALTHY, _UNHEALTHY, _UNKNOWN):
            row.refuse(f"health.{category}", f"must be {_HEALTHY}, {_UNHEALTHY} or {_UNKNOWN}, is {state!r}")
    family, model = _named(pci_id)
    device: Json = {
        "name": f"{pci.replace(':', '-').replace('.', '-')}-{pci_id}",
        "attributes": {
            "type": attribute(row.choice("type", ("gpu", "vf"), default="gpu")),
            "model": attribute(model),
            "family": attribute(family),
            "driver": attribute(driver),
            "sriov": attribute(row.number("maxVFs", default=0) > 0),
            "pciId": attribute(pci_id),
            "health": attribute(_overall(health)),
            # These two are deprecated: the standard ones below replace them.
            "pciAddress": attribute(pci),
            "pciRoot": attribute(root.rpartition(":")[2]),
            "resource.kubernetes.io/pciBusID": attribute(pci),
            "resource.kubernetes.io/pcieRoot": attribute(root),
        },
        "capacity": {
            "memory": capacity(binary((row.known_number("memoryMiB") or 0) << 20)),
            "millicores": capacity("1k"),
        },
    }
    row.close()
    taints = _taints(health, is_bound=bool(driver) or manages)
    return {**device, "taints": taints} if taints else device


def _named(pci_id: str) -> tuple[str, str]:
    for family, models in _MODELS.items():
        if int(pci_id, 16) in models:
            return family, models[int(pci_id, 16)]
    return "Unknown", "Unknown"


def _overall(health: Any) -> str:
    states = set(health.values())
    if _UNHEALTHY in states:
        return _UNHEALTHY
    return _HEALTHY if _HEALTHY in states else _UNKNOWN


def _taints(health: Any, *, is_bound: bool) -> list[Json]:
    taints: list[Json] = []
    issues = sorted(category for category, state in health.items() if state == _UNHEALTHY)
    if issues:
        taints.append({"key": f"HealthIssues-{'_'.join(issues)}", "effect": "NoExecute"})
    if not is_bound:
        taints.append({"key": "UnboundUnmanaged", "effect": "NoSchedule"})
    return taints
