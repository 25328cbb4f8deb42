"""The steps of a plan: frozen values, each with one effect on the node, and their JSON form.

A step says what is to be done, never how: the shell for it is made elsewhere, and nothing here runs anything. What is
only known once a step has run (the UUID of a MIG instance, a device node's minor) stands in later steps as
`${name:field}`, see :data:`REFERENCE`; the step that tells it has that name among its :meth:`Step.told`. In JSON a step
is an object with its `step` and its fields, in camelCase. Start at :data:`STEPS`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpualloc.vendors import Fields

__all__ = [
    "REFERENCE",
    "STEPS",
    "ActivateFabricPartition",
    "BindDriver",
    "CreateMigInstance",
    "DeactivateFabricPartition",
    "DestroyMigInstance",
    "FindCharacterDevice",
    "FindMigInstance",
    "FindVfioDevice",
    "LabelNode",
    "MakeDirectory",
    "MountSharedMemory",
    "RemoveCdiSpec",
    "RemoveDirectory",
    "SetComputeMode",
    "SetMigMode",
    "SetMpsMemoryLimit",
    "SetMpsThreadPercentage",
    "SetPersistenceMode",
    "SetTimeSlice",
    "StartMpsDaemon",
    "Step",
    "StopMpsDaemon",
    "UnlabelNode",
    "UnmountSharedMemory",
    "WaitForComputeDomain",
    "WaitUntilUnused",
    "WriteCdiSpec",
    "references",
    "step_from",
]

Json = dict[str, Any]

REFERENCE: Final = re.compile(r"\$\{([^:{}$]+):([A-Za-z]+)\}", re.ASCII)
"""A value that a step before tells: the name of what it is about, and one of its fields."""

# The one field whose text is a document, which stands in JSON as itself.
_DOCUMENT: Final = "specification"
_MIG_FIELDS: Final = ("gi", "ci", "major", "giMinor", "ciMinor")


def references(text: str) -> Iterator[tuple[str, str]]:
    """The references in a text, as name and field.

    >>> list(references("${gpu-0-mig-1g10gb-19-0:uuid}"))
    [('gpu-0-mig-1g10gb-19-0', 'uuid')]
    """
    return ((match[1], match[2]) for match in REFERENCE.finditer(text))


@dataclass(frozen=True, slots=True)
class Step:
    """What all steps have."""

    step: ClassVar[str] = ""
    """The word for the step in JSON."""

    def told(self) -> tuple[tuple[str, str], ...]:
        """What later steps may refer to, as name and field."""
        return ()

    def undone(self) -> Step | None:
        """The step that takes this one back; none where nothing is left to take back."""
        return None

    def to_dict(self) -> Json:
        """The step as plain JSON data."""
        return {
            "step": self.step,
            **{_camel(one.name): _plain(one.name, getattr(self, one.name)) for one in fields(self)},
        }


# --- MIG --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetMigMode(Step):
    """MIG mode of a GPU is on or off afterwards; nothing happens where it is so already. Only Hopper and newer."""

    step: ClassVar[str] = "setMigMode"
    gpu: str
    enabled: bool

    def undone(self) -> Step | None:
        """Mode off."""
        return SetMigMode(self.gpu, enabled=False) if self.enabled else None


@dataclass(frozen=True, slots=True)
class CreateMigInstance(Step):
    """A GPU instance at a place, with one compute instance that fills it. Tells its UUID and ids."""

    step: ClassVar[str] = "createMigInstance"
    device: str
    """The device's name in the slice."""
    gpu: str
    """UUID of the card."""
    minor: int
    """The N of `/dev/nvidiaN`."""
    profile: str
    profile_id: int
    """The device-specific id."""
    start: int
    """First memory slice."""
    size: int
    """Number of memory slices."""
    may_exist: bool
    """Whether the one that is there already is meant: several claims may hold the device."""

    def told(self) -> tuple[tuple[str, str], ...]:
        """Its UUID, the instance ids, and the numbers of its capability device nodes."""
        return tuple((self.device, name) for name in ("uuid", *_MIG_FIELDS))

    def undone(self) -> Step | None:
        """Destroys it."""
        return DestroyMigInstance(self.device, self.gpu, self.profile_id, self.start)


@dataclass(frozen=True, slots=True)
class FindMigInstance(Step):
    """Looks up the ids of a MIG device that exists. Changes nothing."""

    step: ClassVar[str] = "findMigInstance"
    device: str
    gpu: str
    minor: int
    profile_id: int
    start: int

    def told(self) -> tuple[tuple[str, str], ...]:
        """The instance ids and the numbers of its capability device nodes."""
        return tuple((self.device, name) for name in _MIG_FIELDS)


@dataclass(frozen=True, slots=True)
class DestroyMigInstance(Step):
    """Destroys what :class:`CreateMigInstance` made: first the compute instance, then the GPU instance."""

    step: ClassVar[str] = "destroyMigInstance"
    device: str
    gpu: str
    profile_id: int
    start: int


