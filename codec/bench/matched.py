"""Another codec at our rate and at our quality, for one image: between its measured points, never beyond them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from codec.bench.measure import Sample
from codec.bench.rising_points import rising_points
from codec.metrics import bpp

Outside = Literal["below", "above"]
"""Ours lies below, or above, everything that the other was measured at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What another codec makes of an image that ours has coded."""

    psnr_db_at_our_bpp: float | Outside
    bytes_at_our_psnr: float | Outside


def match(curve: Sequence[Sample], *, our_bpp: float, our_psnr_db: float) -> Match | None:
    """Where a codec's curve over one image passes our rate and our quality; None where it holds no curve.

    PSNR is interpolated over the logarithm of the rate, linearly between neighbours: over one image the two are
    nearly proportional, and a straight line overshoots nowhere.

    Args:
        curve: one image at several qualities; points of infinite PSNR are left out.
    """
    points = rising_points(
        (bpp(sample.num_bytes, sample.width, sample.height), sample.psnr_db)
        for sample in curve
        if math.isfinite(sample.psnr_db)
    )
    if len(points) < 2 or not math.isfinite(our_psnr_db):
        return None
    rates, scores = np.array(points).T
    log_rates = np.log(rates)
    rate = _between(math.log(our_bpp), log_rates, scores)
    score = _between(our_psnr_db, scores, log_rates)
    num_pixels = curve[0].width * curve[0].height
    return Match(
        psnr_db_at_our_bpp=rate,
        bytes_at_our_psnr=score if isinstance(score, str) else math.exp(score) * num_pixels / 8,
    )


def _between(at: float, xs: np.ndarray, ys: np.ndarray) -> float | Outside:
    if at < xs[0]:
        return "below"
    if at > xs[-1]:
        return "above"
    return float(np.interp(at, xs, ys))
