"""Whether adapted weights are to be used: only what real bytes of held-back images prove is accepted.

An image's gain is its change of bits at equal quality, in per cent; negative is smaller. The images held back are a
sample: what is accepted is not their mean but the upper end of what it tells about all images of their kind.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from codec.adaptation.curves import log_rate_change
from codec.adaptation.measured import Measured

LEAST_IMAGES: Final = 5
"""Held back and comparable: fewer prove nothing."""
CONFIDENCE: Final = 0.975
"""That the gain over all images is at least what is claimed: one-sided, by Student's t over images."""
LEAST_GAIN: Final = 1.0
"""Per cent, at that confidence: less is not worth a second set of weights."""
MOST_LOSS_OF_A_BAND: Final = 0.2
"""Per cent, of the mean of any band of quality: whoever encodes at one quality sees only its band."""
MOST_LOSS_OF_AN_IMAGE: Final = 3.0
"""Per cent, of any image held back: a sample of a mixed archive has some of each kind in it."""
BAND_EDGES: Final = (4.0, 24.0, 44.0, 63.0)
"""Qualities between which bands lie: small files, the middle, fine ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandGain:
    """The change of bits over a band of quality."""

    from_quality: float
    to_quality: float
    percent: float
    """Mean over images, of bits at equal quality; negative is smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found, and what follows."""

    accepted: bool
    reason: str
    """Why or why not, one sentence."""
    images: int
    """Held-back images that could be compared."""
    percent: float
    """Mean change of bits at equal quality over all qualities; negative is smaller. NaN when nothing was compared."""
    bound_percent: float
    """The change that is not exceeded, at `CONFIDENCE`."""
    bands: tuple[BandGain, ...]
    worst_percent: float
    """The largest change of any image."""
    worst_image: int | None
    """Its place among the images measured."""
    weights_bytes: int
    """What the adapted weights add to the archive."""
    pays_back_after_bytes: int | None
    """Bytes of payloads with the weights before that save as much; None without a gain."""


def judge(
    before: Measured, after: Measured, *, weights_bytes: int, expected_bytes: int | None = None
) -> Verdict:
    """Hold two measurements of the same images against each other.

    Args:
        weights_bytes: what the adapted weights would add to the archive.
        expected_bytes: payload bytes that the archive is going to hold with the weights before, where that can be told.
    """
    whole = _changes(before, after, BAND_EDGES[0], BAND_EDGES[-1])
    bands = tuple(
        BandGain(
            from_quality=low, to_quality=high, percent=_percent(_mean(_changes(before, after, low, high)))
        )
        for low, high in pairwise(BAND_EDGES)
    )
    known = {place: change for place, change in enumerate(whole) if change is not None}
    worst = max(known, key=known.__getitem__, default=None)
    percent, bound = _percent(_mean(whole)), _percent(_upper(list(known.values())))
    pays_back = math.ceil(weights_bytes / (-percent / 100.0)) if percent < 0.0 else None
    worst_percent = math.nan if worst is None else _percent(known[worst])
    reason = _against(len(known), bound, bands, worst_percent) or _cost(pays_back, expected_bytes)
    return Verdict(
        accepted=not reason,
        reason=reason or f"{len(known)} images held back take {-percent:.1f} % fewer bits at equal quality",
        images=len(known),
        percent=percent,
        bound_percent=bound,
        bands=bands,
        worst_percent=worst_percent,
        worst_image=worst,
        weights_bytes=weights_bytes,
        pays_back_after_bytes=pays_back,
    )


def _against(images: int, bound: float, bands: Sequence[BandGain], worst: float) -> str:
    """What speaks against the weights, whatever they cost; empty when nothing does."""
    if images < LEAST_IMAGES:
        return f"expected at least {LEAST_IMAGES} images held back that can be compared, got {images}"
    if not bound <= -LEAST_GAIN:
        return f"a gain of {LEAST_GAIN:g} % is not proved: all that is sure is a change of {bound:+.1f} % or better"
    for band in bands:
        if not band.percent <= MOST_LOSS_OF_A_BAND:
            return f"qualities {band.from_quality:g} to {band.to_quality:g} would take {band.percent:+.1f} % bits"
    if worst > MOST_LOSS_OF_AN_IMAGE:
        return f"an image held back would take {worst:+.1f} % bits"
    return ""


def _cost(pays_back: int | None, expected_bytes: int | None) -> str:
    if expected_bytes is not None and (pays_back is None or pays_back > expected_bytes):
        return f"the weights cost what {pays_back:,} bytes of payloads would save, and {expected_bytes:,} are expected"
    return ""


def _changes(before: Measured, after: Measured, low: float, high: float) -> list[float | None]:
    return [
        log_rate_change(a, b, from_quality=low, to_quality=high)
        for a, b in zip(before.images, after.images, strict=True)
    ]


def _mean(changes: Sequence[float | None]) -> float:
    known = [change for change in changes if change is not None]
    return statistics.fmean(known) if known else math.nan


def _upper(changes: Sequence[float]) -> float:
    """The upper end of the mean's confidence interval, one-sided."""
    if len(changes) < 2:
        return math.nan
    error = statistics.stdev(changes) / math.sqrt(len(changes))
    return statistics.fmean(changes) + _student(len(changes) - 1) * error


def _student(freedom: int) -> float:
    """Student's t at `CONFIDENCE`, by Cornish and Fisher's expansion: within 2 % from 4 degrees of freedom on."""
    z = statistics.NormalDist().inv_cdf(CONFIDENCE)
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    return z + first / freedom + second / freedom**2


def _percent(log_change: float) -> float:
    return 100.0 * math.expm1(log_change)
