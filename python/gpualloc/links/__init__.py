"""What lies between the devices of a node: NVLinks, PCIe, NUMA and fabric, as a link table beside the slices.

:func:`gpualloc.nvml.discover` makes the table of a machine, :func:`read_nvidia_smi` that of a machine that nobody here
can reach; :func:`to_document` and :func:`from_document` write and read it, :func:`draw_text` and :func:`draw_svg` show
it. Chooses no device and scores nothing. Matrices need numpy (extra `links`). Start at :class:`LinkTable`.

>>> from gpualloc import links
>>> pasted = '''      GPU0  GPU1  CPU Affinity
... GPU0   X    NV12  0-31
... GPU1  NV12   X    0-31'''
>>> table = links.read_nvidia_smi(pasted, node="far-away", nvlink=3)
>>> table.links, table.bandwidth[0][1], table.islands[0].devices
(((0, 12), (12, 0)), 300000, ('GPU0', 'GPU1'))
"""

from __future__ import annotations

from gpualloc.links.bandwidth import NVLINK
from gpualloc.links.document import KIND, from_document, to_document
from gpualloc.links.pcie import Place, level_between
from gpualloc.links.picture import draw as draw_svg
from gpualloc.links.smi import is_picture as is_nvidia_smi
from gpualloc.links.smi import read as read_nvidia_smi
from gpualloc.links.table import UNKNOWN, Device, FabricPlace, Island, LinkTable, Nic, PcieLevel, TrayPlace
from gpualloc.links.text import cell
from gpualloc.links.text import draw as draw_text

__all__ = [
    "KIND",
    "NVLINK",
    "UNKNOWN",
    "Device",
    "FabricPlace",
    "Island",
    "LinkTable",
    "Nic",
    "PcieLevel",
    "Place",
    "TrayPlace",
    "cell",
    "draw_svg",
    "draw_text",
    "from_document",
    "is_nvidia_smi",
    "level_between",
    "read_nvidia_smi",
    "to_document",
]
