"""What can go wrong with a plan: a configuration that is not one, devices that exclude each other, a broken order."""

from __future__ import annotations

from gpualloc._errors import InvalidInputError

__all__ = ["ConfigError", "ExclusionError", "PlanError"]


class ConfigError(InvalidInputError):
    """A configuration that the driver refuses, or that it cannot apply to the device it is for.

    `document` is the claim, `field` where the configuration stands in it.
    """


class ExclusionError(InvalidInputError):
    """Devices or features that exclude each other; `message` says which and why."""


class PlanError(InvalidInputError):
    """A plan that would not work: `field` is the step whose preconditions do not hold, `message` says which one."""
