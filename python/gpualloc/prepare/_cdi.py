"""CDI specifications: one for each driver and claim, named as the drivers name theirs.

GPUs come as device nodes, so that `NVIDIA_VISIBLE_DEVICES` is void: an older runtime would add GPUs by it. Driver
libraries and hooks are the node's; they come from its own specification where the caller gives it. Start at
:func:`specification`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from gpualloc.prepare._node import GPU
from gpualloc.vendors import Fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpualloc.prepare._node import NodeDevice
    from gpualloc.prepare._parts import Context, Part

__all__ = ["device_id", "path", "specification"]

Json = dict[str, Any]

# The least version with all that is used here: device names that begin with a digit.
_VERSION: Final = "0.5.0"
_DEFAULT: Final[Json] = {
    "env": ["NVIDIA_VISIBLE_DEVICES=void"],
    "deviceNodes": [{"path": f"/dev/{name}"} for name in ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")],
}
_CLAIM: Final = "claim"
# The lists of edits that plans add to.
_LISTS: Final = ("env", "deviceNodes", "mounts")


def device_id(driver: str, uid: str, device: str) -> str:
    """The fully qualified name of a claim's device.

    >>> device_id("gpu.nvidia.com", "dab5ab50", "gpu-0")
    'k8s.gpu.nvidia.com/claim=dab5ab50-gpu-0'
    """
    return f"k8s.{driver}/{_CLAIM}={uid}-{device}"


def path(context: Context, driver: str) -> str:
    """Where the specification of a claim is written. JSON is YAML, and the drivers look for that ending."""
    return f"{context.options.cdi_directory}/k8s.{driver}-{_CLAIM}_{context.uid}.yaml"


def specification(context: Context, driver: str, devices: Iterable[NodeDevice], part: Part) -> str:
    """The specification of a claim's devices of one driver, as JSON text.

    Raises:
        InvalidInputError: if the node's own specification is not one.
    """
    base = _Base(context.options.cdi_base if driver == GPU else None)
    passed_through = bool(part.common)
    shared = part.common if passed_through or driver != GPU else [base.common]
    document: Json = {
        "cdiVersion": base.version,
        "kind": f"k8s.{driver}/{_CLAIM}",
        "devices": [],
        "containerEdits": _merged(shared),
    }
    for device in dict.fromkeys(devices):
        edits = list(part.edits.get(device.name, ()))
        if device.kind in ("gpu", "mig"):
            # What a passthrough container gets is no driver's libraries; a GPU next to it brings them itself.
            edits = [base.of(device), *([base.common] if passed_through else []), *edits]
        document["devices"].append({"name": f"{context.uid}-{device.name}", "containerEdits": _merged(edits)})
    if not document["containerEdits"]:
        del document["containerEdits"]
    return json.dumps(document, sort_keys=True)


class _Base:
    """The node's own specification, or what is known without one."""

    def __init__(self, document: Mapping[str, Any] | None) -> None:
        self.version, self.common = _VERSION, _DEFAULT
        self._devices: dict[str, Json] = {}
        if document is None:
            return
        fields = Fields(document, "cdi_base")
        self.version = max(_VERSION, fields.text("cdiVersion"), key=_numbers)
        self.common = _edits(fields, "containerEdits") if fields.takes("containerEdits") else {}
        for row in fields.rows("devices"):
            self._devices[row.text("name")] = _edits(row, "containerEdits")

    def of(self, device: NodeDevice) -> Json:
        """The edits of a card, found by its UUID."""
        return self._devices.get(device.card) or {"deviceNodes": [{"path": f"/dev/nvidia{device.minor}"}]}


def _edits(fields: Fields, name: str) -> Json:
    found: Json = dict(fields.part(name).items())
    for key in _LISTS:
        if not isinstance(found.get(key, []), list):
            fields.refuse(f"{name}.{key}", f"must be a list, is {found[key]!r}")
    if "${" in json.dumps(found):
        fields.refuse(name, "holds ${, which is kept for what steps tell")
    return found


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _merged(all_edits: Sequence[Json]) -> Json:
    """Lists one after the other, each entry once; of what is no list the last one counts, as in the CDI library."""
    merged: Json = {}
    for edits in all_edits:
        for name, value in edits.items():
            if isinstance(value, list):
                entries: list[Any] = merged.setdefault(name, [])
                entries.extend(entry for entry in cast("Iterable[Any]", value) if entry not in entries)
            else:
                merged[name] = value
    return {name: value for name, value in merged.items() if value != []}
