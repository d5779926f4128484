"""Training images in memory, and which of them are never trained on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from codec.contract import RGB
from codec.errors import TrainingError

_CROP_NUMBER: Final = re.compile(r"(-\d)+$")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crops:
    """Images in memory, each at least one patch large, with their names."""

    names: tuple[str, ...]
    pixels: tuple[RGB, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def nbytes(self) -> int:
        """Of all pixels."""
        return sum(pixels.nbytes for pixels in self.pixels)

    def split(self, held_back: float) -> tuple[Crops, Crops]:
        """(to train on, to choose by): whole photographs, see `photo_of`.

        Raises:
            TrainingError: these are crops of a single photograph.
        """
        photos = sorted({photo_of(name) for name in self.names})
        if len(photos) < 2:
            raise TrainingError(
                f"expected images of at least two photographs, got {len(photos)} ({', '.join(photos)}): one is "
                "held back; add images, or rename them (names that differ only in a last -0 to -9 are crops of one)"
            )
        rng = np.random.default_rng(len(photos))
        count = min(len(photos) - 1, max(1, round(len(photos) * held_back)))
        kept_back = {photos[i] for i in rng.permutation(len(photos))[:count]}
        mask = [photo_of(name) in kept_back for name in self.names]
        return self._subset([not m for m in mask]), self._subset(mask)

    def spread(self, count: int) -> list[RGB]:
        """At most that many of the images, from first to last."""
        places = np.linspace(0, len(self) - 1, min(count, len(self))).astype(int)
        return [self.pixels[place] for place in places]

    def at_least(self, side: int) -> Crops:
        """Those that are so many pixels high and wide."""
        return self._subset([min(pixels.shape[:2]) >= side for pixels in self.pixels])

    def _subset(self, mask: Sequence[bool]) -> Crops:
        chosen = [i for i, keep in enumerate(mask) if keep]
        return Crops(names=tuple(self.names[i] for i in chosen), pixels=tuple(self.pixels[i] for i in chosen))


def photo_of(name: str) -> str:
    """`a/0123abcd-2.avif` -> `a/0123abcd`: crops of one photograph must not be on both sides of the split."""
    path = PurePosixPath(name)
    return str(path.with_name(_CROP_NUMBER.sub("", path.stem) or path.stem))
