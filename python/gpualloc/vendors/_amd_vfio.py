"""AMD's passthrough devices: each GPU once more for virtual machines, and its virtual functions.

Where a GPU has virtual functions, counters keep it to all of them or itself. Where it has none, nothing in the slices
keeps its two devices apart: the driver withdraws one when the other is prepared. Start at :func:`devices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpualloc.vendors._fields import PCI_ADDRESS, PCI_ROOT, Fields
from gpualloc.vendors._slices import attribute

if TYPE_CHECKING:
    from gpualloc.vendors.amd import Gpu

__all__ = ["Functions", "consumption", "devices", "functions"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Virtual:
    """A virtual function."""

    pci: str
    iommu_group: str
    pcie_root: str


@dataclass(frozen=True, slots=True)
class Functions:
    """What a GPU has for virtual machines."""

    iommu_group: str
    total_vfs: int
    """How many virtual functions it could have; 0 without SR-IOV."""
    virtual: tuple[Virtual, ...]


def functions(row: Fields) -> Functions:
    """The passthrough part of a GPU's description."""
    rows = row.rows("vfs", optional=True)
    total = row.number("totalVFs", default=0)
    if len(rows) > total:
        row.refuse("vfs", f"{len(rows)} are listed, totalVFs is {total}")
    virtual: list[Virtual] = []
    for one in rows:
        root = one.text("pcieRoot", PCI_ROOT, default="")
        virtual.append(Virtual(one.text("pci", PCI_ADDRESS), one.text("iommuGroup"), root))
        one.close()
    return Functions(row.text("iommuGroup", default=""), total, tuple(sorted(virtual, key=lambda each: each.pci)))


def consumption(pci: str, slots: int) -> list[Json]:
    """What a device takes of its GPU's virtual functions."""
    return [{"counterSet": _counter_set_name(pci), "counters": {"vf-slots": {"value": str(slots)}}}]


def devices(gpus: list[Gpu]) -> tuple[list[Json], list[Json]]:
    """Passthrough devices, physical functions first, and the counter sets of those with virtual ones."""
    found, counter_sets = list[Json](), list[Json]()
    for gpu in gpus:
        assert gpu.functions is not None
        device = _device(len(found), gpu, gpu.pci, gpu.functions.iommu_group, is_virtual=False)
        device["attributes"]["resource.kubernetes.io/pcieRoot"] = gpu.shared.get("resource.kubernetes.io/pcieRoot")
        if gpu.figures.is_known:
            device["capacity"] = gpu.figures.capacity()
        if gpu.functions.total_vfs:
            device["consumesCounters"] = consumption(gpu.pci, gpu.functions.total_vfs)
            slots = {"vf-slots": {"value": str(gpu.functions.total_vfs)}}
            counter_sets.append({"name": _counter_set_name(gpu.pci), "counters": slots})
        found.append(device)
    for gpu in gpus:
        assert gpu.functions is not None
        for one in gpu.functions.virtual:
            device = _device(len(found), gpu, one.pci, one.iommu_group, is_virtual=True)
            device["attributes"]["resource.kubernetes.io/pcieRoot"] = (
                attribute(one.pcie_root) if one.pcie_root else None
            )
            if gpu.figures.is_known:
                device["capacity"] = gpu.figures.share(len(gpu.functions.virtual)).capacity()
            device["consumesCounters"] = consumption(gpu.pci, 1)
            found.append(device)
    for device in found:
        device["attributes"] = {name: value for name, value in device["attributes"].items() if value is not None}
    return found, counter_sets


def _device(index: int, gpu: Gpu, pci: str, iommu_group: str, *, is_virtual: bool) -> Json:
    return {
        "name": f"gpu-vfio-{index}",
        "attributes": {
            "type": attribute("vfio"),
            "numaNode": gpu.shared["numaNode"],
            "iommuGroup": attribute(iommu_group),
            "pciAddr": attribute(pci),
            "isVF": attribute(is_virtual),
            # Here the driver takes the PCI database's name, which does not begin with the vendor's.
            "productName": attribute(gpu.product.removeprefix("AMD_")),
            "deviceID": gpu.shared.get("deviceID"),
            "vendorID": attribute("0x1002"),
            "resource.kubernetes.io/pciBusID": attribute(pci),
        },
    }


def _counter_set_name(pci: str) -> str:
    return f"pf-{pci.replace(':', '-').replace('.', '-')}-counter-set"
