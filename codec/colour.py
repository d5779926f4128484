"""RGB pixels <-> the YCbCr planes the model sees (BT.601, full range), padded to its grid."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.contract import RGB

_TO_YCBCR: Final = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=torch.float64
)
_TO_RGB: Final = torch.linalg.inv(_TO_YCBCR).float()


def rgb_to_ycbcr(rgb_BCHW: Tensor) -> Tensor:
    """RGB in [0, 1], (B, 3, H, W) -> YCbCr in [-0.5, 0.5], same shape, float32."""
    matrix = _TO_YCBCR.float().to(rgb_BCHW.device)
    return torch.einsum("oc,bchw->bohw", matrix, rgb_BCHW.float() - 0.5)


def ycbcr_to_rgb(x_BCHW: Tensor) -> Tensor:
    """YCbCr in [-0.5, 0.5] -> RGB around [0, 1], not clamped."""
    return torch.einsum("oc,bchw->bohw", _TO_RGB.to(x_BCHW.device), x_BCHW.float()) + 0.5


def pixels_to_planes(pixels: RGB, grid: int) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H', W') YCbCr, its last row and column repeated up to multiples of `grid`."""
    rgb_CHW = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32))
    rgb_BCHW = rgb_CHW[None] / 255.0
    height, width = pixels.shape[:2]
    padded = functional.pad(rgb_BCHW, (0, -width % grid, 0, -height % grid), mode="replicate")
    return rgb_to_ycbcr(padded)


def planes_to_pixels(x_BCHW: Tensor) -> RGB:
    """(1, 3, H, W) YCbCr -> (H, W, 3) uint8, rounded to nearest and clamped."""
    rgb_BCHW = ycbcr_to_rgb(x_BCHW).mul(255.0).round_().clamp_(0.0, 255.0).to(torch.uint8)
    return np.ascontiguousarray(rgb_BCHW[0].permute(1, 2, 0).cpu().numpy())
