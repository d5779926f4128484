"""Our curve against every other: BD-rates by PSNR and by MS-SSIM, over all the overlap and over the main range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from codec.bench.bd_rate import BdRate, NoBdRateError, RateCurve, bd_rate

MAIN_RANGE_BPP: Final = (0.2, 1.5)
"""Of our codec: from thumbnails one can still use to photographs nobody tells from the original."""
Measure = Literal["psnr", "ms_ssim"]


class Point(Protocol):
    """What a measured and a published point have in common."""

    @property
    def bpp(self) -> float: ...

    @property
    def psnr_db(self) -> float: ...

    @property
    def ms_ssim(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NoBdRate:
    """Why there is no number."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BdRates:
    """Ours against one other codec by one measure."""

    overlap: BdRate | NoBdRate
    """Over all qualities that both reach."""
    main_range: BdRate | NoBdRate
    """Over those of them that ours reaches at 0.2 to 1.5 bpp."""


def compare_curves(ours: Sequence[Point], other: Sequence[Point], measure: Measure) -> BdRates:
    """BD-rates of two curves, MS-SSIM in dB; never raises: a missing number is a reason."""
    try:
        our_curve = RateCurve(_scores(ours, measure))
    except NoBdRateError as error:
        missing = NoBdRate(reason=f"our curve: {error}")
        return BdRates(overlap=missing, main_range=missing)
    try:
        other_curve = RateCurve(_scores(other, measure))
    except NoBdRateError as error:
        missing = NoBdRate(reason=f"its curve: {error}")
        return BdRates(overlap=missing, main_range=missing)
    return BdRates(
        overlap=_bd_rate(our_curve, other_curve, None),
        main_range=_bd_rate(our_curve, other_curve, MAIN_RANGE_BPP),
    )


def ms_ssim_db(score: float) -> float:
    """-10 log10(1 - MS-SSIM): infinite for identical images."""
    return math.inf if score >= 1.0 else -10.0 * math.log10(1.0 - score)


def _bd_rate(ours: RateCurve, other: RateCurve, between_bpp: tuple[float, float] | None) -> BdRate | NoBdRate:
    try:
        return bd_rate(ours, other, between_bpp=between_bpp)
    except NoBdRateError as error:
        return NoBdRate(reason=str(error))


def _scores(points: Sequence[Point], measure: Measure) -> list[tuple[float, float]]:
    if measure == "psnr":
        return [(point.bpp, point.psnr_db) for point in points]
    return [(point.bpp, ms_ssim_db(point.ms_ssim)) for point in points if point.ms_ssim is not None]
