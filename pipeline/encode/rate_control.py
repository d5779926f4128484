"""Which quality the next images of a unit get: one for all, or whatever brings the unit to its target.

sample -> Forecast: base quality, and what every image is expected to take there
batch  -> quality() : base, moved gently so that what is left works off the deviation so far
       <- coded()   : what each image really took
The last batch is solved by estimates of its own images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pipeline.encode.quality_search import HIGHEST, LOWEST, nearest, on_grid, search_quality
from pipeline.encode.types import Candidate, estimated_bytes

GENTLE: Final = 6.0
"""Levels by which qualities part from the unit's own, either way: about a quarter of an image's bytes."""
FIRM: Final = 12.0
"""The same, when the unit would else miss its target by more than `_ENOUGH`."""
_ENOUGH: Final = 0.015
TOLERANCE: Final = 0.005
"""A search ends when it is this near to the target, as a share of it."""
_MOST_LOOKS: Final = 10
_PRIOR_IMAGES: Final = 8
"""Images that must come out otherwise than expected before the expectation of the others follows half way."""


class RateControl(Protocol):
    """Told of every image of a unit in order, it says how hard to press the next ones."""

    def quality(self, batch: Sequence[Candidate]) -> float:
        """The quality of these images; asking changes nothing."""
        ...

    def excess(self, batch: Sequence[Candidate], num_bytes: Sequence[int]) -> float:
        """By how much payloads of these sizes would leave the unit over its target, as a logarithm; 0 where there is
        none to miss yet, since other images follow."""
        ...

    def coded(self, key: str, *, num_pixels: int, num_bytes: int, quality: float) -> None:
        """This image was coded so; `quality` is that of its batch, before any floor."""
        ...

    def not_coded(self, key: str) -> None:
        """This image was kept or failed: it counts for nothing."""
        ...


@dataclass(frozen=True, slots=True)
class FixedQuality:
    """One quality for all images, but those that an archive has lost get the one that they had."""

    level: float

    def quality(self, batch: Sequence[Candidate]) -> float:
        """Always the same, for images without their own; those of a batch share it."""
        own = batch[0].fetched.source.prior.quality if batch else None
        return self.level if own is None else float(own)

    def excess(self, batch: Sequence[Candidate], num_bytes: Sequence[int]) -> float:
        """None: there is no target."""
        return 0.0

    def coded(self, key: str, *, num_pixels: int, num_bytes: int, quality: float) -> None:
        """Nothing to learn."""

    def not_coded(self, key: str) -> None:
        """Nothing to learn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one image is thought to take at the base quality."""

    num_pixels: float
    num_bytes: float
    seen: bool
    """Estimated whole, not guessed from a part of it or from other images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is known of a unit before its first image is coded."""

    base: float
    """Quality that meets the target over the sample."""
    slope: float
    """Growth of the bytes' logarithm with one level, around the base."""
    images: Mapping[str, Expected]
    """Of every image of the unit, by key; zeros where nothing will be coded."""


