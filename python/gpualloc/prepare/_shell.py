"""A plan as a shell script that a person can read first: what each step comes to on a Linux node.

Printed, never run. The script stops at the first command that fails. On its output stand the variables of clients, as
`NAME=value`. Only `sh`, `awk` and what the step itself is about are needed. Start at :func:`shell`.
"""

from __future__ import annotations

import json
import re
import shlex
from functools import singledispatch
from typing import TYPE_CHECKING, Final

from gpualloc.prepare import steps as do
from gpualloc.prepare._errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpualloc.prepare.plan import Plan

__all__ = ["shell"]

_PCI: Final = "/sys/bus/pci"
_MPS: Final = "nvidia-cuda-mps-control"
# What is text among the values that steps tell; the others are numbers.
_TEXTS: Final = ("uuid", "node")
_QUOTED = re.compile(rf'"{do.REFERENCE.pattern}"', re.ASCII)

# Helpers by name, each printed where a script uses it. The formats are those of `nvidia-smi`, `/proc` and sysfs.
_HELPERS: Final = {
    "told": """\
told() {  # VALUE WHAT: fails where nothing was found
    [ -n "$1" ] || { echo "error: cannot find $2" >&2; exit 1; }
    printf '%s\\n' "$1"
}""",
    "gpu_instance": """\
gpu_instance() {  # GPU PROFILE-ID START: the id of the GPU instance there, or nothing
    nvidia-smi mig -i "$1" -lgi | awk -v profile="$2" -v start="$3" '
        $NF == "|" && split($(NF - 1), at, ":") == 2 && at[1] == start && $(NF - 3) == profile { print $(NF - 2) }'
}""",
    "mig_uuid": """\
mig_uuid() {  # GPU GPU-INSTANCE: the UUID of its MIG device
    number=$(nvidia-smi -q -i "$1" | awk -v gi="$2" '
        /^ +Index +:/ { number = $NF } /^ +GPU Instance ID +:/ && $NF == gi { print number }')
    nvidia-smi -L | awk -v gpu="$1" -v number="$number:" '
        /^GPU/ { here = index($0, gpu) } here && /^ +MIG/ && $(NF - 2) == number { sub(/\\)$/, "", $NF); print $NF }'
}""",
    "major": """\
major() {  # NAME: the major number of a kind of character device
    told "$(awk -v name="$1" '$2 == name { print $1 }' /proc/devices)" "the major number of $1"
}""",
    "capability": """\
capability() {  # PATH: the minor number of a capability's device node
    told "$(awk '/^DeviceFileMinor:/ { print $2 }' "/proc/driver/nvidia/capabilities/$1")" "capability $1"
}""",
    "unused": """\
unused() {  # PCI-ADDRESS: waits until no process has the GPU open; fails after a minute
    vfs=$(cat "/sys/bus/pci/devices/$1/sriov_numvfs" 2>/dev/null || echo 0)
    [ "$vfs" = 0 ] || { echo "error: $1 has $vfs virtual functions" >&2; exit 1; }
    minor=$(told "$(awk '/^Device Minor:/ { print $3 }' "/proc/driver/nvidia/gpus/$1/information")" "the minor of $1")
    tries=60
    while fuser -s "/dev/nvidia$minor"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "error: $1 is in use" >&2; exit 1; }
        sleep 1
    done
}""",
    "bind": """\
bind() {  # PCI-ADDRESS DRIVER
    device=/sys/bus/pci/devices/$1
    if [ "$2" = nvidia ]; then echo >"$device/driver_override"; else
        modprobe "$2"
        echo "$2" >"$device/driver_override"
    fi
    if [ -e "$device/driver" ]; then echo "$1" >"$device/driver/unbind"; fi
    echo "$1" >/sys/bus/pci/drivers_probe
}""",
}


def shell(plans: Iterable[Plan]) -> str:
    """One script for these plans, in their order.

    Args:
        plans: Plans to prepare or to unprepare.

    Raises:
        PlanError: for a step that is none of this package's.
    """
    body: list[str] = []
    for plan in plans:
        body.append(_comment(f"--- {plan.action} ResourceClaim {plan.claim} on node {plan.node or '(none)'}"))
        body.extend(_comment(f"note: {note}") for note in plan.notes)
        for step in plan.steps:
            body.extend(_lines(step))
        body.extend(_environment(plan))
    text = "\n".join(body)
    used = _used(text)
    helpers = [script for name, script in _HELPERS.items() if name in used]
    return "\n\n".join(["#!/bin/sh", "set -eu", *helpers, text]) + "\n"


def _used(text: str) -> set[str]:
    used = {name for name in _HELPERS if re.search(rf"\b{name} ", text)}
    return used | {name for name in _HELPERS if any(f"{name} " in _HELPERS[other] for other in used)}


