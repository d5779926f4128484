"""SSIM and MS-SSIM: do the same structures lie in the same places?"""

from __future__ import annotations

from typing import Final

from codec.bench.judges.judge import Judge, never_missing, refuse_small
from codec.contract import RGB
from codec.metrics import MS_SSIM_MIN_SIDE, SSIM_MIN_SIDE, ms_ssim, ssim


def _ssim(original: RGB, decoded: RGB) -> float:
    refuse_small(original, SSIM_MIN_SIDE)
    score = ssim(original, decoded)
    assert score is not None
    return score


def _ms_ssim(original: RGB, decoded: RGB) -> float:
    refuse_small(original, MS_SSIM_MIN_SIDE)
    score = ms_ssim(original, decoded)
    assert score is not None
    return score


SSIM: Final = Judge(
    name="SSIM",
    better="higher",
    source="Wang, Bovik, Sheikh, Simoncelli 2004, Image quality assessment: from error visibility to structural "
    "similarity",
    blind_to="It forgives wrong colours and wrong contrast, and asks for noise to be the same noise.",
    missing=never_missing,
    of_pair=_ssim,
)
MS_SSIM: Final = Judge(
    name="MS-SSIM",
    better="higher",
    source="Wang, Simoncelli, Bovik 2003, Multi-scale structural similarity for image quality assessment",
    blind_to="As SSIM, at five scales; a picture without its finest texture loses little.",
    missing=never_missing,
    of_pair=_ms_ssim,
)
