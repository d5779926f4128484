"""The realistic decoder: the faithful picture, and a difference to one that looks more like the world.

The faithful decoder is a copy of the codec's own that never learns. The other picture branches off it: it begins as the
faithful one, has the last blocks and the head of its own, and layers at full resolution after them. Where the payload
says of a texture no more than that there is one, those shape noise: without any, a network can repeat nothing but the
grid of latents, and lays a hatch on sky and water.

Shape legend: y_BNhw latents and noise beside them, h = H/16, w = W/16; x_BCHW YCbCr pixels in [-0.5, 0.5]; x_BPuv
patches and f_BFuv features at 1/8; d_BDHW details at full resolution.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.hyper.config import GRID
from codec.families.hyper.decoders.realistic.config import RealisticConfig
from codec.families.hyper.transforms import Synthesis, at_features
from codec.parts.blocks import Pointwise
from codec.parts.convolution import Convolution
from codec.parts.quality import QualityTable
from codec.parts.space_to_channels import from_patches
from codec.parts.start_values import zero

_FINE: Final = GRID // 2
"""Pixels per feature position, each way."""
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
        self.halo = -(-(_FINE * codec.decoder_blocks + drawing.layers + 1) // GRID)
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
        faithful, noise_B1HW = self.faithful, from_patches(y_BNhw[:, self._latents :].float(), GRID)
        x_BPuv, f_BFuv = faithful.begun(y_BNhw[:, : self._latents], quality)
        f_BFuv = faithful.blocks[: self._shared](f_BFuv)
        own_BFuv = faithful.blocks[self._shared :](f_BFuv)
        faithful_BCHW = faithful.corrected(x_BPuv, own_BFuv, quality)
        drawn_BCHW = self.drawn(x_BPuv, f_BFuv, faithful_BCHW, noise_B1HW * _UNIFORM_TO_ONE, quality)
        return faithful_BCHW, drawn_BCHW - faithful_BCHW


class Drawn(nn.Module):
    """The other picture."""

    def __init__(self, config: RealisticConfig) -> None:
        super().__init__()
        drawing, own = config.drawing, Synthesis(config.codec)
        self.shift = QualityTable(config.codec.width)
        self.blocks = nn.Sequential(*list(own.blocks)[: drawing.blocks])
        self.gain, self.head = own.gain, own.head
        self.details = Pointwise(config.codec.width, drawing.details * _FINE**2)
        widths = (drawing.details + 4, *(drawing.width for _ in range(drawing.layers)))
        self.layers = nn.ModuleList(Convolution(before, after) for before, after in pairwise(widths))
        self.last = Convolution(drawing.width, 3)
        zero(self.last.weight)
        zero(self.last.bias)
        self._grains = drawing.grains

    def forward(
        self, x_BPuv: Tensor, f_BFuv: Tensor, faithful_BCHW: Tensor, noise_B1HW: Tensor, quality: Tensor
    ) -> Tensor:
        """(B, 3, H, W), float32.

        Args:
            x_BPuv: the linear reconstruction.
            f_BFuv: the faithful decoder's features, where this picture branches off.
            noise_B1HW: of spread 1.
        """
        fine = at_features(quality)
        f_BFuv = self.blocks(f_BFuv + self.shift.over(fine).to(f_BFuv.dtype))
        f_BFuv = f_BFuv * (1.0 + self.gain.over(fine)).to(f_BFuv.dtype)
        x_BCHW = from_patches(x_BPuv + self.head(f_BFuv), _FINE)
        d_BDHW = from_patches(self.details(f_BFuv), _FINE)
        grain_BGHW = d_BDHW[:, : self._grains] * noise_B1HW.to(d_BDHW.dtype)
        seen = (grain_BGHW, d_BDHW[:, self._grains :], faithful_BCHW * _PICTURE_GAIN, noise_B1HW)
        d_BDHW = torch.cat([part.to(d_BDHW.dtype) for part in seen], 1)
        for layer in self.layers:
            d_BDHW = functional.hardswish(layer(d_BDHW))
        added_BCHW: Tensor = self.last(d_BDHW).float() * _CORRECTION
        return x_BCHW + added_BCHW
