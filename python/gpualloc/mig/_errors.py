"""What can go wrong with MIG tables: a card nobody has a table for, and a figure nobody has published."""

from __future__ import annotations

from gpualloc._errors import InvalidInputError

__all__ = ["UnknownCardError", "UnpublishedError"]


class UnknownCardError(InvalidInputError):
    """No table fits the card; `document` is the name it was asked for by."""


class UnpublishedError(InvalidInputError):
    """A figure that is needed is not published, so that only the driver of a real card can tell it.

    `document` is the card, `field` the profile and figure. Read the card with :func:`gpualloc.mig.from_nvml` instead.
    """
