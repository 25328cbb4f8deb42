"""What devices say of confidential computing: attributes of one domain, and taints.

| attribute of `cc.gpualloc` | type | meaning |
|---|---|---|
| `mode` | string | `off`, `on` (single GPUs), `ppcie`, `nvle`, or `devtools` with debuggers let in |
| `attested` | bool | it is on, and a verdict of all of the device has passed and holds |
| `environment` | string | `production`, `simulated` or `unavailable` |
| `capable` | bool | the GPUs can do it |
| `cpu` | string | what the processor offers: `none`, `sev`, `tdx`, `sev-snp`, `snp-vtom` |
| `multiGPU` | string | `none`, `protected-pcie` or `nvle` |
| `ready` | bool | the GPUs accept work; only where it is on |
| `protectedMemory` | int | bytes of protected memory; only where it is on |
| `island` | string | GPUs with one value may talk over switched NVLink in this mode |
| `attestedUntil`, `verifier` | string | of the verdict that holds |
| `gpus`, `switches`, `member0` … | int, string | of a composite device; see :mod:`gpualloc.nvml.confidential.shapes` |

What is not known is absent; `attested` is always there. MIG devices say `mode`, `environment` and `attested` only: they
have as many attributes and capacities as the API allows. Taints are `cc.gpualloc/devtools`, `cc.gpualloc/not-ready` and
`cc.gpualloc/attestation` with the value `expired` or `failed`, all `NoSchedule`. Pure. Start at :func:`described` and
:func:`attested`.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gpualloc.nvml.confidential.verdict import Judgement, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpualloc.nvml.confidential.state import State
    from gpualloc.nvml.confidential.verdict import Attestation
    from gpualloc.nvml.host import Gpu

__all__ = ["ATTESTED_PRODUCTION", "DOMAIN", "attested", "described", "island", "kind_of", "names_of", "usable_bytes"]

Json: TypeAlias = dict[str, Any]
DOMAIN: Final = "cc.gpualloc"
ATTESTED_PRODUCTION: Final = (
    f'"attested" in device.attributes["{DOMAIN}"] && device.attributes["{DOMAIN}"].attested'
    f' && "mode" in device.attributes["{DOMAIN}"] && device.attributes["{DOMAIN}"].mode in ["on", "ppcie", "nvle"]'
    f' && (!("environment" in device.attributes["{DOMAIN}"])'
    f' || device.attributes["{DOMAIN}"].environment == "production")'
)
"""A selector in CEL: attested, on, and not for development. False, never an error, on devices that say nothing.

Where only a label is known, nobody says which environment it is; the attestation then has to do."""

_COMPLETED = 3
_TAINTS = f"{DOMAIN}/"


def kind_of(device: Json) -> str:
    """`gpu`, `mig`, `vfio`, or what else the device says it is."""
    return str(device.get("attributes", {}).get("type", {}).get("string", ""))


def names_of(device: Json) -> list[set[str]]:
    """The UUIDs and addresses of each GPU that a device is made of."""
    attributes: dict[str, Json] = device.get("attributes", {})

    def said(*names: str) -> set[str]:
        return {str(attributes[name]["string"]) for name in names if "string" in attributes.get(name, {})}

    prefix = f"{DOMAIN}/member"
    members = [said(name) for name in attributes if name.startswith(prefix)]
    return members or [said("uuid", "parentUUID", "resource.kubernetes.io/pciBusID")]


def usable_bytes(gpu: Gpu) -> int | None:
    """The memory that a workload gets: the protected part where there is one, else all."""
    return gpu.memory_bytes if not gpu.protected_kib else gpu.protected_kib << 10


def island(state: State, gpu: Gpu) -> str | None:
    """The switched fabric that a GPU has joined and may use: `<cluster UUID>.<clique>`, `host` within one machine."""
    fabric = gpu.fabric
    if not state.allows_nvlink or fabric is None or fabric.state != _COMPLETED or fabric.status:
        return None
    return fabric.clique or "host"


def described(device: Json, state: State, gpu: Gpu | None = None) -> Json:
    """The device with what is known of the state; `gpu` is the one that it is all of, where NVML lists it."""
    words: dict[str, object] = {"mode": state.mode, "environment": state.environment, "attested": False}
    if kind_of(device) != "mig":
        words |= {
            "capable": state.capable,
            "cpu": state.cpu,
            "multiGPU": state.multi_gpu,
            "ready": state.ready if state.is_on else None,
        }
        if gpu is not None:
            words |= {
                "protectedMemory": None if gpu.protected_kib is None else gpu.protected_kib << 10,
                "island": island(state, gpu),
            }
    made = _with_attributes(device, words)
    if state.mode == "devtools":
        made = _with_taint(made, "devtools", "")
    if state.is_on and state.ready is False:
        made = _with_taint(made, "not-ready", "")
    return made


def attested(device: Json, attestation: Attestation) -> Json:
    """The device with what verdicts say of it at that time, instead of what they said before."""
    attributes = {
        name: value
        for name, value in device["attributes"].items()
        if name not in (f"{DOMAIN}/attestedUntil", f"{DOMAIN}/verifier")
    }
    taints = [taint for taint in device.get("taints", []) if taint["key"] != f"{_TAINTS}attestation"]
    device = {name: value for name, value in device.items() if name != "taints"} | {"attributes": attributes}
    if taints:
        device["taints"] = taints
    found = judge(names_of(device), attestation)
    # Verdicts on what protects nothing say nothing.
    mode = attributes.get(f"{DOMAIN}/mode", {}).get("string", "off")
    holds = found.attested and mode != "off"
    made = _with_attributes(device, {"attested": holds, **(_details(found, device) if holds else {})})
    return made if found.against is None else _with_taint(made, "attestation", found.against)


def _details(found: Judgement, device: Json) -> dict[str, object]:
    if kind_of(device) == "mig" or found.until is None:
        return {}
    return {
        "attestedUntil": found.until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "verifier": found.verifier or None,
    }


def _with_attributes(device: Json, words: Mapping[str, object]) -> Json:
    own = {f"{DOMAIN}/{name}": _value(word) for name, word in words.items() if word is not None}
    return {**device, "attributes": dict(sorted((device.get("attributes", {}) | own).items()))}


def _value(word: object) -> Json:
    if isinstance(word, bool):
        return {"bool": word}
    return {"int": word} if isinstance(word, int) else {"string": word}


def _with_taint(device: Json, name: str, value: str) -> Json:
    key = f"{_TAINTS}{name}"
    taint = {"key": key, **({"value": value} if value else {}), "effect": "NoSchedule"}
    others = [one for one in device.get("taints", []) if one["key"] != key]
    return {**device, "taints": sorted([*others, taint], key=lambda one: str(one["key"]))}
