"""Pixels to codes at 1/32, and codes to pictures: the likeliest one, or one that noise was drawn for.

The encoder is a linear path, principal components of 32 x 32 pixels at half size, beside blocks that begin at zero. The
decoder climbs from 1/32 to 1/8 and forks there: the faithful picture is what squared error makes of the features, the
drawn one puts shaped noise over it at half resolution, in one step: a bridge of several was tried on `hyper-1`, and was
worse.

Shape legend: x_BCHW YCbCr pixels in [-0.5, 0.5]; s_BChw pixels at half size; y_BChw codes and noise at 1/32; f_BFuv
features at 1/8; d_BDvw details, picture and noise at 1/2.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.sketch.config import GRID, SketchShape
from codec.families.sketch.words import Told, places_of
from codec.grid.network import GridNetwork
from codec.grid.principal import keep_principal
from codec.grid.quality import OWN_QUALITY
from codec.parts.blocks import Block, Pointwise, concatenated
from codec.parts.space_to_channels import from_patches, merge, split, to_patches
from codec.parts.start_values import zero

_HALF: Final = 2
"""Pixels a position at half resolution, each way."""
_FINE: Final = 8
"""Pixels a feature position, each way."""
_GRAINS: Final = _HALF * _HALF
"""Values of noise at a position at half resolution: one a pixel."""
_BLOCK_VALUES: Final = 3 * (GRID // _HALF) ** 2
_PICTURE_GAIN: Final = 4.0
"""Pixels lie in +-0.5; the layers like inputs near one."""
_LEVELS_PER_OCTAVE: Final = 22.0
"""Quality levels from one step to half of it."""
_CODE_GAIN: Final = 0.5
"""Codes of a flat area reach +-8 in units of the network's own."""
_CORRECTION: Final = 0.1
"""What is added to a picture is small against pixels, and so the last layers' weights need not be."""
_UNIFORM_TO_ONE: Final = 3.0**0.5
"""From the spread of uniform values in [-1, 1] to 1."""


