"""Compute domains: the IMEX channel of a workload's node, and the IMEX daemon that a domain runs there.

Which domain a claim belongs to stands in its configuration; its name and namespace in the ComputeDomain document. What
the node's fabric is stands in its label `nvidia.com/gpu.clique`; without one there is no fabric, and no channel is
given. Start at :func:`channel` and :func:`daemon`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpualloc._errors import InvalidInputError
from gpualloc.prepare import steps as do
from gpualloc.prepare._config import ChannelConfig, DaemonConfig
from gpualloc.prepare._errors import ConfigError, ExclusionError
from gpualloc.prepare._parts import Part
from gpualloc.vendors import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpualloc.prepare._parts import Context
    from gpualloc.prepare._select import Group

__all__ = ["channel", "daemon"]

Json = dict[str, Any]

LABEL: Final = "resource.nvidia.com/computeDomain"
CLIQUE: Final = "nvidia.com/gpu.clique"
CHANNELS: Final = 2048
"""How many channels a kernel has; a number of the driver's own."""

_VOID: Final = "NVIDIA_VISIBLE_DEVICES=void"
_CHANNELS: Final = "imex-channels"
_MANAGEMENT: Final = "fabric-imex-mgmt"


def channel(context: Context, group: Group) -> Part:
    """The steps for the channel of a claim.

    Raises:
        ConfigError: for a domain of another namespace.
        ExclusionError: if the node belongs to another domain.
        InvalidInputError: if the domain's or the node's document is missing.
    """
    config = group.config
    assert isinstance(config, ChannelConfig)
    _one_device(context, group)
    name = group.results[0].device.name
    number = group.results[0].device.number("id")
    domain = _domain(context, group, config.domain)
    part = Part()
    if not context.gates["HostManagedIMEXDaemon"]:
        _one_domain(context, group, config.domain)
        part.steps.append(do.LabelNode(context.node.name, LABEL, config.domain))
        part.steps.append(do.WaitForComputeDomain(domain["namespace"], domain["name"], context.node.name))
    edits: Json = {"env": [_VOID]}
    if not context.for_containers:
        return part
    if _clique(context):
        part.steps.append(do.FindCharacterDevice(_CHANNELS))
        everything = config.mode == "All" and not context.gates["HostManagedIMEXDaemon"]
        edits["deviceNodes"] = [_node(one) for one in (range(CHANNELS) if everything else (number,))]
    else:
        part.notes.append(f"node {context.node.name} has no label {CLIQUE}: no fabric, so that no channel is given")
    part.edit(name, edits)
    return part


def daemon(context: Context, group: Group) -> Part:
    """The steps for the daemon of a domain.

    Raises:
        ConfigError: for a domain of another namespace.
        ExclusionError: if the node's administrator runs the daemon.
        InvalidInputError: if the domain's or the node's document is missing.
    """
    config = group.config
    assert isinstance(config, DaemonConfig)
    _one_device(context, group)
    if context.gates["HostManagedIMEXDaemon"]:
        raise ExclusionError(
            "with HostManagedIMEXDaemon a domain has no daemons of its own", context.document, group.path
        )
    domain = _domain(context, group, config.domain)
    root = f"{context.options.domain_directory}/domains/{config.domain}"
    part = Part(steps=[do.MakeDirectory(root)])
    clique = _clique(context)
    edits: Json = {
        "env": [
            _VOID,
            f"CLIQUE_ID={clique}",
            f"COMPUTE_DOMAIN_UUID={config.domain}",
            f"COMPUTE_DOMAIN_NAME={domain['name']}",
            f"COMPUTE_DOMAIN_NAMESPACE={domain['namespace']}",
        ],
        "mounts": [{"hostPath": root, "containerPath": "/imexd", "options": ["rw", "nosuid", "nodev", "bind"]}],
    }
    if not context.for_containers:
        part.notes.append("an IMEX daemon runs in a container; as a process it is the caller's")
        return part
    if clique:
        part.steps.append(do.FindCharacterDevice(_MANAGEMENT))
        minor = f"${{{_MANAGEMENT}:minor}}"
        major = f"${{{_MANAGEMENT}:major}}"
        edits["deviceNodes"] = [
            {"path": f"/dev/nvidia-caps/nvidia-cap{minor}", "type": "c", "major": major, "minor": minor}
        ]
    part.edit(group.results[0].device.name, edits)
    return part


def _node(number: int) -> Json:
    path = f"/dev/nvidia-caps-imex-channels/channel{number}"
    return {"path": path, "type": "c", "major": f"${{{_CHANNELS}:major}}", "minor": number}


def _one_device(context: Context, group: Group) -> None:
    if len(group.results) != 1:
        names = ", ".join(result.device.name for result in group.results)
        raise ConfigError(f"is for one device, not for {names}", context.document, group.path)


def _domain(context: Context, group: Group, uid: str) -> Mapping[str, str]:
    for document in context.domains:
        fields = Fields(document.get("metadata"), "ComputeDomain", "metadata")
        if fields.text("uid") == uid:
            found = {name: fields.text(name) for name in ("namespace", "name")}
            namespace = context.claim.partition("/")[0]
            if found["namespace"] != namespace:
                raise ConfigError(
                    f"is of namespace {found['namespace']}, the claim of {namespace}",
                    context.document,
                    f"{group.path}.domainID",
                )
            return found
    raise InvalidInputError(
        "no ComputeDomain with this UID is among the documents", context.document, f"{group.path}.domainID"
    )


def _clique(context: Context) -> str:
    if context.node.labels is None:
        raise InvalidInputError(
            f"is needed to know the node's fabric, by its label {CLIQUE}",
            f"Node {context.node.name}",
            "metadata.labels",
        )
    return context.node.labels.get(CLIQUE, "")


def _one_domain(context: Context, group: Group, uid: str) -> None:
    there = (context.node.labels or {}).get(LABEL, uid)
    for plan in context.prepared:
        for step in plan.steps:
            if isinstance(step, do.LabelNode) and step.key == LABEL:
                there = step.value
    if there != uid:
        raise ExclusionError(
            f"node {context.node.name} belongs to compute domain {there}, and to one at a time",
            context.document,
            f"{group.path}.domainID",
        )
