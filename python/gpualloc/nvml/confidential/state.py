"""Confidential computing as words: which mode a host is in, from NVML's codes or from a label of its node.

Pure. Setting a mode is not attestation; that is :mod:`gpualloc.nvml.confidential.verdict`. Start at :func:`state_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gpualloc._errors import InvalidInputError
from gpualloc.nvml.host import Confidential, LeftOut

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["APPLIED_LABEL", "MODES", "MODE_LABEL", "State", "label_in", "state_of"]

MODE_LABEL: Final = "nvidia.com/cc.mode"
"""The mode that an administrator asks for."""
APPLIED_LABEL: Final = "nvidia.com/cc.mode.state"
"""The mode that the GPU Operator's manager reports; it goes before the other, which may not have been applied yet."""
MODES: Final = ("off", "on", "devtools", "ppcie", "nvle")
"""`on` is one GPU for each virtual machine; `ppcie` and `nvle` are for several."""

_CPUS = {0: "none", 1: "sev", 2: "tdx", 3: "sev-snp", 4: "snp-vtom"}
_ENVIRONMENTS = {0: "unavailable", 1: "simulated", 2: "production"}
_MULTI_GPU = {0: "none", 1: "protected-pcie", 2: "nvle"}
_MULTI_GPU_MODES = {1: "ppcie", 2: "nvle"}
# What the manager writes when it could not switch; which mode the GPUs are in then, nobody says.
_FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known, in words; `None` is not known."""

    mode: str | None = None
    """One of :data:`MODES`."""
    capable: bool | None = None
    """Whether the GPUs can do it."""
    cpu: str | None = None
    """What the processor offers: `none`, `sev`, `tdx`, `sev-snp`, `snp-vtom`."""
    environment: str | None = None
    """`unavailable`, `simulated` or `production`."""
    multi_gpu: str | None = None
    """`none`, `protected-pcie` or `nvle`."""
    in_unknown_mode: bool = False
    """Whether it is on in a mode for several GPUs that has no word here."""
    ready: bool | None = None
    """Whether the GPUs accept work; they refuse it until whoever attested them lets them."""

    @property
    def is_on(self) -> bool:
        """Whether memory is protected, for production or not, also in a mode that nobody here knows."""
        return self.in_unknown_mode or self.mode not in (None, "off")

    @property
    def is_whole_host(self) -> bool:
        """Whether all GPUs and all switches belong to one virtual machine: protected PCIe, with debuggers or not."""
        return self.mode == "ppcie" or (self.is_on and self.multi_gpu == "protected-pcie")

    @property
    def allows_nvlink(self) -> bool:
        """Whether GPUs may talk over NVLink: not where its traffic is neither encrypted nor trusted.

        On Hopper that is every mode for single GPUs; Blackwell encrypts.
        """
        return not self.is_on or self.is_whole_host or self.mode == "nvle" or self.multi_gpu == "nvle"


def state_of(known: Confidential) -> tuple[State, tuple[LeftOut, ...]]:
    """The state in words, and which codes have none. NVML's word goes before a label's."""
    noted: list[LeftOut] = []

    def word(what: str, code: int | None, words: Mapping[int, str]) -> str | None:
        if code is None or code in words:
            return None if code is None else words[code]
        noted.append(LeftOut(f"attribute {what} of confidential computing", "", None, f"no word for code {code}"))
        return None

    multi_gpu = word("multiGPU", known.multi_gpu, _MULTI_GPU)
    mode = _mode(known)
    in_unknown_mode = mode is None and bool(known.feature or known.multi_gpu)
    if mode is None:
        # A label that says less than NVML, which says that it is on, is no word for it.
        mode = None if in_unknown_mode else known.label
    # Of encrypted NVLink the label says `on`, as of single GPUs.
    elif known.label not in (None, mode) and (known.label, mode) != ("on", "nvle"):
        reason = f"the node's label says {known.label!r}, NVML says {mode!r}"
        noted.append(LeftOut("label of confidential computing", "", None, reason))
    return State(
        mode=mode,
        capable=None if known.gpu_caps is None else bool(known.gpu_caps),
        cpu=word("cpu", known.cpu_caps, _CPUS),
        environment=word("environment", known.environment, _ENVIRONMENTS),
        multi_gpu=multi_gpu,
        in_unknown_mode=in_unknown_mode,
        ready=None if known.ready is None else bool(known.ready),
    ), tuple(noted)


def _mode(known: Confidential) -> str | None:
    """Protected PCIe counts as on whatever the feature's own bit says, as attestation takes it too."""
    if known.gpu_caps == 0 and known.feature is None:
        return "off"
    if known.feature is None:
        return None
    if not known.feature and not known.multi_gpu:
        return "off"
    if known.devtools:
        return "devtools"
    if known.multi_gpu in (None, 0):
        return "on"
    return _MULTI_GPU_MODES.get(known.multi_gpu)


def label_in(labels: Mapping[str, str], node: str = "") -> str | None:
    """The mode that the labels of a node say; nothing where they say none, or that switching failed.

    Raises:
        InvalidInputError: for a mode that is none.
    """
    for name in (APPLIED_LABEL, MODE_LABEL):
        mode = labels.get(name)
        if mode == _FAILED and name == APPLIED_LABEL:
            return None
        if mode is not None:
            if mode not in MODES:
                raise InvalidInputError(
                    f"{mode!r} is none of {', '.join(MODES)}", f"Node {node}".strip(), f"metadata.labels[{name}]"
                )
            return mode
    return None
