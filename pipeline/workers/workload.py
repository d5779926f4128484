"""How much there is to do, and whether workers in processes of their own are worth their start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SMALL_IMAGES: Final = 100
_SMALL_MEGAPIXELS: Final = 20.0
"""With about fourteen, two workers of Ray and this process alone were done at the same time
(docs/benchmarks/2026-11-28-first-minute.md)."""
_PIXELS_PER_BYTE: Final = 3.0
"""Of a JPEG; a PNG of a photograph has 0.7."""
_READING: Final = 0.03
"""To read and check a megabyte takes this share of what it takes to encode a megapixel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """All that a pool will be given, as far as one can tell before."""

    images: int
    megapixels: float
    """To be encoded, or as much other work."""

    @classmethod
    def of_files(cls, images: int, source_bytes: int) -> Workload:
        """Of image files whose sizes alone are known."""
        return cls(images=images, megapixels=source_bytes * _PIXELS_PER_BYTE / 1e6)

    @classmethod
    def of_shards(cls, num_bytes: int) -> Workload:
        """Of shards that are read and checked, and not decoded."""
        return cls(images=0, megapixels=num_bytes / 1e6 * _READING)

    @property
    def is_small(self) -> bool:
        """Whether it is done in this process before workers elsewhere would be up."""
        return self.images <= _SMALL_IMAGES and self.megapixels <= _SMALL_MEGAPIXELS
