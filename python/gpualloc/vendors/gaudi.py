"""Intel Gaudi cards as the driver `gaudi.intel.com` publishes them.

A description has, beside `vendor` and `node`, `cards`: each with `pci`, `pciId`, `pcieRoot`, `healthy`, and `serial`,
which is empty where it could not be read. Which card has which place in the scale-up network is not published.

Asks no driver. Start at :func:`host`.
"""

from __future__ import annotations

from typing import Any

from gpualloc.vendors._fields import PCI_ADDRESS, PCI_ID, PCI_ROOT, Fields
from gpualloc.vendors._slices import Host, attribute, device_class
from gpualloc.vendors.concepts import Concepts

__all__ = ["CONCEPTS", "DEVICE_CLASSES", "host"]

Json = dict[str, Any]

CONCEPTS = Concepts(
    driver="gaudi.intel.com",
    device_class="gaudi.intel.com",
    stable_id="serial",
    model="model",
    # From the vendor's data sheets; the driver publishes no capacity at all.
    memory_of_model={"Gaudi": "32G", "Gaudi2": "96G", "Gaudi3": "128G"},
    pcie_root="resource.kubernetes.io/pcieRoot",
    health="attribute",
    healthy=("healthy", True),
)
DEVICE_CLASSES = (device_class("gaudi.intel.com", "device.driver == 'gaudi.intel.com'"),)

_MODELS = {
    **dict.fromkeys((0x1000, 0x1001, 0x1010, 0x1011), "Gaudi"),
    0x1020: "Gaudi2",
    **dict.fromkeys((0x1030, 0x1060, 0x1061, 0x1062, 0x1063), "Gaudi3"),
}


def host(fields: Fields) -> Host:
    """What the driver publishes for the host described, by PCI address."""
    rows = sorted(fields.rows("cards"), key=lambda row: row.text("pci", PCI_ADDRESS))
    return Host([_device(row) for row in rows])


def _device(row: Fields) -> Json:
    pci, pci_id, root = row.text("pci", PCI_ADDRESS), row.text("pciId", PCI_ID), row.text("pcieRoot", PCI_ROOT)
    device: Json = {
        "name": f"{pci.replace(':', '-').replace('.', '-')}-{pci_id}",
        "attributes": {
            "model": attribute(_MODELS.get(int(pci_id, 16), "Unknown")),
            "serial": attribute(row.text("serial")),
            "healthy": attribute(row.flag("healthy")),
            # Deprecated: the standard one replaces it.
            "pciRoot": attribute(root.rpartition(":")[2]),
            "resource.kubernetes.io/pcieRoot": attribute(root),
        },
    }
    row.close()
    return device
