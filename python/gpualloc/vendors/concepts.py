"""What vendors call the same things: one table, and claims for accelerators whoever made them.

The words of each vendor stand in its own module. Chooses no device: a claim lists alternatives and the engine takes the
first that fits. Start at :func:`any_accelerator`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NVIDIA", "Concepts", "any_accelerator"]

Json = dict[str, Any]
Whole: TypeAlias = "tuple[str, tuple[str, ...]] | None"

_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i|[munkMGTPE])?", re.ASCII)
# The API takes no more alternatives in one request.
_MAX_ALTERNATIVES = 8


@dataclass(frozen=True, slots=True)
class Concepts:
    """The words of one driver. A name is an attribute of the driver's own domain unless it has a domain of its own.

    Attributes:
        driver: The DRA driver.
        device_class: The DeviceClass of its chart.
        whole: The attribute that tells whole devices from parts, and its values for whole ones.
        stable_id: What stays the same over restarts.
        parent: What parts of one device have in common.
        model: What names the product.
        memory: The capacity with the memory in bytes; `None` where the driver publishes none.
        memory_of_model: Memory by value of `model`, as a quantity, for drivers that publish none.
        unknown_memory: Whether the driver publishes 0 for memory it could not read.
        numa: The NUMA node.
        pcie_root: The PCIe root.
        health: How bad health shows.
        healthy: The attribute of good health and its value, where nothing but a condition keeps bad devices away.
        whole_node: Whether a claim must take every device of a node.
        beyond_counts: What else bounds which devices go together.
    """

    driver: str
    device_class: str
    model: str
    whole: Whole = None
    stable_id: str | None = None
    parent: str | None = None
    memory: str | None = None
    memory_of_model: Mapping[str, str] = field(default_factory=dict[str, str])
    unknown_memory: bool = False
    numa: str | None = None
    pcie_root: str | None = None
    health: Literal["taints", "attribute", "attribute and taints"] | None = None
    healthy: tuple[str, bool] | None = None
    whole_node: bool = False
    beyond_counts: str | None = None


NVIDIA = Concepts(
    driver="gpu.nvidia.com",
    device_class="gpu.nvidia.com",
    whole=("type", ("gpu",)),
    stable_id="uuid",
    parent="parentUUID",
    model="productName",
    memory="memory",
    numa="resource.kubernetes.io/numaNode",
    pcie_root="resource.kubernetes.io/pcieRoot",
    health="taints",
    beyond_counts="MIG grid, Fabric Manager partitions",
)
"""NVIDIA GPUs; their slices come from NVML and not from a description."""


def any_accelerator(
    name: str, minimum: str, vendors: Sequence[Concepts], *, namespace: str = "default", count: int = 1
) -> Json:
    """A ResourceClaim for whole devices with at least so much memory, from the first vendor that has them.

    Memory is compared as published, so that an `80 GB` card with 79.6 GiB is not one of at least `80Gi`. Where a driver
    publishes no memory, models are named whose memory is known. Where a node's devices only go together, the
    alternative asks for all of them, whatever the count.

    Args:
        name: Name of the claim.
        minimum: The least memory of each device, as a quantity such as `80Gi`.
        vendors: Whose devices will do, the best first.
        namespace: Namespace of the claim.
        count: How many devices.

    Raises:
        InvalidInputError: for no vendor or more than the API's 8 alternatives, or a minimum that is no quantity.
    """
    document = f"ResourceClaim {namespace}/{name}"
    if not 1 <= len(vendors) <= _MAX_ALTERNATIVES:
        raise InvalidInputError(f"1 to {_MAX_ALTERNATIVES} vendors can be asked for, not {len(vendors)}", document)
    if not _QUANTITY.fullmatch(minimum):
        raise InvalidInputError(f"{minimum!r} is no quantity such as 80Gi", document, "minimum")
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "devices": {
                "requests": [
                    {
                        "name": "accelerator",
                        "firstAvailable": [_alternative(vendor, minimum, count) for vendor in vendors],
                    }
                ]
            }
        },
    }


def _alternative(vendor: Concepts, minimum: str, count: int) -> Json:
    how: Json = {"allocationMode": "All"} if vendor.whole_node else {"allocationMode": "ExactCount", "count": count}
    return {
        "name": vendor.driver.replace(".", "-"),
        "deviceClassName": vendor.device_class,
        **how,
        "selectors": [{"cel": {"expression": _selector(vendor, minimum)}}],
    }


def _selector(vendor: Concepts, minimum: str) -> str:
    """A condition that is false, and never an error, where a device does not publish what is asked about."""
    conditions: list[str] = []
    if vendor.whole is not None:
        name, values = vendor.whole
        conditions.append(
            _guarded(
                vendor, name, " || ".join(f"{_attribute(vendor, name)} == {json.dumps(value)}" for value in values)
            )
        )
    if vendor.memory is not None:
        memory = f'device.capacity["{vendor.driver}"].{vendor.memory}'
        conditions.append(f'has({memory}) && {memory}.compareTo(quantity("{minimum}")) >= 0')
    else:
        name = _attribute(vendor, vendor.model)
        enough = [
            f'({name} == {json.dumps(model)} && quantity("{size}").compareTo(quantity("{minimum}")) >= 0)'
            for model, size in vendor.memory_of_model.items()
        ]
        conditions.append(_guarded(vendor, vendor.model, " || ".join(enough) or "false"))
    if vendor.healthy is not None:
        name, good = vendor.healthy
        conditions.append(_guarded(vendor, name, f"{_attribute(vendor, name)} == {json.dumps(good)}"))
    return " && ".join(conditions)


def _attribute(vendor: Concepts, name: str) -> str:
    return f'device.attributes["{vendor.driver}"].{name}'


def _guarded(vendor: Concepts, name: str, condition: str) -> str:
    return f"has({_attribute(vendor, name)}) && ({condition})"
