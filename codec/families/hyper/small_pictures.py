"""Smaller pictures from coarse latents: the linear path of the synthesis, averaged over the pixels that become one.

The deep branch, which corrects what a pixel looks like among its neighbours, is left out: averages hardly see it.

Shape legend: y_BMhw latents; s pixels per latent position each way; weight_PM of the patches of s x s pixels.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final

import torch
from torch import Tensor

from codec.families.hyper.config import GRID
from codec.families.hyper.model import HyperModel
from codec.parts.blocks import product_in_float32
from codec.parts.space_to_channels import from_patches

_UNSEEN: Final = 1e-5
"""Mean squared error, of samples within a range of 1, that slices left out may cost: 50 dB, where the deep branch costs
42 to 44."""


class SmallPictures:
    """The pictures of one model at one half to one sixteenth."""

    def __init__(self, model: HyperModel) -> None:
        """Take the model; a matrix is averaged when its size is first asked for."""
        self._model = model
        self._weights: dict[int, Tensor] = {}

    def channels_at(self, denominator: int) -> int:
        """How many latent channels, from the first, the picture is made of."""
        return self._matrix(denominator).shape[1]

    def synthesise(self, y_BMhw: Tensor, denominator: int) -> Tensor:
        """(B, channels, h, w) -> (B, 3, 16 / denominator h, 16 / denominator w), float32."""
        weight_PM11 = self._matrix(denominator)[:, :, None, None]
        return from_patches(product_in_float32(y_BMhw, weight_PM11), GRID // denominator)

    def _matrix(self, denominator: int) -> Tensor:
        if denominator not in self._weights:
            whole_PM = self._model.synthesis.linear.weight[:, :, 0, 0].float()
            self._weights[denominator] = _seen(_averaged(whole_PM, denominator), self._model)
        return self._weights[denominator]


def _averaged(weight_PM: Tensor, denominator: int) -> Tensor:
    """Of patches of 16 x 16 pixels -> of those that are left of them."""
    side = GRID // denominator
    split = weight_PM.view(3, side, denominator, side, denominator, -1)
    return split.mean((2, 4)).flatten(0, 2)


def _seen(weight_PM: Tensor, model: HyperModel) -> Tensor:
    """Without the last slices, as many as together show less than `_UNSEEN`."""
    energy_M = weight_PM.square().mean(0) * model.analysis.size.square()
    ends = list(accumulate(model.config.slices))
    enough = next(end for end in ends if float(energy_M[end:].sum()) <= _UNSEEN)
    return torch.clone(weight_PM[:, :enough], memory_format=torch.contiguous_format)
