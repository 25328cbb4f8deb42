"""What the caller says about the node and its clients. Start at :class:`Options`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Options"]

_CLIENTS: Final = ("containers", "processes")
# Nothing that a shell or a reference would read as something else.
_PATH = re.compile(r"(?:/[A-Za-z0-9._+@=-]+)+", re.ASCII)
_DRIVER = re.compile(r"[a-z0-9_-]+", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """How plans are made.

    Attributes:
        feature_gates: Gates of the NVIDIA driver that differ from its defaults; what its slices show need not be said.
        clients: `containers` get devices through a CDI specification, and an MPS daemon has its own shared memory, as
            with the driver. `processes` of the node itself get environment variables, and a daemon uses the node's
            `/dev/shm`.
        plugin_directory: Where MPS daemons have their directories.
        domain_directory: The same of compute domains.
        cdi_directory: Where CDI specifications are written.
        cdi_base: A CDI specification of the node as `nvidia-ctk cdi generate` writes it, whose driver libraries, hooks
            and device nodes are then used; without it only device nodes are given.
        vfio_driver: The kernel driver for passthrough, where the card needs its own variant.

    Raises:
        InvalidInputError: for a value that is none of these.
    """

    feature_gates: Mapping[str, bool] = field(default_factory=dict[str, bool])
    clients: str = "containers"
    plugin_directory: str = "/var/lib/kubelet/plugins/gpu.nvidia.com"
    domain_directory: str = "/var/lib/kubelet/plugins/compute-domain.nvidia.com"
    cdi_directory: str = "/var/run/cdi"
    cdi_base: Mapping[str, Any] | None = None
    vfio_driver: str = "vfio-pci"

    def __post_init__(self) -> None:
        if self.clients not in _CLIENTS:
            raise InvalidInputError(f"must be one of {', '.join(_CLIENTS)}, is {self.clients!r}", "", "clients")
        for name in ("plugin_directory", "domain_directory", "cdi_directory"):
            path: str = getattr(self, name)
            if not _PATH.fullmatch(path) or "/../" in f"{path}/":
                raise InvalidInputError(f"{path!r} is no plain absolute path", "", name)
        if not _DRIVER.fullmatch(self.vfio_driver) or self.vfio_driver == "nvidia":
            raise InvalidInputError(f"{self.vfio_driver!r} is no driver for passthrough", "", "vfio_driver")
        base = self.cdi_base
        if base is not None and not _VERSION.fullmatch(str(base.get("cdiVersion"))):
            raise InvalidInputError("is no CDI specification: has no version such as 0.5.0", "", "cdi_base.cdiVersion")
