"""Measures of one decoded image against its original: PSNR, SSIM, MS-SSIM, bits per pixel."""

from __future__ import annotations

import math
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W, 1) grey."""
MS_SSIM_MIN_SIDE: Final = 161
"""Five scales with an 11-tap window need (11 - 1) * 2**4 + 1 pixels."""
SSIM_MIN_SIDE: Final = 11
"""The window's."""
_DEFLATE_BYTES: Final = 1 << 20
_SCALE_WEIGHTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_C1: Final = (0.01 * 255.0) ** 2
_C2: Final = (0.03 * 255.0) ** 2
_CHUNK: Final = 2**15
_STRIP_PIXELS: Final = 2**15


def bpp(num_bytes: int, width: int, height: int) -> float:
    """Bits per original pixel."""
    return num_bytes * 8.0 / (width * height)


def psnr_db(original: Pixels, decoded: Pixels) -> float:
    """Peak signal-to-noise ratio over all samples, peak 255, in dB; infinite when identical.

    Raises:
        ValueError: the shapes differ, or the arrays are not uint8.
    """
    _check(original, decoded)
    squares = 0
    a, b = original.reshape(-1), decoded.reshape(-1)
    for start in range(0, a.size, _CHUNK):
        # 32,768 squares of at most 65,025 stay inside int32
        difference = a[start : start + _CHUNK].astype(np.int32) - b[start : start + _CHUNK]
        squares += int(np.dot(difference, difference))
    if squares == 0:
        return math.inf
    return 10.0 * math.log10(255.0**2 * original.size / squares)


def ssim(original: Pixels, decoded: Pixels) -> float | None:
    """SSIM (Wang et al. 2004: Gaussian window 11, sigma 1.5, no padding) at full size, mean of the channels' scores.
    None when the short side is under 11 pixels.

    Raises:
        ValueError: as `psnr_db`.
    """
    _check(original, decoded)
    if min(original.shape[:2]) < SSIM_MIN_SIDE:
        return None
    (only,) = _scales(original, decoded, 1)
    return float(only.ssim_C.mean())


def ms_ssim(original: Pixels, decoded: Pixels) -> float | None:
    """Multi-scale SSIM (Wang et al. 2003: five scales, Gaussian window 11, sigma 1.5, no padding), mean of
    the channels' scores, as `pytorch-msssim` and the literature on learned codecs compute it. None when the
    short side is under 161 pixels, where five scales do not fit.

    Raises:
        ValueError: as `psnr_db`.
    """
    _check(original, decoded)
    if min(original.shape[:2]) < MS_SSIM_MIN_SIDE:
        return None
    *finer, coarsest = _scales(original, decoded, len(_SCALE_WEIGHTS))
    scores = [*(scale.contrast_C for scale in finer), coarsest.ssim_C]
    weighted = [
        np.maximum(score, 0.0) ** weight for score, weight in zip(scores, _SCALE_WEIGHTS, strict=True)
    ]
    return float(np.prod(weighted, axis=0).mean())


def _scales(original: Pixels, decoded: Pixels, count: int) -> list[_Scale]:
    """That many scales of two images, the finest first, in memory that grows with their width alone."""
    height, width, channels = original.shape
    finest = scale = _Scale(height, width, channels)
    scales = [finest]
    for _ in range(count - 1):
        scale = scale.add_coarser()
        scales.append(scale)
    with torch.inference_mode():
        for top in range(0, height, finest.rows):
            strip = slice(top, top + finest.rows)
            finest.feed(_planes(original[strip]), _planes(decoded[strip]))
    return scales


