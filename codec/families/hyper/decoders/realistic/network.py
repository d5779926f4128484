"""The realistic decoder: the faithful picture, and a difference to one that looks more like the world.

The faithful decoder is a copy of the codec's own that never learns. The other picture branches off it: it begins as the
faithful one, has the last blocks and the head of its own, and blocks at half resolution after them. Where the payload
says of a texture no more than that there is one, those shape noise: without any, a network can repeat nothing but the
grid of latents, and lays a hatch on sky and water.

Shape legend: y_BNhw latents and noise beside them, h = H/16, w = W/16; x_BCHW YCbCr pixels in [-0.5, 0.5]; x_BPuv
patches and f_BFuv features at 1/8; d_BDvw details, picture and noise at 1/2.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from codec.families.hyper.config import GRID
from codec.families.hyper.decoders.realistic.config import RealisticConfig
from codec.families.hyper.transforms import Synthesis, at_features
from codec.parts.blocks import Block, Pointwise, concatenated
from codec.parts.quality import QualityTable
from codec.parts.space_to_channels import from_patches, split, to_patches
from codec.parts.start_values import zero

_FINE: Final = GRID // 2
"""Pixels per feature position, each way."""
_HALF: Final = 2
"""Pixels per position at half resolution, each way."""
_GRAINS: Final = _HALF * _HALF
"""Values of noise at a position there: one a pixel."""
_PICTURE_GAIN: Final = 4.0
"""Pixels lie in +-0.5; the layers like inputs near one."""
_UNIFORM_TO_ONE: Final = 3.0**0.5
"""From the spread of uniform values in [-1, 1) to 1."""
_CORRECTION: Final = 0.1
"""What the layers add is small against pixels; so the last one's weights need not be."""


class Realistic(nn.Module):
    """Latents and noise -> pixels."""

    noise: Final = GRID * GRID
    """Values, uniform in [-1, 1), that lie behind the latents of a position: one a pixel."""

    def __init__(self, config: RealisticConfig) -> None:
        super().__init__()
        codec, drawing = config.codec, config.drawing
        self.config = config
        self.faithful = Synthesis(codec).requires_grad_(False)
        self.drawn = Drawn(config)
        self.halo = -(-(_FINE * codec.decoder_blocks + _HALF * drawing.layers) // GRID)
        """Latent positions beside a tile that its pixels depend on."""
        self._latents, self._shared = codec.latents, codec.decoder_blocks - drawing.blocks

    def begin(self, faithful: Synthesis) -> None:
        """Show what a codec's synthesis transform shows, before anything is learned."""
        self.faithful.load_state_dict(faithful.state_dict())
        for own, block in zip(self.drawn.blocks, list(faithful.blocks)[self._shared :], strict=True):
            own.load_state_dict(block.state_dict())
        self.drawn.gain.load_state_dict(faithful.gain.state_dict())
        self.drawn.head.load_state_dict(faithful.head.state_dict())

    def forward(self, y_BNhw: Tensor, quality: Tensor, strength_B: Tensor | None = None) -> Tensor:
        """(B, M + noise, h, w) -> (B, 3, 16 h, 16 w), float32.

        Args:
            quality: (B,), or (B, h, w) where an importance map says so.
            strength_B: how much of the difference is drawn: 0 is the faithful picture; 1, the default, all of it.
        """
        faithful_BCHW, difference_BCHW = self.parts(y_BNhw, quality)
        if strength_B is not None:
            difference_BCHW = difference_BCHW * strength_B[:, None, None, None]
        return faithful_BCHW + difference_BCHW

    def parts(self, y_BNhw: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """The faithful picture and the difference, (B, 3, 16 h, 16 w) each."""
        faithful, noise_BGvw = self.faithful, from_patches(y_BNhw[:, self._latents :].float(), _FINE)
        with torch.no_grad():
            x_BPuv, f_BFuv = faithful.begun(y_BNhw[:, : self._latents], quality)
            f_BFuv = faithful.blocks[: self._shared](f_BFuv)
            own_BFuv = faithful.blocks[self._shared :](f_BFuv)
            faithful_BCHW = faithful.corrected(x_BPuv, own_BFuv, quality)
        drawn_BCHW = self.drawn(x_BPuv, f_BFuv, faithful_BCHW, noise_BGvw * _UNIFORM_TO_ONE, quality)
        return faithful_BCHW, drawn_BCHW - faithful_BCHW


class Drawn(nn.Module):
    """The other picture."""

    def __init__(self, config: RealisticConfig) -> None:
        super().__init__()
        drawing, own = config.drawing, Synthesis(config.codec)
        self.shift = QualityTable(config.codec.width)
        self.blocks = nn.Sequential(*list(own.blocks)[: drawing.blocks])
        self.gain, self.head = own.gain, own.head
        self.details = Pointwise(config.codec.width, (_GRAINS + drawing.details) * (_FINE // _HALF) ** 2)
        width = _GRAINS + drawing.details + 3 * _HALF**2
        self.layers = nn.Sequential(*[Block(width) for _ in range(drawing.layers)])
        self.last = Pointwise(width, 3 * _HALF**2)
        zero(self.last.weight)
        zero(self.last.bias)

    def forward(
        self, x_BPuv: Tensor, f_BFuv: Tensor, faithful_BCHW: Tensor, noise_BGvw: Tensor, quality: Tensor
    ) -> Tensor:
        """(B, 3, H, W), float32.

        Args:
            x_BPuv: the linear reconstruction.
            f_BFuv: the faithful decoder's features, where this picture branches off.
            noise_BGvw: of spread 1.
        """
        fine = at_features(quality)
        f_BFuv = self.blocks(f_BFuv + self.shift.at(fine).to(f_BFuv.dtype))
        f_BFuv = f_BFuv * (1.0 + self.gain.at(fine)).to(f_BFuv.dtype)
        x_BCHW = from_patches(x_BPuv + self.head(f_BFuv), _FINE)
        d_BDvw = split(split(self.details(f_BFuv)))
        grain_BGvw = d_BDvw[:, :_GRAINS] * noise_BGvw.to(d_BDvw.dtype)
        picture_BPvw = to_patches(faithful_BCHW, _HALF).to(d_BDvw.dtype) * _PICTURE_GAIN
        d_BDvw = self.layers(concatenated(grain_BGvw, d_BDvw[:, _GRAINS:], picture_BPvw))
        added_BCHW = from_patches(self.last(d_BDvw).float() * _CORRECTION, _HALF)
        return x_BCHW + added_BCHW