class Sketch(GridNetwork):
    """Implements `codec.grid.network.GridNetwork`."""

    grid = GRID

    def __init__(self, shape: SketchShape) -> None:
        super().__init__()
        self.channels, self.chained = shape.codes, shape.chained
        self.noise = GRID * GRID + shape.grain * (GRID // _FINE) ** 2
        self.encoder, self.decoder = Downwards(shape), Upwards(shape)
        near, middle, far = shape.blocks[::-1]
        seen = _FINE * near + 2 * _FINE * middle + GRID * far + _HALF * shape.layers
        self.halo = -(-seen // GRID)

    def steps(self, quality: float) -> npt.NDArray[np.float32]:
        """The step of every code at a quality, (C,): 2.7 at 0, 1 at `OWN_QUALITY`, 0.38 at 63."""
        return np.full(self.channels, 2.0 ** ((OWN_QUALITY - quality) / _LEVELS_PER_OCTAVE), np.float32)

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        y_BChw: Tensor = self.encoder(x_BCHW)
        return y_BChw

    def told(self, words: str | None) -> Tensor:
        """(1, V)."""
        return places_of(words)[None]

    def synthesise(self, y_BChw: Tensor, words_BV: Tensor | None = None) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W), the faithful picture; with noise behind the codes, a drawn one."""
        codes_BChw, noise_BNhw = y_BChw[:, : self.channels], y_BChw[:, self.channels :]
        if noise_BNhw.shape[1]:
            return self.both(codes_BChw, noise_BNhw, words_BV)[1]
        x_BCHW: Tensor = self.decoder.faithful(codes_BChw, words_BV)[0]
        return x_BCHW

    def both(
        self, codes_BChw: Tensor, noise_BNhw: Tensor, words_BV: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The faithful picture and the drawn one, (B, 3, H, W) each.

        Args:
            words_BV: what somebody says of each picture, as `places_of` has it; None where nobody does.
        """
        faithful_BCHW, f_BFuv = self.decoder.faithful(codes_BChw, words_BV)
        return faithful_BCHW, self.decoder.drawn(faithful_BCHW, f_BFuv, noise_BNhw * _UNIFORM_TO_ONE)

    def start(self, x_BCHW: Tensor) -> bool:
        """Begin as principal components of pictures at half size."""
        keep_principal(self.encoder.linear, self.decoder.linear, halved(x_BCHW))
        return True


class Downwards(nn.Module):
    """Pixels -> codes, not yet rounded."""

    def __init__(self, shape: SketchShape) -> None:
        super().__init__()
        near, far = shape.encoder
        self.linear = Pointwise(_BLOCK_VALUES, shape.codes)
        self.stem = Pointwise(3 * _FINE**2, near)
        self.near = nn.Sequential(Block(near), Block(near))
        self.widen = Pointwise(4 * near, far)
        self.far = nn.Sequential(Block(far), Block(far))
        self.head = Pointwise(4 * far, shape.codes)
        zero(self.head.weight)
        zero(self.head.bias)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        f_BFuv = self.near(self.stem(to_patches(x_BCHW * _PICTURE_GAIN, _FINE)))
        f_BFuv = self.far(self.widen(merge(f_BFuv)))
        with torch.autocast(x_BCHW.device.type, enabled=False):
            linear_BChw = self.linear(halved(x_BCHW.float()))
        y_BChw: Tensor = linear_BChw + self.head(merge(f_BFuv)).float()
        return y_BChw


class Upwards(nn.Module):
    """Codes -> pictures."""

    def __init__(self, shape: SketchShape) -> None:
        super().__init__()
        far, middle, near = shape.decoder
        self.linear = Pointwise(shape.codes, _BLOCK_VALUES)
        self.stem = Pointwise(shape.codes, far)
        self.told = Told(shape.words, far, middle, near)
        self.far = nn.Sequential(*[Block(far) for _ in range(shape.blocks[0])])
        self.to_middle = Pointwise(far, 4 * middle)
        self.middle = nn.Sequential(*[Block(middle) for _ in range(shape.blocks[1])])
        self.to_near = Pointwise(middle, 4 * near)
        self.near = nn.Sequential(*[Block(near) for _ in range(shape.blocks[2] - 1)])
        self.head = Pointwise(near, 3 * _FINE**2)
        zero(self.head.weight)
        zero(self.head.bias)
        self.grain = Pointwise(shape.grain, near)
        self.last_near = Block(near)
        self.details = Pointwise(near, (_GRAINS + shape.details) * (_FINE // _HALF) ** 2)
        width = _GRAINS + shape.details + 3 * _HALF**2
        self.layers = nn.Sequential(*[Block(width) for _ in range(shape.layers)])
        self.last = Pointwise(width, 3 * _HALF**2)
        zero(self.last.weight)
        zero(self.last.bias)

    def faithful(self, codes_BChw: Tensor, words_BV: Tensor | None) -> tuple[Tensor, Tensor]:
        """The picture of least error, (B, 3, H, W), float32, and the features that it was made of."""
        with torch.autocast(codes_BChw.device.type, enabled=False):
            block_BPhw = self.linear(codes_BChw.float())
        s_BCvw = from_patches(block_BPhw.float(), GRID // _HALF)
        far, middle, near = self.told(words_BV) if words_BV is not None else (0.0, 0.0, 0.0)
        f_BFhw = self.far(self.stem(codes_BChw * _CODE_GAIN) + far)
        f_BFuv = self.near(split(self.to_near(self.middle(split(self.to_middle(f_BFhw)) + middle))) + near)
        base_BCHW = functional.interpolate(s_BCvw, scale_factor=_HALF, mode="nearest")
        return base_BCHW + from_patches(self.head(f_BFuv).float() * _CORRECTION, _FINE), f_BFuv

    def drawn(self, faithful_BCHW: Tensor, f_BFuv: Tensor, noise_BNhw: Tensor) -> Tensor:
        """One of the pictures that may have been, (B, 3, H, W), float32.

        Args:
            noise_BNhw: of spread 1.
        """
        fine_BGvw = from_patches(noise_BNhw[:, : GRID * GRID].float(), GRID // _HALF)
        coarse_BGuv = from_patches(noise_BNhw[:, GRID * GRID :].float(), GRID // _FINE)
        f_BFuv = self.last_near(f_BFuv + self.grain(coarse_BGuv))
        d_BDvw = split(split(self.details(f_BFuv)))
        grain_BGvw = d_BDvw[:, :_GRAINS] * fine_BGvw.to(d_BDvw.dtype)
        picture_BPvw = to_patches(faithful_BCHW, _HALF).to(d_BDvw.dtype) * _PICTURE_GAIN
        d_BDvw = self.layers(concatenated(grain_BGvw, d_BDvw[:, _GRAINS:], picture_BPvw))
        return faithful_BCHW + from_patches(self.last(d_BDvw).float() * _CORRECTION, _HALF)


def halved(x_BCHW: Tensor) -> Tensor:
    """What the linear path sees of pixels: blocks of 32 x 32 at half size, (B, 768, h, w)."""
    return to_patches(functional.avg_pool2d(x_BCHW, _HALF), GRID // _HALF)
