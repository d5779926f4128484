"""Analysis and synthesis: YCbCr pixels <-> latents at 1/16.

Two paths side by side. A linear one, the 16x16 Karhunen-Loeve transform of photographs, carries the image; blocks
at 1/8, whose last layers start at zero, learn what a linear transform cannot. Nothing is normalised or pooled: what
a pixel sees is finite, so that tiles can equal the whole.

Shape legend: x_BCHW YCbCr pixels in [-0.5, 0.5]; y_BMhw latents, h = H/16, w = W/16; f_BFuv features at 1/8.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.hyper.blocks import Block, zero
from codec.hyper.config import GRID, PATCH_VALUES, ModelConfig
from codec.hyper.quality import QualityTable

_FEATURE_GAIN: Final = 4.0
"""Pixels lie in +-0.5; the blocks like inputs near one."""
_CORRECTION: Final = 0.1
"""Corrections of the linear reconstruction are small against pixels; so the last layer's weights need not be."""


class Analysis(nn.Module):
    """Pixels -> latents, in units of orthonormal coefficients."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.linear = nn.Conv2d(PATCH_VALUES, config.latents, 1, bias=False)
        self.stem = nn.Conv2d(192, config.width, 1)
        self.blocks = nn.Sequential(*[Block(config.width) for _ in range(config.encoder_blocks)])
        self.head = nn.Conv2d(4 * config.width, config.latents, 1)
        zero(self.head.weight)
        zero(self.head.bias)
        self.size: Tensor
        """(M,): how large each latent typically is; the deep branch counts in this, so that every channel learns at
        its own pace."""
        self.register_buffer("size", torch.ones(config.latents))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, M, H/16, W/16), float32."""
        with torch.autocast(x_BCHW.device.type, enabled=False):
            linear_BMhw = self.linear(functional.pixel_unshuffle(x_BCHW.float(), GRID))
        f_BFuv = self.blocks(self.stem(functional.pixel_unshuffle(x_BCHW * _FEATURE_GAIN, 8)))
        deep_BMhw = self.head(functional.pixel_unshuffle(f_BFuv, 2)).float()
        y_BMhw: Tensor = linear_BMhw + deep_BMhw * self.size[None, :, None, None]
        return y_BMhw


class Synthesis(nn.Module):
    """Latents -> pixels: the linear reconstruction, and a correction that knows the quality."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.linear = nn.Conv2d(config.latents, PATCH_VALUES, 1, bias=False)
        self.stem = nn.Conv2d(192, config.width, 1)
        self.shift = QualityTable(config.width)
        self.blocks = nn.Sequential(*[Block(config.width) for _ in range(config.decoder_blocks)])
        self.gain = QualityTable(config.width)
        self.head = nn.Conv2d(config.width, 192, 1)
        zero(self.head.weight)
        zero(self.head.bias)

    def forward(self, y_BMhw: Tensor, quality_B: Tensor) -> Tensor:
        """(B, M, h, w) -> (B, 3, 16 h, 16 w), float32."""
        with torch.autocast(y_BMhw.device.type, enabled=False):
            x_BCHW = functional.pixel_shuffle(self.linear(y_BMhw.float()), GRID)
            shift_BF = self.shift(quality_B)
            gain_BF = 1.0 + self.gain(quality_B)
        f_BFuv = self.stem(functional.pixel_unshuffle(x_BCHW * _FEATURE_GAIN, 8))
        f_BFuv = self.blocks(f_BFuv + shift_BF[:, :, None, None].to(f_BFuv.dtype))
        correction = self.head(f_BFuv * gain_BF[:, :, None, None].to(f_BFuv.dtype))
        return x_BCHW + functional.pixel_shuffle(_CORRECTION * correction.float(), 8)
