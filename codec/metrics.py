"""Measures of one decoded image against its original: PSNR, MS-SSIM, bits per pixel."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W, 1) grey."""

MS_SSIM_MIN_SIDE: Final = 161
"""Five scales with an 11-tap window need (11 - 1) * 2**4 + 1 pixels."""
_SCALE_WEIGHTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_C1: Final = (0.01 * 255.0) ** 2
_C2: Final = (0.03 * 255.0) ** 2
_CHUNK: Final = 2**15


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
    with torch.inference_mode():
        return float(ms_ssim_tensor(_planes(original), _planes(decoded)).mean())


def ms_ssim_tensor(a_BCHW: Tensor, b_BCHW: Tensor, levels: int = 5) -> Tensor:
    """Differentiable MS-SSIM of float pixels in 0..255, one score per image: (B,).

    With fewer than five levels the weights are renormalised: for training patches.
    """
    weights = [weight / sum(_SCALE_WEIGHTS[:levels]) for weight in _SCALE_WEIGHTS[:levels]]
    a, b = (image.contiguous(memory_format=torch.channels_last) for image in (a_BCHW, b_BCHW))
    score_BC = torch.ones(a.shape[:2], device=a.device)
    for level, weight in enumerate(weights):
        ssim_BC, contrast_BC = _ssim_scores(a, b)
        kept_BC = ssim_BC if level == levels - 1 else contrast_BC
        score_BC = score_BC * kept_BC.clamp_min(1e-6) ** weight
        if level < levels - 1:
            padding = (a.shape[2] % 2, a.shape[3] % 2)
            a, b = (F.avg_pool2d(image, 2, padding=padding) for image in (a, b))
    return score_BC.mean(1)


def _ssim_scores(a_BCHW: Tensor, b_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """(mean SSIM, mean contrast-structure) of each channel, (B, C) each."""
    maps = torch.cat((a_BCHW, b_BCHW, a_BCHW * a_BCHW + b_BCHW * b_BCHW, a_BCHW * b_BCHW), 1)
    mean_a, mean_b, mean_squares, mean_product = _blur(maps).chunk(4, dim=1)
    product, squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    contrast = (2.0 * (mean_product - product) + _C2) / (mean_squares - squares + _C2)
    ssim = (2.0 * product + _C1) / (squares + _C1) * contrast
    return ssim.mean((2, 3)), contrast.mean((2, 3))


def _blur(maps_BCHW: Tensor) -> Tensor:
    """Separable 11-tap Gaussian, valid positions only. Depthwise and channels-last: 15x faster on a CPU
    than the same convolution over single planes."""
    taps = torch.arange(11, dtype=torch.float32, device=maps_BCHW.device) - 5.0
    window = torch.exp(-(taps**2) / (2.0 * 1.5**2))
    window = window / window.sum()
    channels = maps_BCHW.shape[1]
    column = window.view(1, 1, 11, 1).expand(channels, 1, 11, 1).contiguous()
    row = window.view(1, 1, 1, 11).expand(channels, 1, 1, 11).contiguous()
    return F.conv2d(F.conv2d(maps_BCHW, column, groups=channels), row, groups=channels)


def _planes(pixels: Pixels) -> Tensor:
    """(1, C, H, W), channels last in memory."""
    floats = np.ascontiguousarray(pixels, dtype=np.float32)
    return torch.from_numpy(floats).permute(2, 0, 1)[None]


def _check(original: Pixels, decoded: Pixels) -> None:
    if original.shape != decoded.shape:
        raise ValueError(f"expected two images of one shape, got {original.shape} and {decoded.shape}")
    if original.dtype != np.uint8 or decoded.dtype != np.uint8:
        raise ValueError(f"expected uint8 pixels, got {original.dtype} and {decoded.dtype}")
