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

from codec.adaptation.curves import NoGainError, log_rate_change
from codec.adaptation.measured import MeasuredImage, MeasuredWeights

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
    """Mean over images, of bits at equal quality; negative is smaller. NaN when nothing was compared."""
    bound_percent: float
    """The change that is not exceeded, at `CONFIDENCE`."""


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


def verdict_on(
    before: MeasuredWeights, after: MeasuredWeights, *, weights_bytes: int, expected_bytes: int | None = None
) -> Verdict:
    """Hold two measurements of the same images against each other.

    Args:
        weights_bytes: what the adapted weights would add to the archive.
        expected_bytes: payload bytes that the archive is going to hold with the weights before, where that can be told.
    """
    changes = {
        place: change
        for place, images in enumerate(zip(before.images, after.images, strict=True))
        if (change := _change(*images, BAND_EDGES[0], BAND_EDGES[-1])) is not None
    }
    whole = _gain(list(changes.values()), BAND_EDGES[0], BAND_EDGES[-1])
    bands = tuple(
        _gain([_change(a, b, low, high) for a, b in zip(before.images, after.images, strict=True)], low, high)
        for low, high in pairwise(BAND_EDGES)
    )
    worst = max(changes, key=changes.__getitem__, default=None)
    worst_percent = math.nan if worst is None else _percent(changes[worst])
    pays_back = math.ceil(weights_bytes / (-whole.percent / 100.0)) if whole.percent < 0.0 else None
    reason = _against(len(changes), whole, bands, worst_percent) or _cost(pays_back, expected_bytes)
    return Verdict(
        accepted=not reason,
        reason=reason
        or f"{len(changes)} images held back take {-whole.percent:.1f} % fewer bits at equal quality",
        images=len(changes),
        percent=whole.percent,
        bound_percent=whole.bound_percent,
        bands=bands,
        worst_percent=worst_percent,
        worst_image=worst,
        weights_bytes=weights_bytes,
        pays_back_after_bytes=pays_back,
    )


def _against(images: int, whole: BandGain, bands: Sequence[BandGain], worst_percent: float) -> str:
    """What speaks against the weights, whatever they cost; empty when nothing does."""
    if images < LEAST_IMAGES:
        return f"expected at least {LEAST_IMAGES} images held back that can be compared, got {images}"
    if not whole.bound_percent <= -LEAST_GAIN:
        return (
            f"a gain of {LEAST_GAIN:g} % is not proved: the change is {whole.percent:+.1f} %, and for certain only "
            f"{whole.bound_percent:+.1f} % or better"
        )
    for band in bands:
        if not band.bound_percent <= MOST_LOSS_OF_A_BAND:
            return (
                f"qualities {band.from_quality:g} to {band.to_quality:g} may lose: the change there is "
                f"{band.percent:+.1f} %, and for certain only {band.bound_percent:+.1f} % or better"
            )
    if worst_percent > MOST_LOSS_OF_AN_IMAGE:
        return f"an image held back would take {worst_percent:.1f} % more bits"
    return ""


def _cost(pays_back: int | None, expected_bytes: int | None) -> str:
    if expected_bytes is not None and (pays_back is None or pays_back > expected_bytes):
        return f"the weights cost what {pays_back:,} bytes of payloads would save, and {expected_bytes:,} are expected"
    return ""


def _change(before: MeasuredImage, after: MeasuredImage, low: float, high: float) -> float | None:
    """Of one image between two qualities; None where its curves cannot be compared."""
    scores = {point.quality: point.psnr_db for point in before.points}
    curves = [[(float(point.num_bytes), point.psnr_db) for point in one.points] for one in (before, after)]
    try:
        return log_rate_change(*curves, low_db=scores[low], high_db=scores[high])
    except NoGainError:
        return None


def _gain(changes: Sequence[float | None], low: float, high: float) -> BandGain:
    """Mean and upper end of the confidence interval, of those that are known."""
    measured = [change for change in changes if change is not None]
    mean = statistics.fmean(measured) if measured else math.nan
    error = statistics.stdev(measured) / math.sqrt(len(measured)) if len(measured) > 1 else math.nan
    bound = mean + _student(len(measured) - 1) * error if len(measured) > 1 else math.nan
    return BandGain(from_quality=low, to_quality=high, percent=_percent(mean), bound_percent=_percent(bound))


def _student(freedom: int) -> float:
    """Student's t at `CONFIDENCE`, by Cornish and Fisher's expansion: within 2 % from 4 degrees of freedom on."""
    z = statistics.NormalDist().inv_cdf(CONFIDENCE)
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    return z + first / freedom + second / freedom**2


def _percent(log_change: float) -> float:
    return 100.0 * math.expm1(log_change)
