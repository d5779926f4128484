"""The editor: a network that changes a picture so that its JPEG file is smaller, and shows about the same.

It sees what the file will hold, each luma coefficient in units of its quantiser step, so that one network serves every
quality: whether 0.6 of a step is worth its bits is nearly the same question whatever the step.

Shape legend: x_BCHW YCbCr planes of the file's picture, H and W multiples of 8; c_B64nm luma coefficients of its blocks
over their steps; f_BFnm features.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from codec.families.standard.config import BLOCK, EditorConfig
from codec.families.standard.soft_jpeg import from_coefficients, to_coefficients
from codec.parts.blocks import Block, Pointwise
from codec.parts.quality import QualityTable
from codec.parts.start_values import zero

_FURTHEST: Final = 1.0
"""Steps by which a coefficient moves at most."""


class Editor(nn.Module):
    """Planes -> planes; before training, the same."""

    def __init__(self, config: EditorConfig) -> None:
        super().__init__()
        coefficients = BLOCK * BLOCK
        self.stem = Pointwise(coefficients, config.width)
        self.told = QualityTable(config.width)
        self.blocks = nn.Sequential(*[Block(config.width) for _ in range(config.blocks)])
        self.head = Pointwise(config.width, coefficients)
        zero(self.head.weight)
        zero(self.head.bias)

    def forward(self, x_BCHW: Tensor, steps_B288: Tensor, quality_B: Tensor) -> Tensor:
        """(B, 3, H, W) -> the same, its luma edited."""
        steps_B188 = steps_B288[:, :1]
        c_B64nm = to_coefficients(x_BCHW[:, :1], steps_B188)[:, 0].flatten(3).permute(0, 3, 1, 2)
        f_BFnm = self.stem(torch.asinh(2.0 * c_B64nm)) + self.told(quality_B)[:, :, None, None]
        moved_B64nm = c_B64nm + _FURTHEST * torch.tanh(self.head(self.blocks(f_BFnm)).float())
        batch, _, down, across = moved_B64nm.shape
        edited = moved_B64nm.permute(0, 2, 3, 1).reshape(batch, 1, down, across, BLOCK, BLOCK)
        return torch.cat((from_coefficients(edited, steps_B188), x_BCHW[:, 1:]), 1)