class _Scale:
    """One scale of two images, which come row by row from the top.

    It sums up SSIM in strips that stay inside a core's cache, six times faster than the whole image at once, and hands
    on rows of half the size. Shape legend: a_1CHW some rows of the original, b_1CHW the same of the other.
    """

    def __init__(self, height: int, width: int, channels: int) -> None:
        self._height, self._width, self._channels = height, width, channels
        self.rows = max(8, _STRIP_PIXELS // width)
        """New rows that make a strip."""
        self._to_come = height
        nothing = _zeros(1, channels, 0, width)
        self._held = [nothing, nothing]
        padding = _zeros(1, channels, height % 2, width)  # above; on the sides, avg_pool2d adds it
        self._unpooled = [padding, padding]
        self._coarser: _Scale | None = None
        self._column, self._row = _window(4 * channels)
        self._sums: list[npt.NDArray[np.float64]] = [np.zeros(channels), np.zeros(channels)]
        self._places = (height - 10) * (width - 10)

    @property
    def ssim_C(self) -> npt.NDArray[np.float64]:  # noqa: N802  the shape legend's
        """Mean SSIM of each channel, once every row was fed."""
        return self._sums[0] / self._places

    @property
    def contrast_C(self) -> npt.NDArray[np.float64]:  # noqa: N802
        """Mean of its factor for contrast and structure."""
        return self._sums[1] / self._places

    def add_coarser(self) -> _Scale:
        """The next scale, which this one feeds."""
        self._coarser = _Scale(-(-self._height // 2), -(-self._width // 2), self._channels)
        return self._coarser

    def feed(self, a_1CHW: Tensor, b_1CHW: Tensor) -> None:
        """Take the next rows."""
        if self._coarser is not None:
            self._pool(self._coarser, a_1CHW, b_1CHW)
        self._to_come -= a_1CHW.shape[2]
        a, b = (torch.cat(pair, 2) for pair in zip(self._held, (a_1CHW, b_1CHW), strict=True))
        if self._to_come == 0 or a.shape[2] >= self.rows + 10:
            self._add(a, b)
            a, b = a[:, :, -10:].clone(), b[:, :, -10:].clone()
        self._held = [a, b]

    def _pool(self, coarser: _Scale, a_1CHW: Tensor, b_1CHW: Tensor) -> None:
        a, b = (torch.cat(pair, 2) for pair in zip(self._unpooled, (a_1CHW, b_1CHW), strict=True))
        paired = a.shape[2] // 2 * 2
        self._unpooled = [a[:, :, paired:].clone(), b[:, :, paired:].clone()]
        if paired:
            padding = (0, self._width % 2)
            coarser.feed(*(functional.avg_pool2d(rows[:, :, :paired], 2, padding=padding) for rows in (a, b)))

    def _add(self, a: Tensor, b: Tensor) -> None:
        groups = 4 * self._channels
        maps = torch.cat((a, b, a * a + b * b, a * b), 1)
        with torch.autocast("cpu", enabled=False):  # whatever is in force around us
            blurred = functional.conv2d(
                functional.conv2d(maps, self._column, groups=groups), self._row, groups=groups
            )
        mean_a, mean_b, mean_squares, mean_product = blurred.chunk(4, dim=1)
        product, squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
        contrast = (2.0 * (mean_product - product) + _C2) / (mean_squares - squares + _C2)
        ssim = (2.0 * product + _C1) / (squares + _C1) * contrast
        for sums, scores in zip(self._sums, (ssim, contrast), strict=True):
            sums += scores.sum((0, 2, 3)).numpy()


def _zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.float32, device="cpu")


def _window(channels: int) -> tuple[Tensor, Tensor]:
    """The 11-tap Gaussian as depthwise column and row kernels."""
    taps = torch.arange(11, dtype=torch.float32, device="cpu") - 5.0
    window = torch.exp(-(taps**2) / (2.0 * 1.5**2))
    window = window / window.sum()
    column = window.view(1, 1, 11, 1).expand(channels, 1, 11, 1).contiguous()
    row = window.view(1, 1, 1, 11).expand(channels, 1, 1, 11).contiguous()
    return column, row


def _planes(pixels: Pixels) -> Tensor:
    """(1, C, H, W), channels last in memory."""
    floats = np.ascontiguousarray(pixels, dtype=np.float32)
    return torch.from_numpy(floats).permute(2, 0, 1)[None]


def _check(original: Pixels, decoded: Pixels) -> None:
    if original.shape != decoded.shape:
        raise ValueError(f"expected two images of one shape, got {original.shape} and {decoded.shape}")
    if original.dtype != np.uint8 or decoded.dtype != np.uint8:
        raise ValueError(f"expected uint8 pixels, got {original.dtype} and {decoded.dtype}")


def zip_bytes(data: bytes | memoryview) -> int:
    """Size of `data` as one zlib stream at level 6 (what zip does by default), in bytes; memory stays flat."""
    view = memoryview(data).cast("B")
    compressor = zlib.compressobj(6)
    size = sum(
        len(compressor.compress(view[at : at + _DEFLATE_BYTES])) for at in range(0, len(view), _DEFLATE_BYTES)
    )
    return size + len(compressor.flush())
