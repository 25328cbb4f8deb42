"""Names of NVIDIA's cards by PCI device number, as the passthrough devices of the driver carry them.

The PCI ID project's names, which differ from NVML's for the same card. A few dozen data-centre and workstation cards
are shipped in `pci_names.json`; for others the machine's own copy of the database is read. Start at :func:`name_of`.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DATABASES", "UNKNOWN", "name_of"]

UNKNOWN = "UNKNOWN_DEVICE"
"""What the driver publishes for a card that its database does not have."""
DATABASES = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids", "/var/lib/pciutils/pci.ids")
"""Where distributions keep the database."""

_NVIDIA = "10de"


@cache
def _shipped() -> dict[str, str]:
    names: dict[str, str] = json.loads(files("gpualloc.nvml").joinpath("pci_names.json").read_text())["names"]
    return names


def name_of(device: int, databases: Iterable[str] = DATABASES) -> str:
    """The card's name, or :data:`UNKNOWN`.

    >>> name_of(0x2330)
    'GH100 [H100 SXM5 80GB]'
    """
    number = f"{device:04x}"
    if number in _shipped():
        return _shipped()[number]
    for path in databases:
        found = _search(path, number)
        if found:
            return found
    return UNKNOWN


@cache
def _search(path: str, number: str) -> str | None:
    """Vendors start their lines, their devices stand below after one tab."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return None
    vendor = ""
    for line in lines:
        if line[:1] not in ("", "\t", "#"):
            vendor = line[:4]
        elif vendor == _NVIDIA and line.startswith(f"\t{number}  "):
            return line[7:].strip()
    return None
