"""SSIM of two images at several scales, strip by strip, in memory that grows with their width alone.

SSIM needs the images' sum and difference only. With s and d for those, `E` for the mean under a Gaussian window and
`V(x) = E(x^2) - E(x)^2`, its two factors are

    luminance                 (E(s)^2 - E(d)^2 + 2 C1) / (E(s)^2 + E(d)^2 + 2 C1)
    contrast and structure    (V(s) - V(d) + 2 C2) / (V(s) + V(d) + 2 C2)

which equals Wang et al. 2004, and is half as much to compute. Halving an image is linear, so s and d are halved.

Shape legend: x_2CHW sum and difference, C channels, some rows H of the images, their width W.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

WINDOW: Final = 11
"""Taps of the Gaussian, each way."""
_SIGMA: Final = 1.5
_BORDER: Final = WINDOW - 1
_C1: Final = (0.01 * 255.0) ** 2
_C2: Final = (0.03 * 255.0) ** 2
_STRIP_PIXELS: Final = 2**17


def ssim_scales(
    original: npt.NDArray[np.uint8], decoded: npt.NDArray[np.uint8], count: int
) -> list[SsimScale]:
    """That many scales of two (H, W, C) images of one shape, the finest first, each half as large as the one before."""
    height, width, channels = original.shape
    scales = [SsimScale(height, width, channels)]
    for _ in range(count - 1):
        scales.append(scales[-1].add_coarser())
    finest = scales[0]
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):  # whatever is in force around us
        for top in range(0, height, finest.rows):
            strip = slice(top, top + finest.rows)
            finest.feed(_sum_and_difference(original[strip], decoded[strip]))
    return scales


class SsimScale:
    """One scale of two images, which come row by row from the top.

    It adds up in strips, one channel at a time, which stays inside a core's caches, and hands on rows of half the size.
    """

    def __init__(self, height: int, width: int, channels: int) -> None:
        self._height, self._width, self._channels = height, width, channels
        self.rows = max(_BORDER, _STRIP_PIXELS // width)
        """New rows that make a strip."""
        self._to_come = height
        self._strip_2CHW = torch.empty(
            2, channels, _BORDER + self.rows, width, dtype=torch.float32, device="cpu"
        )
        self._filled = 0
        self._unpooled_2CHW = self._strip_2CHW.new_zeros(
            2, channels, height % 2, width
        )  # above an odd height
        self._coarser: SsimScale | None = None
        self._ssim_sum_C, self._contrast_sum_C = np.zeros(channels), np.zeros(channels)
        self._places = (height - _BORDER) * (width - _BORDER)

    @property
    def ssim_C(self) -> npt.NDArray[np.float64]:  # noqa: N802  the shape legend's
        """Mean SSIM of each channel, of the coarsest scale, once every row was fed."""
        return self._ssim_sum_C / self._places

    @property
    def contrast_C(self) -> npt.NDArray[np.float64]:  # noqa: N802
        """Mean of its factor for contrast and structure."""
        return self._contrast_sum_C / self._places

    def add_coarser(self) -> SsimScale:
        """The next scale, which this one feeds; from then on it has no SSIM of its own, only contrast."""
        self._coarser = SsimScale(-(-self._height // 2), -(-self._width // 2), self._channels)
        return self._coarser

    def feed(self, x_2CHW: Tensor) -> None:
        """Take the next rows."""
        if self._coarser is not None:
            self._pool(self._coarser, x_2CHW)
        strip_2CHW = self._strip_2CHW
        for part_2CHW in _fitting(x_2CHW, strip_2CHW.shape[2] - self._filled, self.rows):
            end = self._filled + part_2CHW.shape[2]
            strip_2CHW[:, :, self._filled : end] = part_2CHW
            self._to_come -= part_2CHW.shape[2]
            if end == strip_2CHW.shape[2] or not self._to_come:
                self._add(strip_2CHW[:, :, :end])
                strip_2CHW[:, :, :_BORDER] = strip_2CHW[:, :, end - _BORDER : end].clone()
                end = _BORDER
            self._filled = end

    def _pool(self, coarser: SsimScale, x_2CHW: Tensor) -> None:
        if self._unpooled_2CHW.shape[2]:
            x_2CHW = torch.cat((self._unpooled_2CHW, x_2CHW), 2)
        paired = x_2CHW.shape[2] // 2 * 2
        self._unpooled_2CHW = x_2CHW[:, :, paired:].clone()
        if paired:
            coarser.feed(_halved(x_2CHW[:, :, :paired]))

    def _add(self, x_2CHW: Tensor) -> None:
        for channel in range(self._channels):
            x_2HW = x_2CHW[:, channel]
            mean_2HW, square_2HW = (_blurred(one) for one in (x_2HW, x_2HW * x_2HW))
            mean_2HW.square_()
            contrast_HW = _factor(square_2HW.sub_(mean_2HW), 2.0 * _C2)
            self._contrast_sum_C[channel] += float(contrast_HW.sum())
            if self._coarser is None:
                self._ssim_sum_C[channel] += float(contrast_HW.mul_(_factor(mean_2HW, 2.0 * _C1)).sum())


def _fitting(x_2CHW: Tensor, room: int, more: int) -> Iterator[Tensor]:
    """Rows in parts: what there is room for, then `more` at a time."""
    yield x_2CHW[:, :, :room]
    yield from torch.split(x_2CHW[:, :, room:], more, 2) if x_2CHW.shape[2] > room else ()


def _halved(x_2CHW: Tensor) -> Tensor:
    """Means of 2 x 2 values; zeros go on to the left of an odd width."""
    down_2CHW = x_2CHW[:, :, ::2] + x_2CHW[:, :, 1::2]
    if down_2CHW.shape[3] % 2:
        down_2CHW = functional.pad(down_2CHW, (1, 0))
    return (down_2CHW[..., ::2] + down_2CHW[..., 1::2]).mul_(0.25)


def _factor(of_sum_and_difference_2HW: Tensor, constant: float) -> Tensor:
    """(sum - difference + constant) / (sum + difference + constant), where the sum lies."""
    of_sum_HW, of_difference_HW = of_sum_and_difference_2HW
    below_HW = (of_sum_HW + of_difference_HW).add_(constant)
    factor_HW: Tensor = of_sum_HW.sub_(of_difference_HW).add_(constant).div_(below_HW)
    return factor_HW


def _blurred(x_2HW: Tensor) -> Tensor:
    """Means under the window, borders left out: sums of shifted planes, which is faster than a depthwise convolution
    of so few channels."""
    height, width = x_2HW.shape[1] - _BORDER, x_2HW.shape[2] - _BORDER
    first, *others = _taps()
    down_2HW = x_2HW[:, :height] * first
    for row, tap in enumerate(others, 1):
        down_2HW.add_(x_2HW[:, row : row + height], alpha=tap)
    across_2HW = down_2HW[..., :width] * first
    for column, tap in enumerate(others, 1):
        across_2HW.add_(down_2HW[..., column : column + width], alpha=tap)
    return across_2HW


@cache
def _taps() -> list[float]:
    """The Gaussian, normalised in float32 as others do it."""
    places = np.arange(WINDOW, dtype=np.float32) - WINDOW // 2
    window = np.exp(-(places**2) / np.float32(2.0 * _SIGMA**2))
    return [float(tap) for tap in window / window.sum()]


def _sum_and_difference(original: npt.NDArray[np.uint8], decoded: npt.NDArray[np.uint8]) -> Tensor:
    """Two (H, W, C) images as (2, C, H, W), plane by plane."""
    height, width, channels = original.shape
    x_2CHW = np.empty((2, channels, height, width), np.float32)
    for number, combine in enumerate((np.add, np.subtract)):
        combined_HWC = combine(original, decoded, dtype=np.int16)
        x_2CHW[number] = combined_HWC.transpose(2, 0, 1)
    return torch.from_numpy(x_2CHW)
