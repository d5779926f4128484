"""Quality floors: what an image must reach, how far it is from it, and the search for the quality that does.

MS-SSIM is compared in decibels, -10 log10(1 - MS-SSIM), in which it grows about as evenly with quality as PSNR.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from codec.metrics import MS_SSIM_MIN_SIDE
from pipeline.config import CodecConfig
from pipeline.encode.quality_search import search_quality
from pipeline.encode.types import Coded, Measures

_MOST_ROUNDS: Final = 6
"""Encodes and decodes of one image, after the first that missed."""
_SLOPE_DB: Final = 0.25
"""About how much one level of quality gains."""
_SLACK_DB: Final = 0.1
"""An image this little above its floor is not pressed further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floors:
    """What every coded image must reach; None asks for nothing."""

    min_psnr_db: float | None = None
    min_ms_ssim: float | None = None

    @classmethod
    def of(cls, config: CodecConfig) -> Self:
        """The floors that a run is told."""
        return cls(min_psnr_db=config.min_psnr_db or None, min_ms_ssim=config.min_ms_ssim)

    @property
    def any(self) -> bool:
        """Whether something is asked for."""
        return self.min_psnr_db is not None or self.min_ms_ssim is not None

    def margin_db(self, measures: Measures) -> float | None:
        """By how much the floors are met, negative when one is missed; None when none applies to this image."""
        margins = []
        if self.min_psnr_db is not None:
            margins.append(measures.psnr_db - self.min_psnr_db)
        if self.min_ms_ssim is not None and measures.ms_ssim is not None:
            margins.append(_in_db(measures.ms_ssim) - _in_db(self.min_ms_ssim))
        return min(margins, default=None)

    def raised(self, coded: Coded, again: Callable[[float], Coded]) -> Coded | str:
        """The image at the lowest quality found that meets the floors, at least the one it has.

        Args:
            again: codes the image at another quality, and decodes it.
        Returns:
            The image, or why it must be kept: the floor, and what the best quality reached.
        """
        if not self.any:
            return coded
        if (margin := self.margin_db(coded.measures)) is None:
            return (
                f"no MS-SSIM to hold against the floor of {self.min_ms_ssim:g}: the short side is under "
                f"{MS_SSIM_MIN_SIDE} pixels; --min-psnr works at every size"
            )
        return coded if margin >= 0 else self._searched(coded, margin, again)

    def _searched(self, missed: Coded, margin: float, again: Callable[[float], Coded]) -> Coded | str:
        tried: dict[float, Coded] = {missed.quality: missed}

        def excess(quality: float) -> float:
            if quality not in tried:
                tried[quality] = again(quality)
            return (self.margin_db(tried[quality].measures) or 0.0) - _SLACK_DB / 2

        search_quality(
            excess,
            first=missed.quality,
            slope=_SLOPE_DB,
            tolerance=_SLACK_DB / 2,
            most=_MOST_ROUNDS + 1,
            low=missed.quality,
        )
        met = [coded for coded in tried.values() if (self.margin_db(coded.measures) or 0.0) >= 0]
        if met:
            return min(met, key=lambda coded: coded.quality)
        best = max(tried.values(), key=lambda coded: coded.quality)
        return " and ".join(self._missed(best.measures, best.quality))

    def _missed(self, measures: Measures, quality: float) -> Iterator[str]:
        """Each floor that is missed, in words; what was reached in parentheses, where reports leave it out."""
        if self.min_psnr_db is not None and measures.psnr_db < self.min_psnr_db:
            reached = f"{measures.psnr_db:.2f} dB at quality {quality:g}"
            yield f"under the PSNR floor of {self.min_psnr_db:g} dB ({reached})"
        score = measures.ms_ssim
        if self.min_ms_ssim is not None and score is not None and score < self.min_ms_ssim:
            yield f"under the MS-SSIM floor of {self.min_ms_ssim:g} ({score:.4f} at quality {quality:g})"


def _in_db(score: float) -> float:
    return -10.0 * math.log10(max(1.0 - score, 1e-12))
