"""Blockiness: does the picture step at the edges of blocks more than beside them?

After Wu and Yuen's GBIM: the steps between neighbouring pixels at every edge of a grid are held against the steps
around it. Theirs are squared and weighted by a model of masking; here they are absolute values of luma, each way
alike, against the three steps on either side. Blocks are of 8 pixels (JPEG, and the smallest of many) or of 16
(macroblocks, and latents at 1/16); the worse of the two counts.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from codec.bench.judges.judge import Judge, never_missing, refuse_small
from codec.bench.judges.luma import bands, both_ways
from codec.contract import RGB

_BLOCKS: Final = (8, 16)
_NEIGHBOURS: Final = np.array([-3, -2, -1, 1, 2, 3])
_SMALLEST: Final = 2 * max(_BLOCKS) + int(_NEIGHBOURS.max()) + 1
_LINES: Final = 256
_FLAT: Final = 0.05
"""Of a grey level: a picture without steps is no blockier than another without."""


def blockiness(original: RGB, decoded: RGB) -> float:
    """How much more it steps at block edges than beside them, over the same of the original: 1 adds no blocks.

    Raises:
        NoScoreError: it is too small for two blocks of 16 each way.
    """
    refuse_small(original, _SMALLEST)
    return max(_at_edges(decoded, block) / _at_edges(original, block) for block in _BLOCKS)


def _at_edges(pixels: RGB, block: int) -> float:
    """Mean step at the edges of blocks over the mean step beside them, rows and columns alike."""
    ratios = []
    for turned in both_ways(pixels):
        steps = sum(np.abs(np.diff(band, axis=1)).sum(axis=0) for band in bands(turned, _LINES))
        steps = np.asarray(steps) / turned.shape[0]
        edges = np.arange(block - 1, len(steps) - int(_NEIGHBOURS.max()), block)
        neighbours = steps[edges[:, None] + _NEIGHBOURS]
        ratios.append((steps[edges].mean() + _FLAT) / (neighbours.mean() + _FLAT))
    return float(np.mean(ratios))


BLOCKINESS: Final = Judge(
    name="blockiness",
    better="lower",
    source="after Wu, Yuen 1997, A generalized block-edge impairment metric for video coding",
    blind_to="It sees blocks of 8 and 16 from the upper left corner alone; 1 says nothing of blur or ringing.",
    missing=never_missing,
    of_pair=blockiness,
)
