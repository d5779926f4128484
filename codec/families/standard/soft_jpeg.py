"""JPEG with a gradient: what a JPEG file shows of a picture, and about how many bits it takes.

Forward it rounds as a file does, so that whatever follows is trained on what a decoder shows. Backward, rounding counts
as the identity. The bits are an estimate: a smooth function of each coefficient over its step, which follows the real
rate and is not equal to it.

Shape legend: x_BCHW YCbCr planes in [-0.5, 0.5], H and W multiples of 16; c_BCnm88 DCT coefficients of the n x m blocks
of each plane, over their steps; steps_B288 quantiser steps of each picture, of luma and of chroma, in units of planes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.colour import rgb_to_ycbcr, ycbcr_to_rgb
from codec.families.standard.config import BLOCK
from codec.families.standard.jpeg_tables import quantisation_tables

_LEVELS: Final = 255.0
_KNEE: Final = 0.2
"""Where a coefficient begins to cost, in steps."""
_BITS: Final = 1.35
"""Of a coefficient for each doubling from the knee on, fitted to files of training crops: within a tenth of theirs at
all qualities, headers apart."""


def steps_of(qualities: Sequence[float]) -> Tensor:
    """(B, 2, 8, 8) quantiser steps of files of some qualities."""
    return torch.from_numpy(np.stack([quantisation_tables(one) for one in qualities])).float() / _LEVELS


def soft_jpeg(x_BCHW: Tensor, steps_B288: Tensor) -> tuple[Tensor, Tensor]:
    """What a JPEG file with half as many rows and columns of chroma (4:2:0) shows of each picture.

    Returns:
        The planes that a decoder shows, and the estimated bits of each picture, (B,).
    """
    x_BCHW = _within_rgb(x_BCHW)
    luma_B1HW, luma_bits_B = _coded(x_BCHW[:, :1], steps_B288[:, :1])
    chroma_B2hw, chroma_bits_B = _coded(functional.avg_pool2d(x_BCHW[:, 1:], 2), steps_B288[:, 1:])
    shown_BCHW = torch.cat((luma_B1HW, _doubled(chroma_B2hw)), 1)
    return _within_rgb(shown_BCHW), luma_bits_B + chroma_bits_B


def to_coefficients(x_BCHW: Tensor, steps_B188: Tensor) -> Tensor:
    """Planes as coefficients of their blocks over their steps: (B, C, n, m, 8, 8)."""
    batch, channels, height, width = x_BCHW.shape
    basis_88 = _basis(x_BCHW)
    blocks = x_BCHW.reshape(batch, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return basis_88 @ blocks.permute(0, 1, 2, 4, 3, 5) @ basis_88.T / steps_B188[:, :, None, None]


def from_coefficients(c_BCnm88: Tensor, steps_B188: Tensor) -> Tensor:
    """Undo `to_coefficients`."""
    batch, channels, down, across = c_BCnm88.shape[:4]
    basis_88 = _basis(c_BCnm88)
    blocks = basis_88.T @ (c_BCnm88 * steps_B188[:, :, None, None]) @ basis_88
    return blocks.permute(0, 1, 2, 4, 3, 5).reshape(batch, channels, down * BLOCK, across * BLOCK)


def _coded(x_BCHW: Tensor, steps_B188: Tensor) -> tuple[Tensor, Tensor]:
    """Planes through the quantiser, and their bits."""
    c_BCnm88 = to_coefficients(x_BCHW, steps_B188)
    rounded = c_BCnm88 + (c_BCnm88.round() - c_BCnm88).detach()
    return from_coefficients(rounded, steps_B188), _bits(c_BCnm88)


def _bits(c_BCnm88: Tensor) -> Tensor:
    """About how many bits the coefficients of each picture take, (B,); the mean of a block is coded as its difference
    to that of the block on the left."""
    mean = c_BCnm88[..., :1, :1]
    before = functional.pad(mean[:, :, :, :-1], (0, 0, 0, 0, 1, 0))
    return _BITS * (_doublings(c_BCnm88) - _doublings(mean) + _doublings(mean - before))


def _doublings(c_BCnm88: Tensor) -> Tensor:
    """How often coefficients double from the knee on, summed over each picture, (B,)."""
    return torch.log1p((c_BCnm88 / _KNEE).square()).sum((1, 2, 3, 4, 5)) / (2.0 * math.log(2.0))


def _within_rgb(x_BCHW: Tensor) -> Tensor:
    """Planes of colours that 8 bits hold."""
    return rgb_to_ycbcr(ycbcr_to_rgb(x_BCHW).clamp(0.0, 1.0))


def _doubled(x_BCHW: Tensor) -> Tensor:
    """Twice as many rows and columns, as libjpeg-turbo makes them: 3/4 of the nearer, 1/4 of the farther neighbour."""
    return functional.interpolate(x_BCHW, scale_factor=2, mode="bilinear", align_corners=False)


def _basis(like: Tensor) -> Tensor:
    """The orthonormal 8 x 8 matrix of the DCT; rows are frequencies."""
    at = torch.arange(BLOCK, dtype=torch.float64, device="cpu")
    basis_88 = torch.cos(math.pi / BLOCK * (at[None] + 0.5) * at[:, None]) * math.sqrt(2.0 / BLOCK)
    basis_88[0] /= math.sqrt(2.0)
    return basis_88.to(like)
