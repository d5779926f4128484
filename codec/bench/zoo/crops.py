"""Where in an image the codecs do worst, and what each makes of that place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from codec.contract import RGB

SIDE: Final = 192
"""Pixels of a crop, each way; less where the image is smaller."""
_STRIDE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownCrop:
    """What one entrant makes of an image, or of a place in it."""

    entrant: str
    """Its id."""
    pixels: RGB
    bpp: float
    """Of the whole image."""
    psnr_db: float
    """Of the whole image."""
    is_matched: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strip:
    """The same place through all codecs, at one rate."""

    key: str
    original: RGB
    crops: tuple[ShownCrop, ...]


def strip(key: str, original: RGB, shown: Sequence[ShownCrop]) -> Strip:
    """The telling place of an image through all codecs."""
    place = telling_place(original, [one.pixels for one in shown])
    return Strip(
        key=key,
        original=original[place],
        crops=tuple(replace(one, pixels=one.pixels[place]) for one in shown),
    )


def telling_place(original: RGB, decoded: Sequence[RGB]) -> tuple[slice, slice]:
    """The square where decoded pictures are, together, furthest from their original: rows and columns.

    All of them count alike, so that one very bad picture does not choose the place: each is weighed by its own error.
    """
    height, width = original.shape[:2]
    wanted = original.astype(np.float32)
    error_HW = np.zeros((height, width), np.float32)
    for picture in decoded:
        squared_HW = np.square(picture.astype(np.float32) - wanted).sum(axis=2)
        error_HW += squared_HW / max(float(squared_HW.mean()), 1e-6)
    tall, wide = min(SIDE, height), min(SIDE, width)
    places = [
        (float(error_HW[top : top + tall, left : left + wide].sum()), top, left)
        for top in _starts(height, tall)
        for left in _starts(width, wide)
    ]
    _, top, left = max(places)
    return slice(top, top + tall), slice(left, left + wide)


def _starts(length: int, side: int) -> list[int]:
    return [*range(0, length - side, _STRIDE), length - side]
