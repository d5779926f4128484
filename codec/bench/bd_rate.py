"""BD-rate (Bjøntegaard): how many more or fewer bits one codec needs than another at equal quality, on average.

Log rate is interpolated over quality by PCHIP (monotone cubic Hermite: no overshoot between points), both
interpolants are integrated over the qualities that both curves reach, and the mean difference is turned into
per cent. Source: Bjøntegaard, VCEG-M33, 2001; PCHIP as in VCEG-AI11.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from codec.bench.rising_points import rising_points

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator

MIN_POINTS: Final = 4
"""Of each curve, after the envelope: fewer do not hold a curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BdRate:
    """Our curve against another. Negative: ours needs fewer bits."""

    percent: float
    low_db: float
    high_db: float
    """The qualities compared."""
    low_bpp: float
    high_bpp: float
    """Our rates there."""
    dropped_ours: int
    dropped_other: int
    """Points left out by the monotone envelope: more bits for no more quality."""


class NoBdRateError(ValueError):
    """Two curves that cannot be compared; the text says why."""


class RateCurve:
    """Rate over quality: the monotone envelope of measured points, at least four of them."""

    def __init__(self, points: Iterable[tuple[float, float]]) -> None:
        """
        Args:
            points: (bpp, quality in dB), in any order; points of infinite quality are left out.
        Raises:
            NoBdRateError: fewer than four remain.
        """
        from scipy.interpolate import PchipInterpolator  # a second

        finite = [(rate, score) for rate, score in points if rate > 0 and math.isfinite(score)]
        kept = rising_points(finite)
        if len(kept) < MIN_POINTS:
            raise NoBdRateError(f"expected at least {MIN_POINTS} points, got {len(kept)}")
        self.dropped = len(finite) - len(kept)
        rates, scores = np.array(kept, dtype=np.float64).T
        self.low_db, self.high_db = float(scores[0]), float(scores[-1])
        self.low_bpp, self.high_bpp = float(rates[0]), float(rates[-1])
        self._log_rate: PchipInterpolator = PchipInterpolator(scores, np.log(rates))

    def bpp_at(self, score_db: float) -> float:
        """The rate that reaches a quality within the curve."""
        return float(np.exp(self._log_rate(score_db)))

    def score_at(self, bpp: float) -> float:
        """The quality that a rate reaches, in dB; at the nearer end when the curve does not go there."""
        if bpp <= self.low_bpp:
            return self.low_db
        if bpp >= self.high_bpp:
            return self.high_db
        roots: npt.NDArray[np.float64] = self._log_rate.solve(math.log(bpp), extrapolate=False)
        return float(roots[0])

    def mean_log_rate(self, low_db: float, high_db: float) -> float:
        """The mean of ln(bpp) over a range of qualities within the curve."""
        return float(self._log_rate.integrate(low_db, high_db)) / (high_db - low_db)


def bd_rate(ours: RateCurve, other: RateCurve, *, between_bpp: tuple[float, float] | None = None) -> BdRate:
    """Our bits against another codec's at equal quality, over the qualities both reach.

    Args:
        between_bpp: only qualities that our codec reaches at these rates.
    Raises:
        NoBdRateError: the curves share no quality, or none at those rates.
    """
    low, high = max(ours.low_db, other.low_db), min(ours.high_db, other.high_db)
    if between_bpp is not None:
        low, high = max(low, ours.score_at(between_bpp[0])), min(high, ours.score_at(between_bpp[1]))
    if low >= high:
        raise NoBdRateError(
            f"no quality in common: ours {ours.low_db:.2f} to {ours.high_db:.2f} dB, "
            f"the other {other.low_db:.2f} to {other.high_db:.2f} dB"
            + (f", at our {between_bpp[0]:g} to {between_bpp[1]:g} bpp" if between_bpp else "")
        )
    difference = ours.mean_log_rate(low, high) - other.mean_log_rate(low, high)
    return BdRate(
        percent=100.0 * math.expm1(difference),
        low_db=low,
        high_db=high,
        low_bpp=ours.bpp_at(low),
        high_bpp=ours.bpp_at(high),
        dropped_ours=ours.dropped,
        dropped_other=other.dropped,
    )
