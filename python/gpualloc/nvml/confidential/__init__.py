"""Confidential computing: what devices say of it, which shapes of them are legal, and what attestation adds.

An option of discovery (`confidential=True`), and :func:`annotate` for slices that come from a cluster. Reads no host
and no clock, and verifies no token. Attributes: :mod:`gpualloc.nvml.confidential.devices`; legal shapes:
:mod:`gpualloc.nvml.confidential.shapes`. Start at :func:`applied` and :func:`annotate`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from gpualloc._errors import InvalidInputError
from gpualloc._native import Inventory
from gpualloc.nvml.confidential.devices import (
    ATTESTED_PRODUCTION,
    DOMAIN,
    attested,
    described,
    kind_of,
    names_of,
    usable_bytes,
)
from gpualloc.nvml.confidential.shapes import DEVICE_CLASSES, whole_host
from gpualloc.nvml.confidential.state import APPLIED_LABEL, MODE_LABEL, State, label_in, state_of
from gpualloc.nvml.confidential.verdict import (
    Attestation,
    Verdict,
    time_from,
    verdict_from_claims,
    verdicts_from,
)
from gpualloc.nvml.host import Confidential, LeftOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpualloc.nvml.features import Features
    from gpualloc.nvml.host import Gpu, Host

__all__ = [
    "APPLIED_LABEL",
    "ATTESTED_PRODUCTION",
    "DEVICE_CLASSES",
    "DOMAIN",
    "MODE_LABEL",
    "Annotated",
    "Attestation",
    "State",
    "Verdict",
    "annotate",
    "applied",
    "label_in",
    "state_of",
    "time_from",
    "usable_bytes",
    "verdict_from_claims",
    "verdicts_from",
    "without_mig",
]

Json: TypeAlias = dict[str, Any]


def without_mig(host: Host, features: Features, noted: list[LeftOut]) -> Host:
    """The host without MIG devices where it is confidential, unless this platform can attest them."""
    if host.confidential is None or features.confidential_mig or not state_of(host.confidential)[0].is_on:
        return host
    for gpu in host.gpus:
        if gpu.mig_mode or gpu.profiles:
            reason = "confidential computing takes whole GPUs only, unless the platform is said to attest MIG devices"
            noted.append(LeftOut(f"MIG devices of gpu-{gpu.minor}", "", None, reason))
    return replace(host, gpus=tuple(replace(gpu, mig_devices=(), profiles=()) for gpu in host.gpus))


def applied(
    specs: list[Json], host: Host, features: Features, attestation: Attestation | None, noted: list[LeftOut]
) -> list[Json]:
    """The slices' contents with what is known of confidential computing; as they are where nobody asked for it."""
    if host.confidential is None:
        return specs
    state, unknown = state_of(host.confidential)
    noted += unknown
    gpus = {gpu.uuid: gpu for gpu in host.gpus}
    made = [_described(spec, state, gpus) for spec in specs]
    if state.is_whole_host:
        devices = [device for spec in made for device in spec.get("devices", [])]
        expected = {
            "gpu": host.confidential.gpus or None,
            "vfio": (len(host.pci_gpus) + host.pci_unread or None) if features.vfio else None,
        }
        made = _split(
            *whole_host(devices, switches=host.confidential.switches, expected=expected, noted=noted), features
        )
    if attestation is not None:
        noted += _unmet(attestation, made)
        made = [_attested(spec, attestation) for spec in made]
    return made


class Annotated(NamedTuple):
    """Slices that say more than before."""

    slices: tuple[Json, ...]
    left_out: tuple[LeftOut, ...]
    """What is not in them, and verdicts that cannot count."""


