"""What one NVLink carries, by generation: the makers' nominal figures.

NVML tells line rates that lie a few per cent above (25 781 MB/s for a second-generation link); what is said here is
what the makers print and people count with. A generation without published figures is missing, never guessed.
"""

from __future__ import annotations

__all__ = ["NVLINK", "NVLINK_OF_GRAPHICS_AMPERE"]

NVLINK = {1: 20_000, 2: 25_000, 3: 25_000, 4: 25_000, 5: 50_000}
"""MB/s of one link in one direction, by NVLink generation."""
NVLINK_OF_GRAPHICS_AMPERE = 14_062
"""MB/s of one link in one direction of the graphics chips of the Ampere family (RTX A6000, RTX 3090).

Their links are of the third generation with half as many lanes each: four of them make 56 250 MB/s.
"""
