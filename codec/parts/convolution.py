"""Dense convolutions whose every position is the same whatever lies beside it, in a tile, a strip or a batch.

Shape legend: f_BIhw features; k taps a side.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.parts.blocks import product_of_rows

_BAND: Final = 4096
"""Positions that are gathered at a time: their taps stay in a CPU's cache."""


class Convolution(nn.Conv2d):
    """k x k taps at every position, k odd; beyond the edges the last row and column go on, as they do in images."""

    def __init__(self, channels_in: int, channels_out: int, taps: int = 3) -> None:
        super().__init__(channels_in, channels_out, taps, padding=taps // 2, padding_mode="replicate")

    def forward(self, f_BIhw: Tensor) -> Tensor:
        """(B, I, h, w) -> (B, O, h, w)."""
        return convolved(f_BIhw, self.weight, self.bias)


def convolved(f_BIhw: Tensor, weight_OIkk: Tensor, bias_O: Tensor | None) -> Tensor:
    """A convolution: run as one where gradients are wanted; else as the matrix product that it is, since a library
    picks the order in which it adds up a convolution by the size of the whole."""
    reach = weight_OIkk.shape[-1] // 2
    padded_BIhw = functional.pad(f_BIhw, (reach, reach, reach, reach), mode="replicate")
    if torch.is_grad_enabled():
        return functional.conv2d(padded_BIhw, weight_OIkk, bias_O)
    batch, _, height, width = f_BIhw.shape
    padded_BhwI = padded_BIhw.permute(0, 2, 3, 1)
    weight_OK = weight_OIkk.permute(0, 2, 3, 1).flatten(1)
    out_BhwO = f_BIhw.new_empty(batch, height, width, len(weight_OIkk))
    rows = max(1, _BAND // width)
    for top in range(0, height, rows):
        band = padded_BhwI[:, top : top + rows + 2 * reach]
        out_BhwO[:, top : top + rows] = product_of_rows(_taps(band, 2 * reach + 1), weight_OK, bias_O)
    return out_BhwO.permute(0, 3, 1, 2)


def _taps(f_BhwI: Tensor, side: int) -> Tensor:
    """What every position sees: (B, h - side + 1, w - side + 1, side x side x I)."""
    height, width = f_BhwI.shape[1] - side + 1, f_BhwI.shape[2] - side + 1
    near = [
        f_BhwI[:, down : down + height, across : across + width]
        for down in range(side)
        for across in range(side)
    ]
    return torch.cat(near, -1)