# --- sharing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetComputeMode(Step):
    """The compute mode of a GPU: `DEFAULT` or `EXCLUSIVE_PROCESS`."""

    step: ClassVar[str] = "setComputeMode"
    gpu: str
    mode: str

    def undone(self) -> Step | None:
        """The default mode."""
        return None if self.mode == "DEFAULT" else SetComputeMode(self.gpu, "DEFAULT")


@dataclass(frozen=True, slots=True)
class SetTimeSlice(Step):
    """The length of a GPU's time slices: 0 default, 1 short, 2 medium, 3 long."""

    step: ClassVar[str] = "setTimeSlice"
    gpu: str
    level: int

    def undone(self) -> Step | None:
        """The default length."""
        return SetTimeSlice(self.gpu, 0) if self.level else None


@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """Makes a directory with mode 0755; its parents too where they are missing."""

    step: ClassVar[str] = "makeDirectory"
    path: str

    def undone(self) -> Step | None:
        """Removes it."""
        return RemoveDirectory(self.path)


@dataclass(frozen=True, slots=True)
class RemoveDirectory(Step):
    """Removes a directory with all that is in it."""

    step: ClassVar[str] = "removeDirectory"
    path: str


@dataclass(frozen=True, slots=True)
class MountSharedMemory(Step):
    """Mounts a tmpfs of half of the node's memory."""

    step: ClassVar[str] = "mountSharedMemory"
    path: str

    def undone(self) -> Step | None:
        """Unmounts it."""
        return UnmountSharedMemory(self.path)


@dataclass(frozen=True, slots=True)
class UnmountSharedMemory(Step):
    """Undoes :class:`MountSharedMemory`."""

    step: ClassVar[str] = "unmountSharedMemory"
    path: str


@dataclass(frozen=True, slots=True)
class StartMpsDaemon(Step):
    """Starts an MPS control daemon in the background."""

    step: ClassVar[str] = "startMpsDaemon"
    daemon: str
    """The driver's id of it."""
    devices: tuple[str, ...]
    """UUIDs of GPUs or MIG devices, sorted."""
    pipe_directory: str
    log_directory: str
    shared_memory: str
    """What is mounted on the daemon's `/dev/shm`; empty where it uses the node's."""
    multi_user: bool

    @property
    def command(self) -> tuple[str, ...]:
        """The daemon's command line."""
        return ("nvidia-cuda-mps-control", "-d", *(("-M",) if self.multi_user else ()))

    @property
    def environment(self) -> dict[str, str]:
        """The daemon's environment."""
        return {
            "CUDA_VISIBLE_DEVICES": ",".join(self.devices),
            "CUDA_MPS_PIPE_DIRECTORY": self.pipe_directory,
            "CUDA_MPS_LOG_DIRECTORY": self.log_directory,
        }

    def undone(self) -> Step | None:
        """Stops it; its limits end with it."""
        return StopMpsDaemon(self.daemon, self.pipe_directory)


@dataclass(frozen=True, slots=True)
class SetMpsThreadPercentage(Step):
    """The share of a device's threads that a client gets, in percent. Before the first client."""

    step: ClassVar[str] = "setMpsThreadPercentage"
    daemon: str
    pipe_directory: str
    percentage: int


@dataclass(frozen=True, slots=True)
class SetMpsMemoryLimit(Step):
    """The device memory that each client process may pin, in MiB. Before the first client."""

    step: ClassVar[str] = "setMpsMemoryLimit"
    daemon: str
    pipe_directory: str
    device: str
    """UUID of the device."""
    mebibytes: int


@dataclass(frozen=True, slots=True)
class StopMpsDaemon(Step):
    """Tells the daemon to quit, which ends its servers."""

    step: ClassVar[str] = "stopMpsDaemon"
    daemon: str
    pipe_directory: str


# --- passthrough and fabric -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetPersistenceMode(Step):
    """Whether the driver keeps the GPU initialised without clients."""

    step: ClassVar[str] = "setPersistenceMode"
    bus_id: str
    enabled: bool

    def undone(self) -> Step | None:
        """The mode that the driver has after passthrough."""
        return None if self.enabled else SetPersistenceMode(self.bus_id, enabled=True)


@dataclass(frozen=True, slots=True)
class WaitUntilUnused(Step):
    """Fails unless no process has the GPU open and it has no virtual functions. Changes nothing."""

    step: ClassVar[str] = "waitUntilUnused"
    bus_id: str


@dataclass(frozen=True, slots=True)
class BindDriver(Step):
    """Binds a GPU to a kernel driver, away from the one it is bound to."""

    step: ClassVar[str] = "bindDriver"
    bus_id: str
    driver: str

    def undone(self) -> Step | None:
        """Back to the NVIDIA driver."""
        return BindDriver(self.bus_id, "nvidia")


