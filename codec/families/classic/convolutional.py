"""The convolutional autoencoder that replaced the fully connected one: the log trained it at 172 and at 344 pixels.

It has no fixed input: the two differ in the crops that they were trained on, and in nothing else.

Shape legend: x_BCHW YCbCr pixels; f_BF.. features; y_BChw latents, h = H / 16.
"""

from __future__ import annotations

from torch import Tensor, nn

from codec.families.classic.config import ConvolutionalConfig
from codec.grid.network import GridNetwork
from codec.grid.principal import keep_principal
from codec.parts.blocks import Pointwise
from codec.parts.convolution import Convolution
from codec.parts.space_to_channels import from_patches, merge, split, to_patches

_SIDE = 4
"""Pixels a side of what the first layer takes as one."""


class Convolutional(GridNetwork):
    """Patches of 4 x 4, 3 x 3 taps, halved, 3 x 3 taps, halved; and back."""

    grid = 16
    halo = 1

    def __init__(self, config: ConvolutionalConfig) -> None:
        super().__init__()
        self.channels = config.channels
        values, near, far = 3 * _SIDE**2, config.width, config.width * 3 // 2
        self.encode_near, self.encode_far = Convolution(values, near), Convolution(4 * near, far)
        self.encode_last = Pointwise(4 * far, config.channels)
        self.decode_first = Pointwise(config.channels, 4 * far)
        self.decode_far, self.decode_near = Convolution(far, 4 * near), Convolution(near, values)
        self.bends = nn.ModuleList(nn.PReLU(width, init=1.0) for width in (near, far, far, near))

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        near, far = self.bends[:2]
        f = near(self.encode_near(to_patches(x_BCHW, _SIDE)))
        f = far(self.encode_far(merge(f)))
        y_BChw: Tensor = self.encode_last(merge(f))
        return y_BChw

    def synthesise(self, y_BChw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W)."""
        far, near = self.bends[2:]
        f = far(split(self.decode_first(y_BChw)))
        f = near(split(self.decode_far(f)))
        return from_patches(self.decode_near(f), _SIDE)

    def start(self, x_BCHW: Tensor) -> bool:
        """Begin as a chain of linear transforms, none of which bends anything yet."""
        f = to_patches(x_BCHW, _SIDE)
        for encode, decode in (
            (self.encode_near, self.decode_near),
            (self.encode_far, self.decode_far),
            (self.encode_last, self.decode_first),
        ):
            keep_principal(encode, decode, f)
            f = merge(encode(f))
        return True
