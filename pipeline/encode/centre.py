"""The middle of an image, for what would take too long on all of it."""

from __future__ import annotations

import math

import numpy as np

from codec.contract import RGB


def centre(image: RGB, pixels: int) -> RGB:
    """The middle of an image in its own shape, of so many pixels at most; a copy, so that the image can go."""
    height, width = image.shape[:2]
    scale = math.sqrt(pixels / (height * width))
    if scale >= 1:
        return image
    rows, columns = max(1, int(height * scale)), max(1, int(width * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(image[top : top + rows, left : left + columns])
