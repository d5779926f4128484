"""Noise for networks whose pictures are one of many: the same at a position whatever part of an image is shown.

Shape legend: n_1Nhw noise at latent positions of one image.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

_STEP: Final = 32
"""Values that one step of the generator's counter gives: four words, a byte a value."""
_SEED_BITS: Final = 32
"""Of a checksum; the number of a sample stands above them."""


def noise_at(rows: slice, columns: slice, *, values: int, seed: int, sample: int = 0) -> Tensor:
    """(1, values, h, w) in [-1, 1], uniform, of some rows and columns of latent positions.

    Args:
        rows: start and stop in the image.
        columns: the same.
        values: how many each position has.
        seed: of the image; the checksum of its symbols, so that a payload looks the same every time.
        sample: a number for each of several pictures of one payload.
    """
    steps = -(-values // _STEP)
    across, key = columns.stop - columns.start, seed + (sample << _SEED_BITS)
    drawn_hwN = np.empty((rows.stop - rows.start, across, values), np.float32)
    for number, row in enumerate(range(rows.start, rows.stop)):
        counter = np.array([columns.start * steps, row, 0, 0], np.uint64)
        words = np.random.Philox(key=key, counter=counter).random_raw(across * steps * _STEP // 8)
        drawn = words.astype("<u8", copy=False).view(np.uint8).reshape(across, steps * _STEP)
        drawn_hwN[number] = drawn[:, :values]
    drawn_hwN -= 127.5
    drawn_hwN /= 127.5
    return torch.from_numpy(drawn_hwN).permute(2, 0, 1)[None]
