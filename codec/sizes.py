"""Smaller pictures and parts of pictures: which there are, and how they are made of pixels."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

DENOMINATORS: Final = (1, 2, 4, 8, 16)
"""A picture can be had at one over each of these."""


def check_denominator(denominator: int) -> None:
    """Refuse a scale at which no picture can be had.

    Raises:
        ValueError: it is not in `DENOMINATORS`.
    """
    if denominator not in DENOMINATORS:
        choices = ", ".join(map(str, DENOMINATORS))
        raise ValueError(f"expected a denominator of {choices}, got {denominator}")


def check_region(left: int, top: int, width: int, height: int, *, within: tuple[int, int]) -> None:
    """Refuse a region that is not one of an image.

    Args:
        within: width and height of the image.
    Raises:
        ValueError: it is empty, or not all of it lies in the image.
    """
    across, down = within
    if not (0 <= left < left + width <= across and 0 <= top < top + height <= down):
        raise ValueError(
            f"expected a region of {across} x {down} pixels, got {width} x {height} from ({left}, {top})"
        )


def reduced(pixels: npt.NDArray[np.uint8], denominator: int) -> npt.NDArray[np.uint8]:
    """Means over squares of pixels, at the right and lower edge over what there is of a square.

    Args:
        pixels: (H, W, C), C 1 to 4: the last of two or four is alpha, by which the others are weighed.
        denominator: side of a square.
    Returns:
        (ceil(H / denominator), ceil(W / denominator), C).
    """
    import PIL.Image  # who asks for a family's config needs no pictures

    if denominator == 1:
        return pixels
    is_grey = pixels.shape[2] == 1
    small = PIL.Image.fromarray(pixels[..., 0] if is_grey else pixels).reduce(denominator)
    return np.array(small).reshape(small.height, small.width, pixels.shape[2])
