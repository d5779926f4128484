"""Analysis and synthesis: YCbCr pixels <-> latents at 1/16.

Two paths side by side. A linear one, the 16x16 Karhunen-Loeve transform of photographs, carries the image; blocks
at 1/8, whose last layers start at zero, learn what a linear transform cannot. Nothing is normalised or pooled: what
a pixel sees is finite, so that tiles can equal the whole.

Shape legend: x_BCHW YCbCr pixels in [-0.5, 0.5]; y_BMhw latents, h = H/16, w = W/16; f_BFuv features
and x_BPuv patches at 1/8.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from codec.families.hyper.config import GRID, PATCH_VALUES, EncoderShape, ModelConfig
from codec.parts.blocks import Block, Pointwise, concatenated, product, product_in_float32
from codec.parts.quality import QualityTable
from codec.parts.space_to_channels import from_patches, merge, quartered, to_patches
from codec.parts.start_values import zero

_FEATURE_GAIN: Final = 4.0
"""Pixels lie in +-0.5; the blocks like inputs near one."""
_CORRECTION: Final = 0.1
"""Corrections of the linear reconstruction are small against pixels; so the last layer's weights need not be."""


class Linear(nn.Module):
    """A linear map whose coarse latents, which hold nearly all of the energy, pass in float32, and the rest in
    whatever type is in force: bfloat16 moves those by a hundredth of the finest quantiser step."""

    def __init__(self, channels_in: int, channels_out: int, *, coarse: int, coarse_side: str) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels_out, channels_in, 1, 1))
        self._coarse, self._coarse_in = coarse, coarse_side == "in"

    def forward(self, f_BIhw: Tensor) -> Tensor:
        """(B, I, h, w) -> (B, O, h, w), float32."""
        weight, coarse = self.weight, self._coarse
        if self._coarse_in:
            fine = product(f_BIhw[:, coarse:], weight[:, coarse:])
            return fine + product_in_float32(f_BIhw[:, :coarse], weight[:, :coarse])
        return concatenated(product_in_float32(f_BIhw, weight[:coarse]), product(f_BIhw, weight[coarse:]))


class Scaled(Pointwise):
    """One that takes its input, and gives its output, in units of its own."""

    def __init__(
        self, channels_in: int, channels_out: int, *, scale_in: float = 1.0, scale_out: float = 1.0
    ) -> None:
        super().__init__(channels_in, channels_out)
        self._scale_in, self._scale_out = scale_in, scale_out

    def forward(self, f_BIhw: Tensor) -> Tensor:
        """(B, I, h, w) -> (B, O, h, w)."""
        assert self.bias is not None
        weight = self.weight * (self._scale_in * self._scale_out)  # not the features: those are many
        return product(f_BIhw, weight, self.bias * self._scale_out)


class Analysis(nn.Module):
    """Pixels -> latents, in units of orthonormal coefficients."""

    def __init__(self, config: ModelConfig, shape: EncoderShape | None = None) -> None:
        """The codec's own, or one of another shape."""
        super().__init__()
        shape = shape or config.encoder
        self.linear = Linear(PATCH_VALUES, config.latents, coarse=config.slices[0], coarse_side="out")
        self.stem = Scaled(192, shape.width, scale_in=_FEATURE_GAIN)
        self.blocks = nn.Sequential(*[Block(shape.width, hidden) for hidden in shape.hidden])
        self.head = Pointwise(4 * shape.width, config.latents)
        zero(self.head.weight)
        zero(self.head.bias)
        self.size: Tensor
        """(M,): how large each latent typically is; the deep branch counts in this, so that every channel learns at
        its own pace."""
        self.register_buffer("size", torch.ones(config.latents))

    @property
    def halo(self) -> int:
        """Latent positions beside a tile that its latents depend on."""
        return (len(self.blocks) + 1) // 2

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, M, H/16, W/16), float32."""
        linear_BMhw = self.linear(to_patches(x_BCHW, GRID))
        f_BFuv = self.blocks(self.stem(to_patches(x_BCHW, GRID // 2)))
        deep_BMhw = self.head(merge(f_BFuv)).float()
        y_BMhw: Tensor = linear_BMhw + deep_BMhw * self.size[None, :, None, None]
        return y_BMhw


class Synthesis(nn.Module):
    """Latents -> pixels: the linear reconstruction, and a correction that knows the quality."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.linear = Linear(config.latents, PATCH_VALUES, coarse=config.slices[0], coarse_side="in")
        self.stem = Scaled(192, config.width, scale_in=_FEATURE_GAIN)
        self.shift = QualityTable(config.width)
        self.blocks = nn.Sequential(*[Block(config.width) for _ in range(config.decoder_blocks)])
        self.gain = QualityTable(config.width)
        self.head = Scaled(config.width, 192, scale_out=_CORRECTION)
        zero(self.head.weight)
        zero(self.head.bias)

    def forward(self, y_BMhw: Tensor, quality: Tensor) -> Tensor:
        """(B, M, h, w) -> (B, 3, 16 h, 16 w), float32; `quality` is (B,) or (B, h, w)."""
        x_BPuv, f_BFuv = self.begun(y_BMhw, quality)
        return self.corrected(x_BPuv, self.blocks(f_BFuv), quality)

    def begun(self, y_BMhw: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """The linear reconstruction, (B, 192, 2 h, 2 w), and what the first block sees of it."""
        x_BPuv = quartered(self.linear(y_BMhw), GRID)
        stem = self.stem(x_BPuv)
        return x_BPuv, stem + self.shift.at(at_features(quality)).to(stem.dtype)

    def corrected(self, x_BPuv: Tensor, f_BFuv: Tensor, quality: Tensor) -> Tensor:
        """The reconstruction and what the last block's features correct it by, (B, 3, 16 h, 16 w)."""
        f_BFuv = f_BFuv * (1.0 + self.gain.at(at_features(quality))).to(f_BFuv.dtype)
        return from_patches(x_BPuv + self.head(f_BFuv), GRID // 2)


def at_features(quality: Tensor) -> Tensor:
    """Qualities (B,) as they are; those of latent positions, (B, h, w), at the positions of features, (B, 2 h, 2 w)."""
    return quality if quality.dim() == 1 else quality.repeat_interleave(2, 1).repeat_interleave(2, 2)
