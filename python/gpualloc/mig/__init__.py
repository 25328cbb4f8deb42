"""MIG as data: the profiles of each card, their places and counters, and mig-parted's configuration files.

No driver is asked and no GPU is needed: tables come with the package, and where a figure is not published it is
missing, never guessed; :func:`from_nvml` takes what a driver said instead. Files: :mod:`gpualloc.mig.parted`. Start at
:func:`card`.

>>> from gpualloc import mig
>>> a100 = mig.card("NVIDIA A100-SXM4-40GB")
>>> a100.profile("3g.20gb").starts, sum(1 for layout in mig.layouts(a100))
((0, 4), 2319)
"""

from __future__ import annotations

from gpualloc.mig._errors import UnknownCardError, UnpublishedError
from gpualloc.mig.card import Card
from gpualloc.mig.figures import ProfileInfo, from_nvml
from gpualloc.mig.layout import is_maximal, is_possible, layouts, layouts_of
from gpualloc.mig.partition import (
    capacity,
    counter_set,
    counter_set_name,
    device_name,
    partition_devices,
    whole_device,
)
from gpualloc.mig.profile import Placement, Profile, ProfileName
from gpualloc.mig.standard import standard_configurations
from gpualloc.mig.tables import card, cards, without_table

__all__ = [
    "Card",
    "Placement",
    "Profile",
    "ProfileInfo",
    "ProfileName",
    "UnknownCardError",
    "UnpublishedError",
    "capacity",
    "card",
    "cards",
    "counter_set",
    "counter_set_name",
    "device_name",
    "from_nvml",
    "is_maximal",
    "is_possible",
    "layouts",
    "layouts_of",
    "partition_devices",
    "standard_configurations",
    "whole_device",
    "without_table",
]