@dataclass(frozen=True, slots=True)
class FindVfioDevice(Step):
    """Looks up the vfio device node of a GPU: its IOMMU group, or its character device where IOMMUFD is used."""

    step: ClassVar[str] = "findVfioDevice"
    device: str
    bus_id: str
    iommu_fd: bool

    def told(self) -> tuple[tuple[str, str], ...]:
        """The name of the node below `/dev/vfio`, or below `/dev/vfio/devices` with IOMMUFD."""
        return ((self.device, "node"),)


@dataclass(frozen=True, slots=True)
class ActivateFabricPartition(Step):
    """Activates a partition of the Fabric Manager."""

    step: ClassVar[str] = "activateFabricPartition"
    partition: int

    def undone(self) -> Step | None:
        """Deactivates it."""
        return DeactivateFabricPartition(self.partition)


@dataclass(frozen=True, slots=True)
class DeactivateFabricPartition(Step):
    """Undoes :class:`ActivateFabricPartition`."""

    step: ClassVar[str] = "deactivateFabricPartition"
    partition: int


# --- compute domains --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LabelNode(Step):
    """Sets a label of the Node object."""

    step: ClassVar[str] = "labelNode"
    node: str
    key: str
    value: str

    def undone(self) -> Step | None:
        """Removes it."""
        return UnlabelNode(self.node, self.key)


@dataclass(frozen=True, slots=True)
class UnlabelNode(Step):
    """Removes a label of the Node object."""

    step: ClassVar[str] = "unlabelNode"
    node: str
    key: str


@dataclass(frozen=True, slots=True)
class WaitForComputeDomain(Step):
    """Waits until the domain's daemon on this node is ready. Changes nothing."""

    step: ClassVar[str] = "waitForComputeDomain"
    namespace: str
    name: str
    node: str


@dataclass(frozen=True, slots=True)
class FindCharacterDevice(Step):
    """Looks up the numbers of a character device of the driver. Changes nothing.

    `device` is `imex-channels`, whose major is told, or `fabric-imex-mgmt`, whose major and minor are.
    """

    step: ClassVar[str] = "findCharacterDevice"
    device: str

    def told(self) -> tuple[tuple[str, str], ...]:
        """Its major, and where there is one of it its minor."""
        names = ("major",) if self.device == "imex-channels" else ("major", "minor")
        return tuple((self.device, name) for name in names)


# --- CDI --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WriteCdiSpec(Step):
    """Writes a CDI specification; from then on containers can be given its devices."""

    step: ClassVar[str] = "writeCdiSpec"
    path: str
    specification: str
    """The document as JSON text."""

    def undone(self) -> Step | None:
        """Removes it."""
        return RemoveCdiSpec(self.path)


@dataclass(frozen=True, slots=True)
class RemoveCdiSpec(Step):
    """Removes a CDI specification."""

    step: ClassVar[str] = "removeCdiSpec"
    path: str


STEPS: Final[dict[str, type[Step]]] = {
    one.step: one
    for one in (
        SetMigMode,
        CreateMigInstance,
        FindMigInstance,
        DestroyMigInstance,
        SetComputeMode,
        SetTimeSlice,
        MakeDirectory,
        RemoveDirectory,
        MountSharedMemory,
        UnmountSharedMemory,
        StartMpsDaemon,
        SetMpsThreadPercentage,
        SetMpsMemoryLimit,
        StopMpsDaemon,
        SetPersistenceMode,
        WaitUntilUnused,
        BindDriver,
        FindVfioDevice,
        ActivateFabricPartition,
        DeactivateFabricPartition,
        LabelNode,
        UnlabelNode,
        WaitForComputeDomain,
        FindCharacterDevice,
        WriteCdiSpec,
        RemoveCdiSpec,
    )
}
"""All steps by their words."""


# --- JSON -------------------------------------------------------------------------------------------------------------


def step_from(row: Fields) -> Step:
    """Reads what :meth:`Step.to_dict` wrote.

    Raises:
        InvalidInputError: for an unknown step, or a field that is missing, unknown or of another type.
    """
    kind = STEPS[row.choice("step", tuple(STEPS))]
    values: dict[str, object] = {}
    for one in fields(kind):
        name = _camel(one.name)
        if one.name == _DOCUMENT:
            values[one.name] = json.dumps(dict(row.part(name).items()), sort_keys=True)
        elif one.type == "bool":
            values[one.name] = row.flag(name)
        elif one.type == "int":
            values[one.name] = row.number(name)
        elif one.type == "str":
            values[one.name] = row.text(name)
        else:
            values[one.name] = row.words(name)
    row.close()
    return cast("Step", cast("Any", kind)(**values))


def _plain(name: str, value: object) -> object:
    if isinstance(value, tuple):
        return list(cast("tuple[object, ...]", value))
    return json.loads(cast("str", value)) if name == _DOCUMENT else value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