def annotate(
    slices: Sequence[Mapping[str, Any]],
    *,
    labels: Mapping[str, str] | None = None,
    attestation: Attestation | None = None,
) -> Annotated:
    """Slices of one node's pool, from a cluster, with what its labels and verdicts say of confidential computing.

    Verdicts replace what earlier ones said, so that the same slices can be looked at again later. Slices whose devices
    say their mode already need no labels.

    Args:
        slices: All slices of the pool, in the API's v1 form.
        labels: Labels of the Node, `nvidia.com/cc.mode` among them; what they say, NVML having said nothing.
        attestation: Verdicts and the time.

    Raises:
        InvalidInputError: for a label that means nothing, what is no slice, or where protected PCIe needs slices that
            are not there.
    """
    made = [_checked(one) for one in slices]
    noted: list[LeftOut] = []
    label = None if labels is None else label_in(labels)
    if label is not None:
        state, _ = state_of(Confidential(label=label))
        for one in made:
            one["spec"] = _described(one["spec"], state, {})
        if state.is_whole_host:
            made = _composed(made, noted)
    if attestation is not None:
        noted += _unmet(attestation, [one["spec"] for one in made])
        for one in made:
            one["spec"] = _attested(one["spec"], attestation)
    return Annotated(tuple(made), tuple(noted))


def _checked(given: Mapping[str, Any]) -> Json:
    """A slice that the engine can read, in v1; its devices have no nulls, but attributes, if empty ones."""
    Inventory.from_documents([given])
    if (given.get("apiVersion"), given.get("kind")) != ("resource.k8s.io/v1", "ResourceSlice"):
        raise InvalidInputError("must be a ResourceSlice of resource.k8s.io/v1", str(given.get("kind")), "apiVersion")
    spec: Json = dict(given["spec"])
    devices: list[Json] = spec.get("devices") or []
    said = ({name: value for name, value in device.items() if value is not None} for device in devices)
    return {**given, "spec": _each(spec, [{"attributes": {}, **device} for device in said])}


def _composed(slices: list[Json], noted: list[LeftOut]) -> list[Json]:
    """A pool's slices with composite devices: all in the first, which then says that it is the only one."""
    pool: Json = slices[0]["spec"]["pool"] if slices else {}
    name = f"ResourceSlice {slices[0]['metadata'].get('name', '')}" if slices else "ResourceSlices"
    if pool.get("resourceSliceCount") != len(slices) or any(one["spec"]["pool"] != pool for one in slices):
        raise InvalidInputError("protected PCIe needs all slices of one pool", name, "spec.pool.resourceSliceCount")
    devices = [device for one in slices for device in one["spec"].get("devices", [])]
    made, counters = whole_host(devices, expected={}, noted=noted)
    if not made:
        return slices
    bare = {key: value for key, value in slices[0]["spec"].items() if key not in ("devices", "sharedCounters")}
    bare["pool"] = {**pool, "resourceSliceCount": 2}
    second = {**slices[0]["metadata"], "name": f"{slices[0]['metadata']['name']}-ppcie"}
    return [
        {**slices[0], "spec": {**bare, "sharedCounters": counters}},
        {**slices[0], "metadata": second, "spec": {**bare, "devices": made}},
    ]


def _split(devices: list[Json], counters: list[Json], features: Features) -> list[Json]:
    if not devices:
        return [{"devices": []}]
    if features.splits_counters:
        return [{"sharedCounters": counters}, {"devices": devices}]
    return [{"sharedCounters": counters, "devices": devices}]


def _described(spec: Json, state: State, gpus: Mapping[str, Gpu]) -> Json:
    def of(device: Json) -> Gpu | None:
        # A MIG device is not all of its parent.
        return gpus.get(device["attributes"].get("uuid", {}).get("string", "")) if kind_of(device) == "gpu" else None

    return _each(spec, [described(device, state, of(device)) for device in spec.get("devices", [])])


def _attested(spec: Json, attestation: Attestation) -> Json:
    return _each(
        spec,
        [
            attested(device, attestation) if f"{DOMAIN}/attested" in device.get("attributes", {}) else device
            for device in spec.get("devices", [])
        ],
    )


def _each(spec: Json, devices: list[Json]) -> Json:
    return {**spec, "devices": devices} if "devices" in spec else spec


def _unmet(attestation: Attestation, specs: Sequence[Json]) -> list[LeftOut]:
    """Verdicts that cannot count: for GPUs that are not there, or from the future."""
    known = {
        name for spec in specs for device in spec.get("devices", []) for names in names_of(device) for name in names
    }
    noted: list[LeftOut] = []
    for one in attestation.verdicts:
        noted += [
            LeftOut(f"attestation of {name}", "", None, "no published device is meant by it")
            for name in sorted(one.gpus - known)
        ]
        if one.issued > attestation.now:
            noted.append(LeftOut("an attestation", "", None, "it is from after the time asked about"))
    return noted
