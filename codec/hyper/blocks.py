"""What the float networks are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.hyper.lattice import WHOLE, Lattice, depthwise


class Block(nn.Module):
    """Depthwise 3x3, then 1x1 out to twice the width, Hardswish, 1x1 back; added to its input.

    Nearly all of its work is matrix products, which CPUs with bfloat16 do four times faster than float32;
    Hardswish, because exponentials there cost more than the products.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.expand = nn.Conv2d(width, 2 * width, 1)
        self.project = nn.Conv2d(2 * width, width, 1)
        nn.init.zeros_(self.depthwise.weight)
        self.depthwise.weight.data[:, :, 1, 1] = 1.0
        nn.init.normal_(self.depthwise.weight, mean=0.0, std=0.1)
        self.depthwise.weight.data[:, :, 1, 1] += 0.7
        zero(self.depthwise.bias)
        nn.init.normal_(self.project.weight, std=0.3 / math.sqrt(2 * width))
        zero(self.project.bias)

    def forward(self, f_BFhw: Tensor, lattice: Lattice = WHOLE) -> Tensor:
        """(B, F, h, w) -> the same at the positions of a lattice."""
        near = depthwise(f_BFhw, self.depthwise.weight, self.depthwise.bias, lattice)
        out: Tensor = self.project(functional.hardswish(self.expand(near)))
        return out + f_BFhw[:, :, lattice.rows, lattice.columns]


def product_in_float32(f_BIhw: Tensor, weight_OI11: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """A 1x1 convolution as a matrix product in float32, whatever type is in force."""
    with torch.autocast(f_BIhw.device.type, enabled=False):
        product = functional.linear(f_BIhw.float().permute(0, 2, 3, 1), weight_OI11[:, :, 0, 0], bias_O)
    return product.permute(0, 3, 1, 2)


def zero(parameter: Tensor | None) -> None:
    """Start a layer's weight or bias at zero."""
    if parameter is not None:
        nn.init.zeros_(parameter)
