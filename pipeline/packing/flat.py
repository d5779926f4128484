"""Whether pixels are drawn rather than taken: a palette, lines, a screenshot. Such pictures are small without any loss,
and their edges and letters are what a lossy codec harms first.

Measured in docs/benchmarks/2026-11-28-packing.md: no photo passes, be it blown out, dark, dithered from a JPEG file, or
set in a wide white margin.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.packing.pixels import Pixels, jxl_of

PALETTE: Final = 256
_GREYS: Final = 16
"""A photo in grey has up to 256 levels; one of 16 is a drawing, or has been reduced to one."""
_FLAT_PALETTE: Final = 0.2
"""Share of flat pixels that a picture of few colours must have: a photo taken at night has few, too."""
_FLAT: Final = 0.4
_MOST_BPP: Final = 2.0
"""What a flat picture takes at JPEG XL's fastest; photos in white margins take more."""
_ROW_STEP: Final = 4
_UNIQUE_PIXELS: Final = 2**20


def why_flat(pixels: Pixels, *, has_palette: bool) -> str | None:
    """What sort of drawing a picture is, for a person; None for one that may be a photo.

    Args:
        has_palette: its file says so.
    """
    colours = count_colours(pixels, most=PALETTE)
    if has_palette and colours is not None:
        return f"palette of {_counted(colours)}"
    share = flat_share(pixels)
    if colours is not None and (colours <= _GREYS or (pixels.shape[2] == 3 and share >= _FLAT_PALETTE)):
        return _counted(colours)
    if share < _FLAT:
        return None
    quick = jxl_of(pixels, effort=1)
    bpp = 8 * len(quick) / (pixels.shape[0] * pixels.shape[1]) if quick is not None else _MOST_BPP + 1
    return f"{share:.0%} of its pixels are flat" if bpp <= _MOST_BPP else None


def flat_share(pixels: Pixels) -> float:
    """Share of the pixels that equal their left and their upper neighbour, of every fourth row."""
    if min(pixels.shape[:2]) < 2:
        return 0.0
    below, above = pixels[1::_ROW_STEP], pixels[:-1:_ROW_STEP]
    same = (below[:, 1:] == below[:, :-1]).all(axis=2) & (below[:, 1:] == above[:, 1:]).all(axis=2)
    return float(same.mean())


def count_colours(pixels: Pixels, *, most: int) -> int | None:
    """Distinct colours; None when there are more than `most`."""
    found = np.empty(0, np.uint32)
    flat = pixels.reshape(-1, pixels.shape[2])
    for start in range(0, len(flat), _UNIQUE_PIXELS):
        found = np.union1d(found, np.unique(_numbers(flat[start : start + _UNIQUE_PIXELS])))
        if len(found) > most:
            return None
    return len(found)


def _numbers(colours: Pixels) -> npt.NDArray[np.uint32]:
    number = colours[:, 0].astype(np.uint32)
    for band in range(1, colours.shape[1]):
        number = number * 256 + colours[:, band]
    return number


def _counted(colours: int) -> str:
    return "1 colour" if colours == 1 else f"{colours} colours"
