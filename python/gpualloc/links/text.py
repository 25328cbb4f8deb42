"""A link table as text, in the form in which `nvidia-smi topo -m` draws it, with what that leaves out below.

:mod:`gpualloc.links.smi` reads it back. Draws what the table says and adds nothing. Start at :func:`draw`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpualloc.links.table import Device, PcieLevel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpualloc.links.table import Island, LinkTable, Nic

__all__ = ["cell", "draw"]

_MEANINGS = {
    "X": "the device itself",
    "NV#": "# NVLinks, directly or through switches",
    "XGMI#": "# xGMI links",
    "PIX": "at most one PCIe bridge",
    "PXB": "several PCIe bridges, but no host bridge",
    "PHB": "a PCIe host bridge",
    "NODE": "several PCIe host bridges of one NUMA node",
    "SYS": "the interconnect between NUMA nodes",
    "N/A": "nobody has said",
}
_UNSAID = "N/A"


def draw(table: LinkTable, *, pcie: bool = False) -> str:
    """The table as text; with `pcie` the PCIe level also where there are NVLinks, as `nvidia-smi topo -mp`."""
    if not table.devices:
        return "no devices\n"
    ends = table.ends
    titles = ["CPU Affinity", "NUMA Affinity", "GPU NUMA ID"]
    rows = [["", *(one.label for one in ends), *titles]]
    for a, end in enumerate(ends):
        cells = [cell(table, a, b, pcie=pcie).center(4) for b in range(len(ends))]
        rows.append([end.label, *cells, *_affinity(end)])
    parts = [_aligned(rows), _legend(rows)]
    if table.nics:
        parts.append("NIC Legend:\n\n" + "".join(f"  {nic.label}: {nic.name}\n" for nic in table.nics))
    parts.append("Devices:\n\n" + _aligned([_described(one) for one in table.devices], indent="  "))
    if table.islands:
        kind = "xGMI" if table.link_word == "XGMI" else "NVLink"
        parts.append(f"{kind} islands:\n\n" + "".join(f"  {_island(one)}\n" for one in table.islands))
    fabric = dict.fromkeys(line for one in table.devices for line in _fabric(one))
    if fabric:
        parts.append("Fabric:\n\n" + "".join(f"  {line}\n" for line in fabric))
    return "\n".join(parts)


def cell(table: LinkTable, a: int, b: int, *, pcie: bool = False) -> str:
    """What a picture writes for two ends: `X`, `NV18`, `PIX`, or `N/A` where nobody said."""
    if a == b:
        return "X"
    count = len(table.devices)
    if not pcie and a < count and b < count and table.links[a][b]:
        return f"{table.link_word}{table.links[a][b]}"
    level = table.pcie[a][b]
    # The programs that people know have one word for one board and for one bridge.
    return _UNSAID if level is None else "PIX" if level == PcieLevel.BOARD else PcieLevel(level).name


def _affinity(end: Device | Nic) -> list[str]:
    if not isinstance(end, Device):
        return ["", "", ""]
    values = (end.cpus, end.numa_node, end.memory_numa_node)
    return [_UNSAID if value is None else str(value) for value in values]


def _aligned(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{indent}{line.rstrip()}\n" for line in lines)


def _legend(rows: Sequence[Sequence[str]]) -> str:
    """The words that stand in the matrix, and what they mean."""
    used = {re.sub(r"^(NV|XGMI)\d+$", r"\1#", word) for row in rows[1:] for word in map(str.strip, row[1:])}
    lines = (f"  {word:<4} = {meaning}\n" for word, meaning in _MEANINGS.items() if word in used)
    return "Legend:\n\n" + "".join(lines)


def _described(device: Device) -> list[str]:
    said = (device.pci_bus_id, device.uuid, device.product)
    return [f"{device.label}:", device.name, *(value or "-" for value in said)]


def _island(island: Island) -> str:
    kind = "each with each" if island.is_complete else "some through others"
    speed = "" if island.bandwidth is None else f", {island.bandwidth} MB/s each way between the slowest pair"
    return f"{' '.join(island.devices)}: {kind}{speed}"


def _fabric(device: Device) -> Iterator[str]:
    fabric, tray = device.fabric, device.tray
    if fabric is not None:
        if fabric.clique is not None:
            yield f"clique {fabric.clique}"
        if fabric.state != "completed" or fabric.status:
            code = "" if not fabric.status else f", NVML error {fabric.status}"
            yield f"{device.label} has not joined: {fabric.state}{code}"
        for problem in fabric.problems:
            yield f"{device.label}: {problem}"
    if tray is not None:
        chassis = "" if tray.chassis_serial is None else f"chassis {tray.chassis_serial}, "
        yield f"{chassis}slot {tray.slot}, tray {tray.tray}, host {tray.host}"
