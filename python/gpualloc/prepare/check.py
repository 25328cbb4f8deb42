"""Judges the order of a plan's steps by going through them on a picture of the node.

Each step has its preconditions, such as "the memory slices are free"; a plan is in order if they hold before every
step, so that it can also stop after each one and be taken back from there. The picture starts from the
plans that were carried out before and otherwise takes a GPU to be bound to its driver, in default compute mode and
without instances. Knows no claim and no slice, and shares no code with what makes plans. Start at :func:`check`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, Final, NoReturn

from gpualloc.prepare import steps as do
from gpualloc.prepare._errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpualloc.prepare.plan import Plan

__all__ = ["NodeState", "check"]

_NVIDIA: Final = "nvidia"
_DEFAULT, _EXCLUSIVE = "DEFAULT", "EXCLUSIVE_PROCESS"
_LONGEST_SLICE = 3


def check(plan: Plan, *, before: Iterable[Plan] = ()) -> NodeState:
    """Judges a plan and returns how the node is after it.

    Args:
        plan: The plan.
        before: The plans that were carried out on the node before, in their order.

    Raises:
        PlanError: for the first step whose preconditions do not hold.
    """
    state = NodeState()
    for one in (*before, plan):
        state.run(one)
    return state


@dataclass
class _Gpu:
    mig: bool = False
    mode: str = _DEFAULT
    time_slice: int = 0
    instances: dict[str, range] = field(default_factory=dict[str, range])


@dataclass
class _Daemon:
    devices: tuple[str, ...]
    directories: tuple[str, ...]
    pipe: str
    has_clients: bool = False


@dataclass
class NodeState:
    """How a node is, as far as steps have changed it."""

    gpus: dict[str, _Gpu] = field(default_factory=dict[str, _Gpu])
    drivers: dict[str, str] = field(default_factory=dict[str, str])
    persistence: dict[str, bool] = field(default_factory=dict[str, bool])
    unused: set[str] = field(default_factory=set[str])
    daemons: dict[str, _Daemon] = field(default_factory=dict[str, _Daemon])
    directories: set[str] = field(default_factory=set[str])
    mounts: set[str] = field(default_factory=set[str])
    partitions: set[int] = field(default_factory=set[int])
    labels: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    specifications: dict[str, str] = field(default_factory=dict[str, str])
    told: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    _where: str = ""
    _plan: str = ""

    def run(self, plan: Plan) -> None:
        """Goes through the steps of a plan.

        Raises:
            PlanError: for the first one whose preconditions do not hold.
        """
        self._plan = f"{plan.action} plan for ResourceClaim {plan.claim}"
        for index, step in enumerate(plan.steps):
            self._where = f"steps[{index}] ({step.step})"
            for reference in _referred(step):
                if reference not in self.told:
                    self._refuse(f"nothing before it tells {reference[1]} of {reference[0]}")
            self._apply(step)
            self.told.update(step.told())

    def changed(self) -> dict[str, Any]:
        """What differs from an untouched node; nothing once everything is undone."""
        untouched = _Gpu()
        found: dict[str, Any] = {
            "gpus": {uuid: gpu for uuid, gpu in self.gpus.items() if gpu != untouched},
            "drivers": {bus: driver for bus, driver in self.drivers.items() if driver != _NVIDIA},
            "persistence": {bus: on for bus, on in self.persistence.items() if not on},
            "daemons": self.daemons,
            "directories": self.directories,
            "mounts": self.mounts,
            "partitions": self.partitions,
            "labels": self.labels,
            "specifications": self.specifications,
        }
        return {name: value for name, value in found.items() if value}

    def _refuse(self, message: str) -> NoReturn:
        raise PlanError(message, self._plan, self._where)

    def _need(self, condition: object, message: str) -> None:
        if not condition:
            self._refuse(message)

    def _not_offered(self, text: str, what: str) -> None:
        for path, specification in self.specifications.items():
            self._need(text not in specification, f"{path} still offers {what} to containers")

    def _gpu(self, uuid: str) -> _Gpu:
        return self.gpus.setdefault(uuid, _Gpu())

    @singledispatchmethod
    def _apply(self, step: do.Step) -> None:
        """What must hold before a step, and what holds after it."""
        self._refuse(f"no step {step!r}")

    # --- MIG ----------------------------------------------------------------------------------------------------------

    @_apply.register
    def _(self, step: do.SetMigMode) -> None:
        gpu = self._gpu(step.gpu)
        if gpu.mig != step.enabled:
            self._need(not gpu.instances, f"{step.gpu} has instances")
            self._need(gpu.mode == _DEFAULT, f"{step.gpu} is in compute mode {gpu.mode}")
        gpu.mig = step.enabled

    @_apply.register
    def _(self, step: do.CreateMigInstance) -> None:
        gpu, taken = self._gpu(step.gpu), range(step.start, step.start + step.size)
        # Where nothing ever sets the mode, as on Ampere, it is on since before.
        self._need(step.size, "takes no memory slice")
        if step.may_exist and gpu.instances.get(step.device) == taken:
            return
        for device, other in gpu.instances.items():
            free = other.stop <= taken.start or taken.stop <= other.start
            self._need(free, f"memory slices {taken.start} to {taken.stop - 1} overlap with those of {device}")
        gpu.instances[step.device] = taken

    @_apply.register
    def _(self, step: do.FindMigInstance) -> None:
        """Looks only."""

    @_apply.register
    def _(self, step: do.DestroyMigInstance) -> None:
        gpu = self._gpu(step.gpu)
        self._need(step.device in gpu.instances, f"{step.gpu} has no instance {step.device}")
        self._not_offered(f"${{{step.device}:", step.device)
        del gpu.instances[step.device]
        self.told -= {told for told in self.told if told[0] == step.device}

    # --- sharing ------------------------------------------------------------------------------------------------------

    @_apply.register
    def _(self, step: do.SetComputeMode) -> None:
        gpu = self._gpu(step.gpu)
        self._need(step.mode in (_DEFAULT, _EXCLUSIVE), f"no compute mode {step.mode}")
        self._need(not gpu.instances, f"{step.gpu} is partitioned")
        if step.mode != gpu.mode:
            for name, daemon in self.daemons.items():
                self._need(step.gpu not in daemon.devices, f"MPS daemon {name} serves {step.gpu}")
        gpu.mode = step.mode

    @_apply.register
    def _(self, step: do.SetTimeSlice) -> None:
        gpu = self._gpu(step.gpu)
        self._need(0 <= step.level <= _LONGEST_SLICE, f"no time slice {step.level}")
        self._need(gpu.mode == _DEFAULT, f"{step.gpu} is in compute mode {gpu.mode}, where nothing is sliced")
        gpu.time_slice = step.level

    @_apply.register
    def _(self, step: do.MakeDirectory) -> None:
        self._need(step.path not in self.directories, f"{step.path} is there already")
        self.directories.add(step.path)

    @_apply.register
    def _(self, step: do.RemoveDirectory) -> None:
        self._need(step.path in self.directories, f"{step.path} is not there")
        below = {path for path in self.directories if path == step.path or path.startswith(f"{step.path}/")}
        self._need(not below & self.mounts, f"something is mounted in {step.path}")
        for name, daemon in self.daemons.items():
            self._need(not below & set(daemon.directories), f"MPS daemon {name} runs in {step.path}")
        for one in sorted(below):
            self._not_offered(json.dumps(one), one)
        self.directories -= below

    @_apply.register
    def _(self, step: do.MountSharedMemory) -> None:
        self._need(step.path in self.directories, f"{step.path} is not there")
        self._need(step.path not in self.mounts, f"{step.path} is mounted already")
        self.mounts.add(step.path)

    @_apply.register
    def _(self, step: do.UnmountSharedMemory) -> None:
        self._need(step.path in self.mounts, f"{step.path} is not mounted")
        for name, daemon in self.daemons.items():
            self._need(step.path not in daemon.directories, f"MPS daemon {name} uses {step.path}")
        self.mounts.remove(step.path)

    @_apply.register
    def _(self, step: do.StartMpsDaemon) -> None:
        self._need(step.daemon not in self.daemons, "it runs already")
        self._need(step.devices, "it has no device")
        own = (step.pipe_directory, step.log_directory)
        for path in own:
            self._need(path in self.directories, f"{path} is not there")
        self._need(not step.shared_memory or step.shared_memory in self.mounts, f"{step.shared_memory} is not mounted")
        for uuid in step.devices:
            for name, daemon in self.daemons.items():
                self._need(uuid not in daemon.devices, f"MPS daemon {name} serves {uuid}")
                self._need(daemon.pipe != step.pipe_directory, f"MPS daemon {name} has that pipe directory")
            if uuid.startswith("GPU-"):
                mode = self._gpu(uuid).mode
                self._need(mode == _EXCLUSIVE, f"{uuid} is in compute mode {mode}, so that clients could pass it by")
        directories = (*own, step.shared_memory) if step.shared_memory else own
        self.daemons[step.daemon] = _Daemon(step.devices, directories, step.pipe_directory)

    @_apply.register
    def _(self, step: do.SetMpsThreadPercentage) -> None:
        self._limit(step.daemon, step.pipe_directory)

    @_apply.register
    def _(self, step: do.SetMpsMemoryLimit) -> None:
        daemon = self._limit(step.daemon, step.pipe_directory)
        self._need(step.device in daemon.devices, f"the daemon does not serve {step.device}")
        self._need(step.mebibytes >= 1, "less than one mebibyte")

    def _limit(self, name: str, pipe: str) -> _Daemon:
        daemon = self._daemon(name, pipe)
        self._need(not daemon.has_clients, "there may be clients already, which a new default does not reach")
        return daemon

    def _daemon(self, name: str, pipe: str) -> _Daemon:
        daemon = self.daemons.get(name)
        if daemon is None:
            self._refuse(f"MPS daemon {name} does not run")
        self._need(daemon.pipe == pipe, f"MPS daemon {name} listens in {daemon.pipe}")
        return daemon

    @_apply.register
    def _(self, step: do.StopMpsDaemon) -> None:
        self._daemon(step.daemon, step.pipe_directory)
        self._not_offered(json.dumps(step.pipe_directory), "the daemon")
        del self.daemons[step.daemon]

    # --- passthrough, fabric, compute domains -------------------------------------------------------------------------

    @_apply.register
    def _(self, step: do.SetPersistenceMode) -> None:
        self._need(self.drivers.get(step.bus_id, _NVIDIA) == _NVIDIA, f"{step.bus_id} is not bound to {_NVIDIA}")
        self.persistence[step.bus_id] = step.enabled
        self.unused.discard(step.bus_id)

    @_apply.register
    def _(self, step: do.WaitUntilUnused) -> None:
        self._need(not self.persistence.get(step.bus_id, True), f"the driver itself keeps {step.bus_id} open")
        self.unused.add(step.bus_id)

    @_apply.register
    def _(self, step: do.BindDriver) -> None:
        bound = self.drivers.get(step.bus_id, _NVIDIA)
        self._need(bound != step.driver, f"{step.bus_id} is bound to {step.driver} already")
        if bound == _NVIDIA:
            self._need(step.bus_id in self.unused, f"nobody has waited until {step.bus_id} is unused")
        self.drivers[step.bus_id] = step.driver
        self.unused.discard(step.bus_id)

    @_apply.register
    def _(self, step: do.FindVfioDevice) -> None:
        self._need(self.drivers.get(step.bus_id, _NVIDIA) != _NVIDIA, f"{step.bus_id} is bound to {_NVIDIA}")

    @_apply.register
    def _(self, step: do.ActivateFabricPartition) -> None:
        self._need(step.partition not in self.partitions, "it is active already")
        self.partitions.add(step.partition)

    @_apply.register
    def _(self, step: do.DeactivateFabricPartition) -> None:
        self._need(step.partition in self.partitions, "it is not active")
        self.partitions.remove(step.partition)

    @_apply.register
    def _(self, step: do.LabelNode) -> None:
        there = self.labels.get((step.node, step.key), step.value)
        self._need(there == step.value, f"the label says {there} already")
        self.labels[step.node, step.key] = step.value

    @_apply.register
    def _(self, step: do.UnlabelNode) -> None:
        self._need((step.node, step.key) in self.labels, "there is no such label")
        del self.labels[step.node, step.key]

    @_apply.register
    def _(self, step: do.WaitForComputeDomain) -> None:
        self._need(any(node == step.node for node, _ in self.labels), "no label brings the domain's daemon here")

    @_apply.register
    def _(self, step: do.FindCharacterDevice) -> None:
        """Looks only."""

    # --- CDI ----------------------------------------------------------------------------------------------------------

    @_apply.register
    def _(self, step: do.WriteCdiSpec) -> None:
        self._need(step.path not in self.specifications, f"{step.path} is there already")
        for daemon in self.daemons.values():
            daemon.has_clients |= json.dumps(daemon.pipe) in step.specification
        self.specifications[step.path] = step.specification

    @_apply.register
    def _(self, step: do.RemoveCdiSpec) -> None:
        self._need(step.path in self.specifications, f"{step.path} is not there")
        del self.specifications[step.path]


def _referred(step: do.Step) -> Iterator[tuple[str, str]]:
    yield from do.references(json.dumps(step.to_dict(), ensure_ascii=False))
