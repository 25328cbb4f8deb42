"""Shares of GPUs as KAI and HAMi write them on pods, read strictly and said again as a claim, as limits, as variables.

KAI asks by annotations of the pod: a fraction of a GPU's memory, or memory in MiB, on one or more GPUs, for one
container. HAMi asks by limits of each container, and notes on the pod what its scheduler has given. Neither isolates by
itself: a claim is accounting, MPS limits hold for each process, and HAMi's variables are for its own library in the
container. Reads nothing but the pod. Start at :func:`read`.

>>> pod = {
...     "metadata": {"name": "p", "annotations": {"gpu-fraction": "0.25"}},
...     "spec": {"containers": [{"name": "c"}]},
... }
>>> [share] = read(pod)
>>> share.container, share.devices, share.memory_mib(80 << 30)
('c', 1, 20480)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from gpualloc._errors import InvalidInputError
from gpualloc._quantity import whole
from gpualloc.prepare._config import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Share", "claim", "gpu_config", "read", "variables"]

Json = dict[str, Any]

_FRACTION, _MEMORY = "gpu-fraction", "gpu-memory"
_COUNT, _CONTAINER = "gpu-fraction-num-devices", "gpu-fraction-container-name"
_ALLOCATED: Final = "hami.io/vgpu-devices-allocated"
_DRIVER: Final = "gpu.nvidia.com"
_GPU: Final = "nvidia.com/gpu"
_LIMITS: Final = {name: f"nvidia.com/{name}" for name in ("gpumem", "gpumem-percentage", "gpucores")}
_DECIMAL = re.compile(r"0?\.[0-9]{1,9}|0", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
_GIVEN = re.compile(r"([A-Za-z0-9-]+),NVIDIA,([0-9]{1,12}),([0-9]{1,3})", re.ASCII)
_LEAST = Fraction(1, 100)
_PERCENT: Final = 100
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Share:
    """What one container asks for, or has got.

    Attributes:
        container: The container's name.
        devices: How many GPUs; each gives the same share.
        mebibytes: Memory of each in MiB; none where it is asked for as a part.
        fraction: Memory of each as a part of what the GPU has; 1 where neither is said.
        cores: The most of each GPU's multiprocessors, in percent; 0 without a limit.
        uuids: The GPUs, once a scheduler has noted them.
    """

    container: str
    devices: int
    mebibytes: int | None
    fraction: Fraction
    cores: int = 0
    uuids: tuple[str, ...] = ()

    def memory_mib(self, gpu_memory: int | None = None) -> int:
        """Memory of each GPU in whole MiB.

        Args:
            gpu_memory: The GPU's memory in bytes, which a part is taken of.

        Raises:
            InvalidInputError: if it is asked for as a part and nobody says of what.
        """
        if self.mebibytes is not None:
            return self.mebibytes
        if gpu_memory is None:
            raise InvalidInputError(
                "a part of a GPU's memory needs that memory", f"container {self.container}", "gpu_memory"
            )
        return int(self.fraction * gpu_memory) // _MIB


def read(pod: Mapping[str, Any]) -> tuple[Share, ...]:
    """The shares of a pod's containers; none where it asks for whole GPUs or nothing.

    Args:
        pod: The Pod document.

    Raises:
        InvalidInputError: for an annotation or a limit that is not of its form, or for both styles at once.
    """
    pod = _table("Pod", "", pod)
    metadata = _table("Pod", "metadata", pod.get("metadata"))
    name = "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if isinstance(part, str))
    document = f"Pod {name}"
    annotations = _table(document, "metadata.annotations", metadata.get("annotations"))
    listed: object = _table(document, "spec", pod.get("spec")).get("containers") or []
    if not isinstance(listed, list):
        _refuse(document, "spec.containers", "must be a list")
    rows = enumerate(cast("list[object]", listed))
    containers = [_table(document, f"spec.containers[{index}]", one) for index, one in rows]
    kai = _kai(document, annotations, containers)
    hami = _hami(document, annotations, containers)
    if kai and hami:
        _refuse(document, "metadata.annotations", "asks for shares in KAI's way, and its containers in HAMi's")
    return (*kai, *hami)


def claim(
    share: Share, name: str, namespace: str = "", *, device_class: str = _DRIVER, gpu_memory: int | None = None
) -> Json:
    """A ResourceClaim for the share, on devices that the driver publishes with shares (`ConsumableShares`).

    Args:
        share: The share.
        name: The claim's name.
        namespace: Its namespace.
        device_class: The DeviceClass.
        gpu_memory: As in :meth:`Share.memory_mib`.
    """
    memory = f"{share.memory_mib(gpu_memory)}Mi"
    exactly: Json = {
        "deviceClassName": device_class,
        "count": share.devices,
        "capacity": {"requests": {"memory": memory}},
    }
    devices: Json = {"requests": [{"name": "gpus", "exactly": exactly}]}
    if share.devices > 1:
        # Several shares are of as many GPUs, never of one.
        devices["constraints"] = [{"distinctAttribute": f"{_DRIVER}/uuid"}]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"devices": devices},
    }


def gpu_config(share: Share, *, gpu_memory: int | None = None) -> Json:
    """The share as the driver's configuration of an MPS daemon: opaque parameters of a claim that has the GPU alone.

    Args:
        share: The share.
        gpu_memory: As in :meth:`Share.memory_mib`.
    """
    limits: Json = {"defaultPinnedDeviceMemoryLimit": f"{share.memory_mib(gpu_memory)}Mi"}
    if share.cores:
        limits["defaultActiveThreadPercentage"] = share.cores
    return {
        "apiVersion": API_VERSION,
        "kind": "GpuConfig",
        "sharing": {"strategy": "MPS", "mpsConfig": limits},
    }


def variables(of_container: Sequence[Share], *, gpu_memory: int | None = None) -> dict[str, str]:
    """What HAMi's library in a container reads to hold its processes to their shares.

    Args:
        of_container: The shares of one container, in their order: memory is counted by the place of the GPU.
        gpu_memory: As in :meth:`Share.memory_mib`.
    """
    found: dict[str, str] = {}
    uuids = [uuid for share in of_container for uuid in share.uuids]
    if uuids:
        found["CUDA_VISIBLE_DEVICES"] = found["NVIDIA_VISIBLE_DEVICES"] = ",".join(uuids)
    memory = [share.memory_mib(gpu_memory) for share in of_container for _ in range(share.devices)]
    found |= {f"CUDA_DEVICE_MEMORY_LIMIT_{place}": f"{mebibytes}m" for place, mebibytes in enumerate(memory)}
    if of_container and of_container[0].cores:
        found["CUDA_DEVICE_SM_LIMIT"] = str(of_container[0].cores)
    return found


# --- KAI --------------------------------------------------------------------------------------------------------------


def _kai(document: str, annotations: Mapping[str, object], containers: Sequence[Json]) -> list[Share]:
    said = {name: annotations[name] for name in (_FRACTION, _MEMORY, _COUNT, _CONTAINER) if name in annotations}
    if _FRACTION not in said and _MEMORY not in said:
        if said:
            _refuse(document, _annotation(min(said)), f"says how, but neither {_FRACTION} nor {_MEMORY} says what")
        return []
    if _FRACTION in said and _MEMORY in said:
        _refuse(document, _annotation(_MEMORY), f"excludes {_FRACTION}")
    fraction, mebibytes = Fraction(1), None
    if _FRACTION in said:
        fraction = _fraction(document, said[_FRACTION])
    else:
        mebibytes = _count(document, _annotation(_MEMORY), said[_MEMORY])
    devices = _count(document, _annotation(_COUNT), said[_COUNT]) if _COUNT in said else 1
    names = [str(one.get("name")) for one in containers]
    container = said.get(_CONTAINER, names[0] if names else None)
    if container not in names:
        _refuse(document, _annotation(_CONTAINER), f"the pod has no container {container!r}")
    return [Share(str(container), devices, mebibytes, fraction)]


def _fraction(document: str, text: object) -> Fraction:
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text) or Fraction(text) < _LEAST:
        _refuse(document, _annotation(_FRACTION), f"must be a text from 0.01 to below 1, is {text!r}")
    return Fraction(text)


# --- HAMi -------------------------------------------------------------------------------------------------------------


def _hami(document: str, annotations: Mapping[str, object], containers: Sequence[Json]) -> list[Share]:
    given = _given(document, annotations.get(_ALLOCATED), containers)
    found: list[Share] = []
    for index, container in enumerate(containers):
        asked = _asked(document, f"spec.containers[{index}]", container)
        found.extend(given[index] or asked)
    return found


def _asked(document: str, path: str, container: Json) -> list[Share]:
    path = f"{path}.resources"
    resources = _table(document, path, container.get("resources"))
    path = f"{path}.limits"
    limits = _table(document, path, resources.get("limits"))
    values = {
        key: _quantity(document, f"{path}[{name}]", limits[name]) for key, name in _LIMITS.items() if name in limits
    }
    if not values:
        return []
    if "gpumem" in values and "gpumem-percentage" in values:
        _refuse(document, f"{path}[{_LIMITS['gpumem']}]", f"excludes {_LIMITS['gpumem-percentage']}")
    for key in ("gpumem-percentage", "gpucores"):
        if values.get(key, 0) > _PERCENT:
            _refuse(document, f"{path}[{_LIMITS[key]}]", f"must not be more than 100, is {values[key]}")
    devices = _quantity(document, f"{path}[{_GPU}]", limits[_GPU]) if _GPU in limits else 1
    if not devices:
        return []
    fraction = Fraction(values.get("gpumem-percentage", _PERCENT), _PERCENT)
    # No memory said, and no percentage of it, is all of it.
    mebibytes = values.get("gpumem") or None
    return [Share(str(container.get("name")), devices, mebibytes, fraction or Fraction(1), values.get("gpucores", 0))]


def _given(document: str, text: object, containers: Sequence[Json]) -> list[list[Share]]:
    """What the scheduler noted for each container: `UUID,NVIDIA,MiB,percent` for each GPU, ended by `:`, then `;`."""
    if text is None:
        return [[] for _ in containers]
    parts = text.removesuffix(";").split(";") if isinstance(text, str) else []
    if len(parts) != len(containers):
        _refuse(document, _annotation(_ALLOCATED), f"has {len(parts)} parts for {len(containers)} containers")
    found: list[list[Share]] = []
    for part, container in zip(parts, containers, strict=True):
        found.append([])
        for one in filter(None, part.split(":")):
            match = _GIVEN.fullmatch(one)
            if match is None or int(match[3]) > _PERCENT:
                _refuse(document, _annotation(_ALLOCATED), f"{one!r} is not of the form UUID,NVIDIA,MiB,percent")
            share = Share(str(container.get("name")), 1, int(match[2]), Fraction(1), int(match[3]), (match[1],))
            found[-1].append(share)
    return found


# --- values -----------------------------------------------------------------------------------------------------------


def _table(document: str, field: str, value: object) -> Json:
    """A mapping; an empty one where there is none."""
    if value is not None and not isinstance(value, Mapping):
        _refuse(document, field, f"must be a mapping, is {value!r}")
    return dict(cast("Mapping[str, Any]", value or {}))


def _quantity(document: str, field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        _refuse(document, field, f"must be a whole number, is {value!r}")
    try:
        number = whole(str(value))
    except ValueError as error:
        _refuse(document, field, str(error))
    if number < 0:
        _refuse(document, field, f"must not be negative, is {value}")
    return number


def _count(document: str, field: str, text: object) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text) or int(text) < 1:
        _refuse(document, field, f"must be a whole number from 1 on, as text, is {text!r}")
    return int(text)


def _annotation(name: str) -> str:
    return f"metadata.annotations[{name}]"


def _refuse(document: str, field: str, message: str) -> NoReturn:
    raise InvalidInputError(message, document, field)
