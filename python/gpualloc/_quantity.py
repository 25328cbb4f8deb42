"""Amounts as Kubernetes writes them, for documents that this package produces and for opaque ones.

What the engine reads and compares is its own business. Start at :func:`binary` and :func:`whole`.
"""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["binary", "whole"]

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


_QUANTITY = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,4})|([KMGTPE]i|[numkMGTPE]?))", re.ASCII)
# What lies beyond is this much, as upstream.
_MOST = Fraction((1 << 63) - 1)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def whole(text: str) -> int:
    """The amount in whole units, a part of one counted as one more, as upstream's `Quantity.Value()` from 0 on.

    Texts without a digit, which upstream takes for 0, are none.

    Raises:
        ValueError: if the text is no quantity.

    >>> whole("1.5Gi"), whole("10m"), whole("2e3")
    (1610612736, 1, 2000)
    >>> whole("1e9999") == whole("8Ei") == 2**63 - 1
    True
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no quantity such as 512Mi or 10G")
    sign, digits, exponent, suffix = match.groups()
    if suffix in _SUFFIXES[1:]:
        factor = Fraction(_STEP) ** _SUFFIXES.index(suffix)
    else:
        factor = Fraction(10) ** (int(exponent) if exponent else _DECIMAL[suffix])
    amount = min(Fraction(digits) * factor, _MOST)
    rounded = -(-amount.numerator // amount.denominator)
    return -rounded if sign == "-" else rounded
