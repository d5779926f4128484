"""The autoencoder: YCbCr pixels -> latents at 1/16 -> pixels.

Two paths side by side. A linear one, a 16x16 Karhunen-Loeve transform fitted to photographs, carries the
image; residual blocks at 1/8 resolution, whose last layers start at zero, learn what a linear transform
cannot: on the way in a correction of the latents, on the way out a correction of the linear reconstruction.
So an untrained model is a sound block-transform codec, and training only adds to it. There is no norm and
no pooling: what a pixel sees is finite, so that tiles can equal the whole.

Shape legend: x_BCHW YCbCr pixels in [-0.5, 0.5], H and W multiples of 16; y_BChw latents, h = H/16, w = W/16;
f_BFuv features at 1/8.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.ae_zfp.config import GRID, PATCH_VALUES, ModelConfig
from codec.parts.start_values import draw, zero

_FEATURE_GAIN: Final = 4.0
"""Pixels lie in +-0.5; the residual blocks like inputs near one."""


class ResidualBlock(nn.Module):
    """Depthwise 3x3 between 1x1s, then a gated 1x1 pair; both added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = width + width // 2
        self.mix_in = nn.Conv2d(width, width, 1)
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.mix_out = nn.Conv2d(width, width, 1)
        self.gate_in = nn.Conv2d(width, 2 * hidden, 1)
        self.gate_out = nn.Conv2d(hidden, width, 1)
        for last in (self.mix_out, self.gate_out):
            draw(last.weight, std=0.2 / math.sqrt(last.in_channels))
            zero(last.bias)

    def forward(self, f_BFuv: Tensor) -> Tensor:
        """(B, F, u, v) -> (B, F, u, v)."""
        f_BFuv = f_BFuv + self.mix_out(self.depthwise(functional.silu(self.mix_in(f_BFuv))))
        value, gate = self.gate_in(f_BFuv).chunk(2, dim=1)
        corrected_BFuv: Tensor = f_BFuv + self.gate_out(value * functional.silu(gate))
        return corrected_BFuv


class AutoEncoder(nn.Module):
    """`analyse` and `synthesise`; quantisation lies between them, outside the model."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.latent_channels
        self.analysis = nn.Conv2d(PATCH_VALUES, channels, 1)
        self.encoder_stem = nn.Conv2d(192, config.encoder_width, 1)
        self.encoder = nn.Sequential(
            *[ResidualBlock(config.encoder_width) for _ in range(config.encoder_blocks)]
        )
        self.encoder_head = nn.Conv2d(4 * config.encoder_width, channels, 1)
        self.synthesis = nn.Conv2d(channels, PATCH_VALUES, 1)
        self.decoder_stem = nn.Conv2d(192, config.decoder_width, 1)
        self.decoder_detail = nn.Conv2d(1, config.decoder_width, 1, bias=False)
        self.decoder = nn.Sequential(
            *[ResidualBlock(config.decoder_width) for _ in range(config.decoder_blocks)]
        )
        self.decoder_head = nn.Conv2d(config.decoder_width, 192, 1)
        for layer in (self.encoder_head, self.decoder_head):
            zero(layer.weight)
            zero(layer.bias)
        zero(self.decoder_detail.weight)

    @property
    def encoder_halo(self) -> int:
        """Latent positions beside a tile that its latents depend on."""
        return (self.config.encoder_blocks + 1) // 2

    @property
    def decoder_halo(self) -> int:
        """Latent positions beside a tile that its pixels depend on."""
        return (self.config.decoder_blocks + 1) // 2

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """YCbCr pixels (B, 3, H, W) -> latents (B, C, H/16, W/16), in units of orthonormal coefficients."""
        with torch.autocast(x_BCHW.device.type, enabled=False):
            linear_BChw = self.analysis(functional.pixel_unshuffle(x_BCHW.float(), GRID))
        f_BFuv = self.encoder(self.encoder_stem(functional.pixel_unshuffle(x_BCHW * _FEATURE_GAIN, 8)))
        y_BChw: Tensor = linear_BChw + self.encoder_head(functional.pixel_unshuffle(f_BFuv, 2)).float()
        return y_BChw

    def synthesise(self, y_BChw: Tensor, detail_B: Tensor) -> Tensor:
        """Latents -> YCbCr pixels (B, 3, 16 h, 16 w).

        `detail_B` is log2 of each image's quantiser step over the step the model was trained around.
        """
        with torch.autocast(y_BChw.device.type, enabled=False):
            x_BCHW = functional.pixel_shuffle(self.synthesis(y_BChw.float()), GRID)
        detail_BFuv = self.decoder_detail(detail_B.view(-1, 1, 1, 1).to(x_BCHW.dtype))
        f_BFuv = self.decoder_stem(functional.pixel_unshuffle(x_BCHW * _FEATURE_GAIN, 8)) + detail_BFuv
        correction_BCHW = functional.pixel_shuffle(self.decoder_head(self.decoder(f_BFuv)).float(), 8)
        return x_BCHW + correction_BCHW
