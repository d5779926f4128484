"""The quality at which a growing measure reaches what is asked: bytes against a target, decibels against a floor.

Each look costs an encode, so the next place to look is drawn through what was seen, not halved blindly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from codec.contract import QUALITIES, SIXTEENTHS

LOWEST: Final = float(QUALITIES.start)
HIGHEST: Final = float(QUALITIES.stop - 1)
STEP: Final = 1 / SIXTEENTHS
"""Qualities are looked for on this grid: 0.3 % of the bytes."""
USUAL_SLOPE: Final = 0.045
"""Growth of the bytes' logarithm with one level, on most images."""
_LONGEST_STEP: Final = 16.0
_EVEN_TURN: Final = 3
"""After so many looks inside a bracket every other one halves it, so that no shape of curve stalls."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Trial:
    """One quality tried, and how far it is above (+) or below (-) what is asked."""

    quality: float
    excess: float


def search_quality(
    excess: Callable[[float], float],
    *,
    first: float,
    slope: float,
    tolerance: float,
    most: int,
    low: float = LOWEST,
    high: float = HIGHEST,
) -> list[Trial]:
    """Look for the quality where `excess`, which grows with quality, is zero.

    Args:
        excess: of a quality; may be infinite.
        first: where to look first.
        slope: about how much `excess` grows with one level.
        tolerance: the search ends at an excess this near to zero, when its bracket is one `STEP`, or at an end
            of the range that is still on the wrong side.
        most: looks at most; the last goes to the end of the range when zero lies beyond all others.
        low, high: the range.
    Returns:
        The looks, in their order; at least one.
    """
    looks: list[Trial] = []
    quality: float | None = on_grid(first, low=low, high=high)
    while quality is not None and len(looks) < most:
        look = Trial(quality=quality, excess=excess(quality))
        looks.append(look)
        if abs(look.excess) <= tolerance:
            break
        quality = _next(looks, slope=slope, last=len(looks) == most - 1, low=low, high=high)
    return looks


def nearest(looks: list[Trial]) -> Trial:
    """The look nearest to zero; of two alike the lower quality."""
    return min(looks, key=lambda look: (abs(look.excess), look.quality))


def on_grid(quality: float, *, low: float = LOWEST, high: float = HIGHEST) -> float:
    """The nearest quality of the grid inside the range."""
    return min(max(round(quality / STEP) * STEP, low), high)


def _next(looks: list[Trial], *, slope: float, last: bool, low: float, high: float) -> float | None:
    below = max((look for look in looks if look.excess < 0), default=None)
    above = min((look for look in looks if look.excess > 0), default=None)
    if below is None or above is None:
        return _outwards(looks, slope=slope, last=last, low=low, high=high)
    if above.quality - below.quality <= STEP:
        return None
    share = -below.excess / (above.excess - below.excess)  # 0 when the upper end is infinite
    if math.isinf(above.excess) or (len(looks) > _EVEN_TURN and len(looks) % 2):
        share = 0.5
    quality = below.quality + share * (above.quality - below.quality)
    return on_grid(quality, low=below.quality + STEP, high=above.quality - STEP)


def _outwards(looks: list[Trial], *, slope: float, last: bool, low: float, high: float) -> float | None:
    """All looks are on one side: go on towards zero, by the steepness seen so far."""
    edge = max(looks) if looks[0].excess < 0 else min(looks)
    end = high if edge.excess < 0 else low
    if edge.quality == end:
        return None
    if last or math.isinf(edge.excess):
        return end if last else on_grid((edge.quality + end) / 2, low=low, high=high)
    shortest = STEP
    if len(looks) > 1:
        gone = looks[-1].quality - looks[-2].quality
        seen = (looks[-1].excess - looks[-2].excess) / gone
        slope = max(seen, slope / 4) if math.isfinite(seen) else slope
        if len(looks) > 2:  # two steps fell short: the curve is not what it seemed
            shortest = 2 * abs(gone)
    step = min(max(abs(edge.excess) / slope, shortest), _LONGEST_STEP)
    return on_grid(edge.quality + math.copysign(step, -edge.excess), low=low, high=high)
