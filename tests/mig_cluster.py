"""One node with one card that may be partitioned, as documents; and the recorded cards. Shared by the MIG tests."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import gpualloc as ga
from gpualloc import mig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cluster import Json

DRIVER = "gpu.example.com"
RECORDED: dict[str, Json] = json.loads((Path(__file__).parent / "mig" / "recorded.json").read_text())
"""One GPU of each recorded host: what NVML says of its profiles, and what the NVIDIA DRA driver published for it."""


def told(host: str, *, with_placements: bool = True) -> list[mig.ProfileInfo]:
    """What NVML says of a recorded card's profiles; to others than root it does not tell the placements."""
    return [
        mig.ProfileInfo(
            enum_index=row["enumIndex"],
            id=row["id"],
            slice_count=row["computeSlices"],
            instance_count=row["maxInstances"],
            multiprocessor_count=row["multiprocessors"],
            copy_engine_count=row["copyEngines"],
            decoder_count=row["decoders"],
            encoder_count=row["encoders"],
            jpeg_count=row["jpegEngines"],
            ofa_count=row["ofaEngines"],
            memory_size_mb=row["memoryMiB"],
            placements=tuple((start, row["memorySlices"]) for start in row["starts"]) if with_placements else None,
        )
        for row in RECORDED[host]["profiles"]
    ]


@cache
def recorded_card(host: str) -> mig.Card:
    return mig.from_nvml(RECORDED[host]["product"], RECORDED[host]["memoryBytes"], told(host))


@cache
def cards_with_counters() -> dict[str, mig.Card]:
    """Every card whose counters are known: from tables without gaps, and from what drivers said."""
    tables = {card.key: card for card in mig.cards() if not card.unpublished}
    return tables | {host: recorded_card(host) for host in RECORDED}


@cache
def inventory(card: mig.Card) -> ga.Inventory:
    """A node with this card, partitionable; each device also says its place, so that a claim can name it."""
    devices = mig.partition_devices(card, 0, {})
    names = {mig.device_name(0, card.profile_by_id(place.profile), place.start): place for place in card.placements}
    for device in devices:
        place = names[device["name"]]
        device["attributes"]["place"] = {"string": f"{place.profile}-{place.start}"}
    devices.append(mig.whole_device(card, 0, {"type": {"string": "gpu"}, "place": {"string": "whole"}}))
    documents = [
        resource_slice("00-counters", sharedCounters=[mig.counter_set(card, 0)]),
        resource_slice("01-devices", devices=devices),
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}},
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": {"name": "any"},
            "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{DRIVER}'"}}]},
        },
    ]
    assert ga.validate(documents) == []
    return ga.Inventory.from_documents(documents)


def resource_slice(name: str, **spec: object) -> Json:
    pool = {"name": "node", "generation": 1, "resourceSliceCount": 2}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": name},
        "spec": {"driver": DRIVER, "nodeName": "node", "pool": pool, **spec},
    }


def claim(name: str, requests: Iterable[tuple[str, int]]) -> Json:
    """A claim with one request for each pair of a CEL condition and a count."""
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {
            "devices": {
                "requests": [
                    {
                        "name": f"r{index}",
                        "exactly": {
                            "deviceClassName": "any",
                            "count": count,
                            "selectors": [{"cel": {"expression": condition}}],
                        },
                    }
                    for index, (condition, count) in enumerate(requests)
                ]
            }
        },
    }


def attribute(name: str) -> str:
    return f'device.attributes["{DRIVER}"].{name}'


@cache
def claim_of(place: mig.Placement) -> str:
    """A claim, as JSON, for this one place."""
    text = f"{place.profile}-{place.start}"
    return json.dumps(claim(f"at-{text}", [(f'{attribute("place")} == "{text}"', 1)]))
