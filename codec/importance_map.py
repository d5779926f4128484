"""Where bits matter: a grey map of an image, and the steps that an encoder makes of it.

A map is a grey picture of any size, laid over the whole image: 128 is as usual, white as much more as there is, black
as much less. An encoder that takes maps moves the quality of each of its blocks by a whole number of steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from codec.contract import RGB

GreyMap = npt.NDArray[np.uint8]
"""(rows, columns) uint8, at least 1 each: how important each part of an image is."""
Steps = npt.NDArray[np.integer[Any]]
"""(u, v): by how many steps the quality of each block moves, `-MOST_STEPS` to `MOST_STEPS`."""

USUAL: Final = 128
"""The grey that changes nothing."""
MOST_STEPS: Final = 8
_GREYS_A_STEP: Final = USUAL // MOST_STEPS
_WINDOW: Final = 8
"""Pixels each way of what the automatic map takes the variance of."""
_BLOCK: Final = 64
"""Pixels each way of what it says one grey of."""
_FLOOR: Final = 4.0
"""Variance of 8-bit luma that is added to every block's: what noise and rounding make of a flat one."""
_GREYS_AN_OCTAVE: Final = 13.8
"""Grey for twice the variance: 2.6 levels of quality (docs/benchmarks/2026-11-29-importance.md has what was tried)."""
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)


def steps_of(grey: GreyMap, *, width: int, height: int, block: int) -> Steps | None:
    """Steps of the blocks of an image; None where all are zero.

    Args:
        grey: laid over the whole image.
        width, height: of the image, in pixels.
        block: pixels of a block, each way; the last ones may reach beyond the image.
    """
    rows = _block_means(grey.astype(np.float64), height, block)
    means_uv = _block_means(np.ascontiguousarray(rows.T), width, block).T
    steps_uv: Steps = (
        np.rint((means_uv - USUAL) / _GREYS_A_STEP).clip(-MOST_STEPS, MOST_STEPS).astype(np.int8)
    )
    return steps_uv if steps_uv.any() else None


def automatic_map(pixels: RGB) -> GreyMap:
    """Less for strong texture, more for weak: MS-SSIM, and eyes, hold an error against the contrast around it.

    The grey of a block of 64 x 64 pixels falls with the logarithm of the mean variance in its windows, and is as usual
    on average over the image. After the adaptive quantisation of x264 (`--aq-mode`), which moves a macroblock's
    quantiser by the logarithm of its variance.

    Args:
        pixels: the image.
    Returns:
        One grey for each window, the same in all of a block: so it lies right though the last blocks reach beyond the
        image.
    """
    rows, columns = (side // _WINDOW for side in pixels.shape[:2])
    if not rows or not columns:
        return np.full((1, 1), USUAL, np.uint8)
    side = _BLOCK // _WINDOW
    by_rows = _block_means(_window_variances(pixels), rows, side)
    octaves_uv = np.log2(_block_means(np.ascontiguousarray(by_rows.T), columns, side).T + _FLOOR)
    grey_uv = USUAL - _GREYS_AN_OCTAVE * (octaves_uv - octaves_uv.mean())
    found_uv: GreyMap = np.rint(grey_uv).clip(0, 255).astype(np.uint8)
    return found_uv.repeat(side, axis=0).repeat(side, axis=1)[:rows, :columns]


def _window_variances(pixels: RGB) -> npt.NDArray[np.float64]:
    """Variance of the luma of whole windows, band after band, so that a large image takes little memory."""
    height, width = (side // _WINDOW for side in pixels.shape[:2])
    found = np.empty((height, width))
    for row in range(height):
        band = pixels[row * _WINDOW : (row + 1) * _WINDOW, : width * _WINDOW] @ _LUMA
        found[row] = band.reshape(_WINDOW, width, _WINDOW).var(axis=(0, 2))
    return found


def _block_means(values: npt.NDArray[np.float64], pixels: int, block: int) -> npt.NDArray[np.float64]:
    """Rows that are laid over so many pixels, averaged over blocks of pixels; the last one may be shorter."""
    edges = np.minimum(np.arange(-(-pixels // block) + 1) * block, pixels) * (len(values) / pixels)
    sums = np.concatenate((np.zeros_like(values[:1]), np.cumsum(values, axis=0)))
    below = np.minimum(edges.astype(np.int64), len(values) - 1)
    share = (edges - below)[:, None]
    at_edges = sums[below] * (1 - share) + sums[below + 1] * share
    means: npt.NDArray[np.float64] = np.diff(at_edges, axis=0) / np.diff(edges)[:, None]
    return means
