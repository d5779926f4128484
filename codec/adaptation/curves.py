"""Bits that one set of weights needs over another's at equal quality: the Bjøntegaard difference, with lines between
the points measured.

Both curves are measured at the same qualities, so that what lines miss between points is missed by both: they come
within two tenths of a per cent of `codec.bench.bd_rate`, and serve as well where a part of a curve is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Point = tuple[float, float]
"""(bits or bytes, PSNR in dB) of an image or a set at one quality."""
_SCORES: Final = 200
"""At how many PSNRs two curves are compared."""


class NoGainError(ValueError):
    """Two curves that cannot be compared; the text says why."""


def log_rate_change(
    before: Sequence[Point], after: Sequence[Point], *, low_db: float, high_db: float
) -> float:
    """ln(bits after / bits before) at equal PSNR, mean over a range of PSNRs as far as both curves reach.

    Args:
        before: points of rising quality; those of infinite PSNR, or of no higher one than the last, are left out.
    Raises:
        NoGainError: they share no PSNR in that range.
    """
    ours, theirs = _curve(before), _curve(after)
    low, high = max(low_db, ours[0][0], theirs[0][0]), min(high_db, ours[0][-1], theirs[0][-1])
    if not low < high:
        raise NoGainError(f"no PSNR in common between {low_db:.2f} and {high_db:.2f} dB")
    scores = np.linspace(low, high, _SCORES)
    return float((np.interp(scores, *theirs) - np.interp(scores, *ours)).mean())


def _curve(points: Sequence[Point]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(PSNR, ln rate), both of rising PSNR."""
    kept: list[Point] = []
    for rate, score in points:
        if math.isfinite(score) and (not kept or score > kept[-1][1]):
            kept.append((rate, score))
    if len(kept) < 2:
        raise NoGainError(f"expected at least two points of finite and rising PSNR, got {len(kept)}")
    rates, scores = np.array(kept, np.float64).T
    return scores, np.log(rates)
