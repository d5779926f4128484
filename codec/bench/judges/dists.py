"""DISTS: `codec/perception/dists.py`."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from codec.bench.judges.judge import Judge, refuse_small
from codec.contract import RGB
from codec.perception.packaged import DISTS_CHANNELS, LPIPS_VGG16

_SHORT_SIDE: Final = 256
_SHORTEST_SIDE: Final = 16


def dists(original: RGB, decoded: RGB) -> float:
    """The distance of both pictures at a short side of 256 pixels, to which its authors' own command shrinks.

    Raises:
        WeightsError: a package with its weights is not here.
        NoScoreError: the picture is too small for the network.
    """
    from codec.bench.judges.judging import judging
    from codec.colour import pixels_to_rgb
    from codec.perception.dists import load_dists

    refuse_small(original, _SHORTEST_SIDE)
    with judging():
        return float(load_dists()(pixels_to_rgb(_shrunken(original)), pixels_to_rgb(_shrunken(decoded))))


def _shrunken(pixels: RGB) -> RGB:
    height, width = pixels.shape[:2]
    short = min(height, width)
    if short <= _SHORT_SIDE:
        return pixels
    size = (_SHORT_SIDE * width // short, _SHORT_SIDE * height // short)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _missing() -> str | None:
    return DISTS_CHANNELS.missing() or LPIPS_VGG16.missing()


DISTS: Final = Judge(
    name="DISTS",
    better="lower",
    source="Ding, Ma, Wang, Simoncelli 2020, Image quality assessment: unifying structure and texture similarity",
    blind_to="It forgives texture that is resampled, which is what it is for; shrunken to 256 pixels, it does not see "
    "the finest detail of large pictures.",
    missing=_missing,
    of_pair=dists,
)