def _environment(plan: Plan) -> list[str]:
    lines: list[str] = []
    for one in plan.environments[:1] if plan.action == "prepare" else ():
        if one.problem:
            lines.append(_comment(f"no environment for all of the claim: {one.problem}"))
        lines.extend(f"printf '%s\\n' {_word(f'{name}={value}')}" for name, value in one.variables)
    return lines


def _comment(text: str) -> str:
    """On one line, whatever a name or a note holds."""
    return "# " + " ".join(text.split())


# --- words ------------------------------------------------------------------------------------------------------------


def _variable(name: str, field: str) -> str:
    return re.sub("[^A-Za-z0-9]", "_", f"{name}_{field}")


def _expanded(text: str) -> str:
    """Text between double quotes, or in a here-document: references become variables, the rest stays as it is."""
    parts: list[str] = []
    at = 0
    for match in do.REFERENCE.finditer(text):
        parts += [re.sub(r"([\\`$])", r"\\\1", text[at : match.start()]), f"${{{_variable(*match.groups())}}}"]
        at = match.end()
    return "".join([*parts, re.sub(r"([\\`$])", r"\\\1", text[at:])])


def _word(text: str) -> str:
    if do.REFERENCE.search(text):
        return '"' + _expanded(text).replace('"', '\\"') + '"'
    return shlex.quote(text)


def _command(*words: str | int) -> str:
    return " ".join(_word(str(word)) for word in words)


def _tell(name: str, field: str, command: str) -> str:
    return f"{_variable(name, field)}={command}"


# --- steps ------------------------------------------------------------------------------------------------------------


@singledispatch
def _lines(step: do.Step) -> list[str]:
    """The commands of a step; each kind has its own below."""
    raise PlanError("has no commands", "shell", step.step)


@_lines.register
def _(step: do.SetMigMode) -> list[str]:
    return [f"{_command('nvidia-smi', '-i', step.gpu, '-mig', int(step.enabled))} >&2"]


@_lines.register
def _(step: do.CreateMigInstance) -> list[str]:
    place = (step.gpu, step.profile_id, step.start)
    find = f"$({_command('gpu_instance', *place)})"
    gi = _variable(step.device, "gi")
    create = _command("nvidia-smi", "mig", "-i", step.gpu, "-cgi", f"{step.profile_id}:{step.start}")
    fill = f'{_command("nvidia-smi", "mig", "-i", step.gpu, "-gi")} "${gi}" -cci'
    make = [f"{create} >&2", f'{gi}=$(told "{find}" {_word(f"the GPU instance of {step.device}")})', f"{fill} >&2"]
    if step.may_exist:
        make = [f"{gi}={find}", f'if [ -z "${gi}" ]; then', *(f"    {line}" for line in make), "fi"]
    uuid = f'{_command("mig_uuid", step.gpu)} "${gi}"'
    found = _tell(step.device, "uuid", f'$(told "$({uuid})" {_word(f"the UUID of {step.device}")})')
    return [*make, found, *_capabilities(step.device, step.minor)]


@_lines.register
def _(step: do.FindMigInstance) -> list[str]:
    find = _command("gpu_instance", step.gpu, step.profile_id, step.start)
    found = _tell(step.device, "gi", f'$(told "$({find})" {_word(f"the GPU instance of {step.device}")})')
    return [found, *_capabilities(step.device, step.minor)]


def _capabilities(device: str, minor: int) -> list[str]:
    """The compute instance that fills a GPU instance is always number 0."""
    gi, ci = _variable(device, "gi"), _variable(device, "ci")
    return [
        f"{ci}=0",
        _tell(device, "major", "$(major nvidia-caps)"),
        _tell(device, "giMinor", f'$(capability "gpu{minor}/mig/gi${gi}/access")'),
        _tell(device, "ciMinor", f'$(capability "gpu{minor}/mig/gi${gi}/ci${ci}/access")'),
    ]


@_lines.register
def _(step: do.DestroyMigInstance) -> list[str]:
    gi = _variable(step.device, "gi")
    find = _command("gpu_instance", step.gpu, step.profile_id, step.start)
    destroy = f'{_command("nvidia-smi", "mig", "-i", step.gpu, "-gi")} "${gi}"'
    return [
        f'{gi}=$(told "$({find})" {_word(f"the GPU instance of {step.device}")})',
        f"{destroy} -dci >&2",
        f"{destroy} -dgi >&2",
    ]


@_lines.register
def _(step: do.SetComputeMode) -> list[str]:
    return [f"{_command('nvidia-smi', '-i', step.gpu, '-c', step.mode)} >&2"]


@_lines.register
def _(step: do.SetTimeSlice) -> list[str]:
    return [f"{_command('nvidia-smi', 'compute-policy', '-i', step.gpu, '--set-timeslice', step.level)} >&2"]


