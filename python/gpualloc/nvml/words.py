"""The driver's words for NVML's codes, and versions as it writes them.

Pure functions over numbers and text. Source: what the NVIDIA DRA driver published for known hosts; the spelling of
brands and architectures is that of NVIDIA's Go library, not of `nvidia-smi`. Start at :data:`BRANDS`.
"""

from __future__ import annotations

import re

__all__ = ["ADDRESSING_MODES", "ARCHITECTURES", "BRANDS", "cuda_version", "semantic_version"]

BRANDS = {
    0: "Unknown",
    1: "Quadro",
    2: "Tesla",
    3: "NVS",
    4: "Grid",
    5: "GeForce",
    6: "Titan",
    7: "NvidiaVApps",
    8: "NvidiaVPC",
    9: "NvidiaVCS",
    10: "NvidiaVWS",
    11: "NvidiaCloudGaming",
    12: "QuadroRTX",
    13: "NvidiaRTX",
    14: "Nvidia",
    15: "GeForceRTX",
    16: "TitanRTX",
}
ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada Lovelace",
    9: "Hopper",
    10: "Blackwell",
    13: "Rubin",
    0xFFFFFFFF: "Unknown",
}
ADDRESSING_MODES = {0: "None", 1: "HMM", 2: "ATS"}

_NUMBER = r"(\d+)"
_VERSION = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?(-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z.-]+)?"
)


def semantic_version(text: str) -> str | None:
    """A version of three parts without leading zeros, or nothing where the text is no version.

    >>> semantic_version("595.58.03")
    '595.58.3'
    >>> semantic_version("13.0")
    '13.0.0'
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    numbers = ".".join(str(int(part or 0)) for part in match.group(1, 2, 3))
    return numbers + (match[4] or "") + (match[5] or "")


def cuda_version(number: int) -> str:
    """The version behind NVML's number.

    >>> cuda_version(12080)
    '12.8.0'
    """
    return f"{number // 1000}.{number % 1000 // 10}.0"
