"""RGB pixels <-> what networks see: RGB in [0, 1], or YCbCr planes (BT.601, full range) padded to a grid."""

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


def pixels_to_rgb(pixels: RGB) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) in [0, 1], float32."""
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32)) / 255.0


def rgb_to_ycbcr(rgb_BCHW: Tensor) -> Tensor:
    """RGB in [0, 1], (B, 3, H, W) -> YCbCr in [-0.5, 0.5], same shape, float32."""
    matrix = _TO_YCBCR.float().to(rgb_BCHW.device)
    return torch.einsum("oc,bchw->bohw", matrix, rgb_BCHW.float() - 0.5)


def ycbcr_to_rgb(x_BCHW: Tensor) -> Tensor:
    """YCbCr in [-0.5, 0.5] -> RGB around [0, 1], not clamped."""
    return torch.einsum("oc,bchw->bohw", _TO_RGB.to(x_BCHW.device), x_BCHW.float()) + 0.5


def pixels_to_planes(pixels: RGB, grid: int) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H', W') YCbCr, its last row and column repeated up to multiples of `grid`."""
    height, width = pixels.shape[:2]
    red, green, blue = (torch.from_numpy(pixels[:, :, plane].astype(np.float32)) for plane in range(3))
    x_1CHW = red.new_empty(1, 3, height, width)
    for plane, weights in zip(x_1CHW[0], (_TO_YCBCR / 255.0).tolist(), strict=True):
        torch.mul(red, weights[0], out=plane)
        plane.add_(green, alpha=weights[1]).add_(blue, alpha=weights[2]).sub_(255.0 * sum(weights) / 2.0)
    return extended(x_1CHW, -(-height // grid) * grid, -(-width // grid) * grid)


def extended(x_1CHW: Tensor, height: int, width: int) -> Tensor:
    """Planes with their last row and column repeated up to a size."""
    missing = (0, width - x_1CHW.shape[3], 0, height - x_1CHW.shape[2])
    return functional.pad(x_1CHW, missing, mode="replicate") if any(missing) else x_1CHW


def planes_to_pixels(x_1CHW: Tensor) -> RGB:
    """(1, 3, H, W) YCbCr -> (H, W, 3) uint8, rounded to nearest and clamped."""
    luma, blueness, redness = x_1CHW[0].float().cpu()
    pixels = np.empty((*luma.shape, 3), np.uint8)
    plane = torch.empty_like(luma)
    for number, weights in enumerate((_TO_RGB * 255.0).tolist()):
        torch.mul(luma, weights[0], out=plane)
        plane.add_(blueness, alpha=weights[1]).add_(redness, alpha=weights[2]).add_(127.5)
        pixels[:, :, number] = plane.round_().clamp_(0.0, 255.0).numpy()
    return pixels
