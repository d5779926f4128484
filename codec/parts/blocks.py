"""What the float networks are made of."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.parts.depthwise import depthwise
from codec.parts.lattice import WHOLE, Lattice
from codec.parts.start_values import draw, zero

_BAND: Final = 2048
"""Positions of large features that a CPU takes from 1x1 to 1x1 at a time: what lies between stays in its cache."""
_FEWEST_ROWS: Final = 8
"""Of a matrix product: those of fewer rows are added up in another order, and a row would not be what it is among
others."""


class Pointwise(nn.Conv2d):
    """A 1x1 convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 1)

    def forward(self, f_BIhw: Tensor) -> Tensor:
        """(B, I, h, w) -> (B, O, h, w)."""
        return product(f_BIhw, self.weight, self.bias)


class Product(nn.Conv2d):
    """A 1x1 convolution, in training too the matrix product that it is: faster both ways where positions are few."""

    def __init__(self, channels_in: int, channels_out: int, *, bias: bool = True) -> None:
        super().__init__(channels_in, channels_out, 1, bias=bias)

    def forward(self, f_BIhw: Tensor) -> Tensor:
        """(B, I, h, w) -> (B, O, h, w), in float32."""
        return product_in_float32(f_BIhw, self.weight, self.bias)


class Block(nn.Module):
    """Depthwise 3x3, then 1x1 out to `hidden` channels, twice the width unless said, Hardswish, 1x1 back; added to its
    input.

    Nearly all of its work is matrix products, which CPUs with bfloat16 do four times faster than float32;
    Hardswish, because exponentials there cost more than the products.
    """

    def __init__(self, width: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = hidden or 2 * width
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.expand = Pointwise(width, hidden)
        self.project = Pointwise(hidden, width)
        draw(self.depthwise.weight, std=0.1)
        self.depthwise.weight.data[:, :, 1, 1] += 0.7
        zero(self.depthwise.bias)
        draw(self.project.weight, std=0.3 / math.sqrt(hidden))
        zero(self.project.bias)

    def forward(self, f_BFhw: Tensor, lattice: Lattice = WHOLE) -> Tensor:
        """(B, F, h, w) -> the same at the positions of a lattice."""
        near = depthwise(f_BFhw, self.depthwise.weight, self.depthwise.bias, lattice)
        own = f_BFhw[:, :, lattice.rows, lattice.columns]
        if torch.is_grad_enabled() or near.device.type != "cpu" or near[0, 0].numel() <= 4 * _BAND:
            return self._mixed(near) + own
        out = torch.empty_like(near)
        rows = max(1, _BAND // near.shape[3])
        bands = (torch.split(whole, rows, 2) for whole in (near, own, out))
        for f, x, band in zip(*bands, strict=True):
            torch.add(self._mixed(f), x, out=band)
        return out

    def _mixed(self, near_BFhw: Tensor) -> Tensor:
        mixed: Tensor = self.project(functional.hardswish(self.expand(near_BFhw)))
        return mixed


def product(f_BIhw: Tensor, weight_OI11: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """A 1x1 convolution: run as one where gradients are wanted, which are computed faster so; else as the matrix
    product that it is, which spares a CPU the weights' reordering at every call, a fifth of a small layer's time."""
    if torch.is_grad_enabled():
        return functional.conv2d(f_BIhw, weight_OI11, bias_O)
    return _matrix_product(f_BIhw, weight_OI11, bias_O)


def product_in_float32(f_BIhw: Tensor, weight_OI11: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """The same in float32, whatever type is in force."""
    with torch.autocast(f_BIhw.device.type, enabled=False):
        return _matrix_product(f_BIhw.float(), weight_OI11, bias_O)


def _matrix_product(f_BIhw: Tensor, weight_OI11: Tensor, bias_O: Tensor | None) -> Tensor:
    return product_of_rows(f_BIhw.permute(0, 2, 3, 1), weight_OI11[:, :, 0, 0], bias_O).permute(0, 3, 1, 2)


def product_of_rows(f_BhwI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """The matrix product itself, (B, h, w, I) -> (B, h, w, O): a row is the same whatever rows are beside it."""
    f_nI = f_BhwI.flatten(0, 2)
    missing = max(0, _FEWEST_ROWS - len(f_nI))
    if missing:
        f_nI = functional.pad(f_nI, (0, 0, 0, missing))
    product_nO = functional.linear(f_nI, weight_OI, bias_O)
    if missing:
        product_nO = product_nO[:-missing]
    return product_nO.view(*f_BhwI.shape[:3], -1)


def concatenated(*parts_BFhw: Tensor) -> Tensor:
    """Channels of several features, one after the other: `torch.cat` moves those that lie together ten times faster
    than those that do not."""
    return torch.cat([part.permute(0, 2, 3, 1) for part in parts_BFhw], -1).permute(0, 3, 1, 2)
