"""Pictures as eyes see their sharpness: the luma of a few lines at a time, along rows and along columns.

A picture may have 100 megapixels: it is never held as floats whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from codec.contract import RGB

Lines = npt.NDArray[np.float32]
"""(lines, samples of a line), 0 to 255."""
_BT601: Final = np.array([0.299, 0.587, 0.114], np.float32)


def both_ways(pixels: RGB) -> tuple[RGB, RGB]:
    """The picture, whose lines are its rows, and its transpose, whose lines are its columns."""
    return pixels, pixels.transpose(1, 0, 2)


def bands(pixels: RGB, lines: int) -> Iterator[Lines]:
    """BT.601 luma, that many lines at a time; the last band may have fewer."""
    for top in range(0, pixels.shape[0], lines):
        yield pixels[top : top + lines].astype(np.float32) @ _BT601