@_lines.register
def _(step: do.MakeDirectory) -> list[str]:
    return [_command("mkdir", "-p", "-m", "0755", step.path)]


@_lines.register
def _(step: do.RemoveDirectory) -> list[str]:
    return [_command("rm", "-r", step.path)]


@_lines.register
def _(step: do.MountSharedMemory) -> list[str]:
    return [_command("mount", "-t", "tmpfs", "-o", "rw,nosuid,nodev,noexec,relatime,size=50%", "shm", step.path)]


@_lines.register
def _(step: do.UnmountSharedMemory) -> list[str]:
    return [_command("umount", step.path)]


@_lines.register
def _(step: do.StartMpsDaemon) -> list[str]:
    variables = [f"{name}={value}" for name, value in step.environment.items()]
    if not step.shared_memory:
        return [_command("env", *variables, *step.command)]
    # A mount namespace of its own, so that the daemon's /dev/shm is what its clients have mounted there.
    inside = 'mount --bind "$0" /dev/shm && exec "$@"'
    return [_command("env", *variables, "unshare", "--mount", "sh", "-c", inside, step.shared_memory, *step.command)]


def _tell_daemon(pipe: str, command: str) -> list[str]:
    return [f"echo {_word(command)} | {_command('env', f'CUDA_MPS_PIPE_DIRECTORY={pipe}', _MPS)} >&2"]


@_lines.register
def _(step: do.SetMpsThreadPercentage) -> list[str]:
    return _tell_daemon(step.pipe_directory, f"set_default_active_thread_percentage {step.percentage}")


@_lines.register
def _(step: do.SetMpsMemoryLimit) -> list[str]:
    limit = f"set_default_device_pinned_mem_limit {step.device} {step.mebibytes}M"
    return _tell_daemon(step.pipe_directory, limit)


@_lines.register
def _(step: do.StopMpsDaemon) -> list[str]:
    return _tell_daemon(step.pipe_directory, "quit")


@_lines.register
def _(step: do.SetPersistenceMode) -> list[str]:
    return [f"{_command('nvidia-smi', '-i', step.bus_id, '-pm', int(step.enabled))} >&2"]


@_lines.register
def _(step: do.WaitUntilUnused) -> list[str]:
    return [_command("unused", step.bus_id)]


@_lines.register
def _(step: do.BindDriver) -> list[str]:
    return [_command("bind", step.bus_id, step.driver)]


@_lines.register
def _(step: do.FindVfioDevice) -> list[str]:
    device = f"{_PCI}/devices/{step.bus_id}"
    found = f"$(ls {device}/vfio-dev)" if step.iommu_fd else f"$(basename $(readlink {device}/iommu_group))"
    return [_tell(step.device, "node", f'$(told "{found}" {_word(f"the vfio device of {step.device}")})')]


@_lines.register
def _(step: do.ActivateFabricPartition) -> list[str]:
    return [f"{_command('fmpm', '-a', step.partition)} >&2"]


@_lines.register
def _(step: do.DeactivateFabricPartition) -> list[str]:
    return [f"{_command('fmpm', '-d', step.partition)} >&2"]


@_lines.register
def _(step: do.LabelNode) -> list[str]:
    return [f"{_command('kubectl', 'label', 'node', step.node, f'{step.key}={step.value}')} >&2"]


@_lines.register
def _(step: do.UnlabelNode) -> list[str]:
    return [f"{_command('kubectl', 'label', 'node', step.node, f'{step.key}-')} >&2"]


@_lines.register
def _(step: do.WaitForComputeDomain) -> list[str]:
    ready = f'--for=jsonpath={{.status.nodes[?(@.name=="{step.node}")].status}}=Ready'
    wait = _command("kubectl", "-n", step.namespace, "wait", f"computedomain/{step.name}", ready, "--timeout=45s")
    return [f"{wait} >&2"]


@_lines.register
def _(step: do.FindCharacterDevice) -> list[str]:
    if step.device == "imex-channels":
        return [_tell(step.device, "major", "$(major nvidia-caps-imex-channels)")]
    return [
        _tell(step.device, "major", "$(major nvidia-caps)"),
        _tell(step.device, "minor", f"$(capability {step.device})"),
    ]


@_lines.register
def _(step: do.WriteCdiSpec) -> list[str]:
    text = json.dumps(json.loads(step.specification), indent=2)

    def unquoted(match: re.Match[str]) -> str:
        return match[0] if match[2] in _TEXTS else match[0][1:-1]

    folder = step.path.rpartition("/")[0]
    return [
        _command("mkdir", "-p", folder),
        f"cat >{_word(step.path + '.new')} <<END",
        _expanded(_QUOTED.sub(unquoted, text)),
        "END",
        _command("mv", f"{step.path}.new", step.path),
    ]


@_lines.register
def _(step: do.RemoveCdiSpec) -> list[str]:
    return [_command("rm", step.path)]
