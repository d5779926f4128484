"""A branch beside an autoencoder, from patches of one size to latents and from latents to patches.

The log's "multi-stride residual convolutions": with strides of 2, 4 and 8 side by side, each size of structure has a
short way through. Skips within the encoder, or within the decoder, take no bytes.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

from codec.grid.principal import keep_principal
from codec.parts.blocks import Pointwise
from codec.parts.space_to_channels import from_patches, to_patches

_WIDTH: Final = 4
"""Features of a patch, for each pixel of its side."""


class MultiStride(nn.Module):
    """Patches of `stride` pixels -> features -> latents; and back."""

    def __init__(self, *, stride: int, grid: int, channels: int) -> None:
        super().__init__()
        self.stride, self._together = stride, grid // stride
        values, features = 3 * stride**2, _WIDTH * stride
        gathered = features * self._together**2
        self.encode, self.encode_last = Pointwise(values, features), Pointwise(gathered, channels)
        self.decode, self.decode_last = Pointwise(channels, gathered), Pointwise(features, values)
        self.bends = nn.ModuleList(nn.PReLU(features, init=1.0) for _ in range(2))

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        f_BFuv = self.bends[0](self.encode(to_patches(x_BCHW, self.stride)))
        y_BChw: Tensor = self.encode_last(to_patches(f_BFuv, self._together))
        return y_BChw

    def synthesise(self, y_BChw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W)."""
        f_BFuv = self.bends[1](from_patches(self.decode(y_BChw), self._together))
        return from_patches(self.decode_last(f_BFuv), self.stride)

    def start(self, x_BCHW: Tensor) -> None:
        """Begin as a linear transform that bends nothing yet."""
        p_BVuv = to_patches(x_BCHW, self.stride)
        keep_principal(self.encode, self.decode_last, p_BVuv)
        keep_principal(self.encode_last, self.decode, to_patches(self.encode(p_BVuv), self._together))

    def ends(self) -> tuple[nn.Conv2d, nn.Conv2d]:
        """The layers whose results are added to what others give."""
        return self.encode_last, self.decode_last
