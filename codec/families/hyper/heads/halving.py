"""The latents of a picture of half the size, from those of the picture: a matrix, since both are nearly linear.

Four neighbours make one: their patches are shown by the linear path of the synthesis, averaged two by two, and analysed
as one patch. What the deep branches would add is left out.

Shape legend: y_BMhw latents; weight_PM patches of 3 x 16 x 16 values from latents, weight_MP the reverse.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codec.families.hyper.config import GRID
from codec.families.hyper.model import HyperModel


def halving_matrix(model: HyperModel, *, channels: int, coarse: int) -> Tensor:
    """(channels, 4 coarse): the first latents of half the picture from the first latents of four neighbours, in the
    order of `codec.parts.space_to_channels.merge`."""
    shown_PM = model.synthesis.linear.weight[:, :coarse, 0, 0].detach().float()
    seen_MP = model.analysis.linear.weight[:channels, :, 0, 0].detach().float()
    half = GRID // 2
    averaged = shown_PM.view(3, half, 2, half, 2, coarse).mean((2, 4))
    quarters = []
    for row in (0, half):
        for column in (0, half):
            patch = torch.zeros(3, GRID, GRID, coarse)
            patch[:, row : row + half, column : column + half] = averaged
            quarters.append(seen_MP @ patch.view(-1, coarse))
    return torch.cat(quarters, 1)