class TargetRate:
    """Brings the coded images of one unit, taken together, to a number of bits per pixel."""

    def __init__(self, target_bpp: float, forecast: Forecast) -> None:
        """Take the target over all coded images, and the unit's forecast."""
        self._bytes_per_pixel = target_bpp / 8
        self._base = forecast.base
        self._slope = forecast.slope
        self._left = dict(forecast.images)
        self._pixels = 0
        self._bytes = 0
        self._bytes_at_base = 0.0
        """What the images coded so far would have taken at the base quality."""
        guesses = [image for image in self._left.values() if not image.seen]
        self._guessed = _PRIOR_IMAGES * sum(image.num_bytes for image in guesses) / max(len(guesses), 1)
        self._found = self._guessed

    def quality(self, batch: Sequence[Candidate]) -> float:
        """The quality of these images, on the grid of `search_quality`."""
        later = self._later({candidate.key for candidate in batch})
        if not later.num_pixels:
            return self._closing(batch)
        looked_at = self._looked_at(batch)
        pixels = later.num_pixels + sum(image.num_pixels for image in looked_at)
        at_base = later.num_bytes + sum(image.num_bytes for image in looked_at)
        return self._near_centre(pixels, at_base)

    def excess(self, batch: Sequence[Candidate], num_bytes: Sequence[int]) -> float:
        """Of the whole unit when it ends with this batch; 0 before."""
        if self._later({candidate.key for candidate in batch}).num_pixels:
            return 0.0
        return self._account(batch, num_bytes)

    def coded(self, key: str, *, num_pixels: int, num_bytes: int, quality: float) -> None:
        """Count what was written, and learn how it compares with what was expected."""
        expected = self._left.pop(key)
        at_base = self._at_base(num_bytes, quality)
        self._pixels += num_pixels
        self._bytes += num_bytes
        self._bytes_at_base += at_base
        if not expected.seen and expected.num_pixels:
            self._guessed += expected.num_bytes / expected.num_pixels * num_pixels
            self._found += at_base

    def not_coded(self, key: str) -> None:
        """Expect nothing of it any more."""
        self._left.pop(key)

    def _later(self, mine: set[str]) -> Expected:
        """All images after this batch; guesses are corrected by how earlier ones came out."""
        learnt = self._found / self._guessed if self._guessed else 1.0
        images = [image for key, image in self._left.items() if key not in mine]
        return Expected(
            num_pixels=sum(image.num_pixels for image in images),
            num_bytes=sum(image.num_bytes * (1.0 if image.seen else learnt) for image in images),
            seen=False,
        )

    def _looked_at(self, batch: Sequence[Candidate]) -> list[Expected]:
        """The images at hand: no guess is needed."""
        guessed = [one for one in batch if not self._was_seen(one)]
        sizes = estimated_bytes(guessed, self._base)
        found = {
            one.key: Expected(num_pixels=one.num_pixels, num_bytes=size, seen=True)
            for one, size in zip(guessed, sizes, strict=True)
        }
        return [found.get(one.key) or self._left[one.key] for one in batch]

    def _was_seen(self, candidate: Candidate) -> bool:
        expected = self._left[candidate.key]
        return expected.seen and expected.num_pixels > 0

    def _at_base(self, num_bytes: int, quality: float) -> float:
        return num_bytes * math.exp(self._slope * (self._base - quality))

    def _centre(self, pixels: float, at_base: float) -> float:
        """The base, as it would be chosen with all that is known by now."""
        return self._level(self._bytes_per_pixel * (self._pixels + pixels), self._bytes_at_base + at_base)

    def _near_centre(self, pixels: float, at_base: float) -> float:
        """For the images that are left: the quality nearest to the centre that still meets the target."""
        centre = quality = self._centre(pixels, at_base)
        whole = self._bytes_per_pixel * (self._pixels + pixels)
        for most, tolerance in ((GENTLE, TOLERANCE), (FIRM, _ENOUGH)):
            low = self._level(whole * (1 - tolerance) - self._bytes, at_base)
            high = self._level(whole * (1 + tolerance) - self._bytes, at_base)
            quality = _clamp(_clamp(quality, low, high), centre - most, centre + most)
        return on_grid(quality)

    def _level(self, num_bytes: float, at_base: float) -> float:
        """The quality at which images that take `at_base` at the base take so many bytes."""
        if num_bytes <= 0 or at_base <= 0:
            return LOWEST
        return self._base + math.log(num_bytes / at_base) / self._slope

    def _closing(self, batch: Sequence[Candidate]) -> float:
        """Nothing follows: look for the quality at which these images, as estimated, close the account."""
        at_base = sum(image.num_bytes for image in self._looked_at(batch))
        pixels = sum(candidate.num_pixels for candidate in batch)
        centre = self._centre(pixels, at_base)
        gentle = self._pixels > 0  # a unit that is one batch has nothing to stay near to
        looks = search_quality(
            lambda quality: self._account(batch, estimated_bytes(batch, quality)),
            first=self._near_centre(pixels, at_base),
            slope=self._slope,
            tolerance=TOLERANCE,
            most=_MOST_LOOKS,
            low=on_grid(centre - FIRM) if gentle else LOWEST,
            high=on_grid(centre + FIRM) if gentle else HIGHEST,
        )
        return nearest(looks).quality

    def _account(self, batch: Sequence[Candidate], num_bytes: Sequence[int]) -> float:
        """Logarithm of the unit's bytes over the target's, if this batch takes so many and ends it."""
        whole, pixels = self._bytes, self._pixels
        for candidate, size in zip(batch, num_bytes, strict=True):
            if size < candidate.room:
                whole += size
                pixels += candidate.num_pixels
        return math.log(whole / (self._bytes_per_pixel * pixels)) if pixels else math.inf


def _clamp(quality: float, low: float, high: float) -> float:
    return min(max(quality, low), high)
