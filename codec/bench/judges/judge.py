"""What a judge of pictures is, whatever it looks at."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from codec.contract import RGB
from codec.errors import CodecError

MOST_PIXELS: Final = 4_000_000
"""Judges that hold some 500 bytes a pixel look at the middle of larger pictures: all of one would take over 2 GB."""


class NoScoreError(CodecError):
    """A judge has no score for these pictures: they are too small for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """One measure of what was lost between originals and what was decoded."""

    name: str
    better: Literal["lower", "higher"]
    source: str
    """The paper that it follows."""
    blind_to: str
    """What it does not see, or sees wrongly: a sentence for whoever reads its number."""
    missing: Callable[[], str | None]
    """Why it cannot be had here, and what to install; None if it can."""
    of_pair: Callable[[RGB, RGB], float] | None = None
    """Original and decoded, of one shape, to a score. Raises `NoScoreError`."""
    of_set: Callable[[Sequence[RGB], Sequence[RGB]], float] | None = None
    """Originals and what was decoded of them, to one score of them all. Raises `NoScoreError`."""
    library: str | None = None
    """Whose code it is, as `codec.bench.libraries` knows it; None: ours."""
    floor: Callable[[Sequence[RGB]], float] | None = None
    """Of originals alone: what a judge of sets says of two halves of them, where nothing was lost."""

    def __post_init__(self) -> None:
        """Refuse a judge of nothing."""
        assert (self.of_pair is None) != (self.of_set is None), self.name


def never_missing() -> None:
    """Of judges that need pixels alone."""


def refuse_small(pixels: RGB, shortest: int) -> None:
    """Raise `NoScoreError` where the short side is under that many pixels."""
    if min(pixels.shape[:2]) < shortest:
        height, width = pixels.shape[:2]
        raise NoScoreError(f"expected at least {shortest} pixels each way, got {width} x {height}")


def middle(pixels: RGB, most: int = MOST_PIXELS) -> RGB:
    """The picture, or of a larger one its middle, of the same shape and about that many pixels."""
    height, width = pixels.shape[:2]
    if height * width <= most:
        return pixels
    part = math.sqrt(most / (height * width))
    tall, wide = (min(max(round(side * part), 1), side) for side in (height, width))
    top, left = (height - tall) // 2, (width - wide) // 2
    return pixels[top : top + tall, left : left + wide]
