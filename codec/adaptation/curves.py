"""Bits that one set of weights needs over another's at equal quality: the Bjøntegaard difference with lines between
the measured points.

Both curves are measured at the same qualities, so that what lines miss between points is missed by both.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from codec.adaptation.measured import MeasuredImage

_GRID = 200
"""Qualities at which two curves are compared."""


def log_rate_change(
    before: MeasuredImage, after: MeasuredImage, *, from_quality: float, to_quality: float
) -> float | None:
    """ln(bits after / bits before) at equal PSNR, mean over the PSNRs that `before` reaches between two qualities.

    None where the curves share no PSNR there: an image that comes back identical, or of a single colour.
    """
    low, high = _psnr_at(before, from_quality), _psnr_at(before, to_quality)
    a, b = _curve(before), _curve(after)
    if a is None or b is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    low, high = max(low, a[0][0], b[0][0]), min(high, a[0][-1], b[0][-1])
    if high - low <= 0.0:
        return None
    grid = np.linspace(low, high, _GRID)
    return float((np.interp(grid, *b) - np.interp(grid, *a)).mean())


def _psnr_at(image: MeasuredImage, quality: float) -> float:
    qualities = [point.quality for point in image.points]
    return float(np.interp(quality, qualities, [point.psnr_db for point in image.points]))


def _curve(image: MeasuredImage) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """(PSNR, ln bytes), both rising; None with fewer than two points."""
    kept: list[tuple[float, float]] = []
    for point in image.points:
        if math.isfinite(point.psnr_db) and (not kept or point.psnr_db > kept[-1][0]):
            kept.append((point.psnr_db, math.log(point.num_bytes)))
    if len(kept) < 2:
        return None
    scores, rates = np.array(kept).T
    return scores, rates
