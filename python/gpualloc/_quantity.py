"""Amounts as Kubernetes writes them, for the documents that this package produces.

Reading and comparing quantities is the engine's business. Start at :func:`binary`.
"""

from __future__ import annotations

__all__ = ["binary"]

_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_STEP = 1024


def binary(amount: int) -> str:
    """A number of bytes in canonical form: the largest binary suffix that leaves it whole.

    >>> binary(9984 << 20), binary(22 << 30), binary(0)
    ('9984Mi', '22Gi', '0')
    """
    power = 0
    while amount and amount % _STEP == 0 and power < len(_SUFFIXES) - 1:
        amount //= _STEP
        power += 1
    return f"{amount}{_SUFFIXES[power]}"
