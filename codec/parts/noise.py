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


def noise_at(rows: slice, columns: slice, *, values: int, seed: int) -> Tensor:
    """(1, values, h, w) in [-1, 1], uniform, of some rows and columns of latent positions.

    Args:
        rows: start and stop in the image.
        columns: the same.
        values: how many each position has, a multiple of 32.
        seed: of the image; the checksum of its symbols, so that a payload looks the same every time.
    """
    assert values % _STEP == 0
    across = columns.stop - columns.start
    first = columns.start * values // _STEP
    drawn_hwN = np.empty((rows.stop - rows.start, across, values), np.float32)
    for number, row in enumerate(range(rows.start, rows.stop)):
        generator = np.random.Philox(key=seed, counter=np.array([first, row, 0, 0], np.uint64))
        words = generator.random_raw(across * values // 8).astype("<u8", copy=False)
        drawn_hwN[number] = words.view(np.uint8).reshape(across, values)
    drawn_hwN -= 127.5
    drawn_hwN /= 127.5
    return torch.from_numpy(drawn_hwN).permute(2, 0, 1)[None]
