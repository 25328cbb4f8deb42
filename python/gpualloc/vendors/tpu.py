"""Google TPU chips as the driver `tpu.google.com` publishes them.

A description has, beside `vendor` and `node`:

- `accelerator`: the node label's text, such as `tpu-v6e-slice` or `tpu7x`.
- `topology`: such as `2x2`; left out where the node cannot tell.
- `chips`: each with `file`, its name in `/dev` (`accel0`) or `/dev/vfio` (`0`), and `uuid` where it is known: the
  driver makes one from node and file by a generator that is not repeated here, so that without it there is none.

A pod must take every chip of a node, which the driver checks when it prepares the claim and no class can say: ask with
`allocationMode: All`. Asks no driver. Start at :func:`host`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gpualloc.vendors._slices import Host, attribute, device_class
from gpualloc.vendors.concepts import Concepts

if TYPE_CHECKING:
    from gpualloc.vendors._fields import Fields

__all__ = ["CONCEPTS", "DEVICE_CLASSES", "generation", "host"]

Json = dict[str, Any]

CONCEPTS = Concepts(
    driver="tpu.google.com",
    device_class="tpu.google.com",
    stable_id="uuid",
    model="tpuGen",
    # From the vendor's documentation; the driver publishes no capacity at all.
    memory_of_model={
        "v3": "32G",
        "v4": "32G",
        "v5lite": "16G",
        "v5litepod": "16G",
        "v5p": "95G",
        "v6e": "32G",
        "tpu7x": "192G",
    },
    whole_node=True,
    beyond_counts="whole node",
)
DEVICE_CLASSES = (device_class("tpu.google.com", "device.driver == 'tpu.google.com'"),)

_FILE = re.compile(r"accel[0-9]+|[0-9]+", re.ASCII)
_TOPOLOGY = re.compile(r"[1-9][0-9]*x[1-9][0-9]*(x[1-9][0-9]*)?", re.ASCII)
_NEW = re.compile(r"tpu[0-9]+[a-z]?", re.ASCII)
_OLD = re.compile(r"tpu-(v[0-9]+[ep]?)(-lite)?-(device|podslice|slice)", re.ASCII)
_KNOWN = ("v3", "v4", "v4lite", "v5lite", "v5litepod", "v5p", "v6e")


def generation(accelerator: str) -> str | None:
    """The generation in the driver's words, or nothing for an accelerator it does not know.

    >>> generation("tpu-v5-lite-podslice"), generation("tpu-v6e-slice"), generation("tpu7x")
    ('v5litepod', 'v6e', 'tpu7x')
    """
    if _NEW.fullmatch(accelerator):
        return accelerator
    match = _OLD.fullmatch(accelerator)
    if match is None or accelerator in ("tpu-v4-device", "tpu-v4-lite-podslice"):
        return None
    version, lite, shape = match.groups()
    name = version + ("lite" if lite else "")
    if version.startswith("v5") and shape == "podslice":
        name += "pod"
    return name if name in _KNOWN else None


def host(fields: Fields) -> Host:
    """What the driver publishes for the host described, by name of the device file."""
    accelerator = fields.text("accelerator")
    known = generation(accelerator)
    if known is None:
        fields.refuse("accelerator", f"{accelerator!r} is no accelerator that the driver knows")
    rows = sorted(fields.rows("chips"), key=lambda row: row.text("file", _FILE))
    shared = {
        "tpuGen": attribute(known),
        "brand": attribute("Google"),
        "accelerator": attribute(accelerator),
        "chipCount": attribute(len(rows)),
    }
    if fields.has("topology"):
        shared["topology"] = attribute(fields.text("topology", _TOPOLOGY))
    devices: list[Json] = []
    for index, row in enumerate(rows):
        identity = {"uuid": attribute(row.text("uuid"))} if row.has("uuid") else {}
        name = row.text("file")
        devices.append({"name": name, "attributes": {"index": attribute(index), **identity, **shared}})
        row.close()
    return Host(devices)
