"""What is trained: a network, and what makes symbols of its latents.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents in steps of the preset's own quality, around zero; v_BChw latents in
steps of any quality.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from codec.grid.network import GridNetwork

_LEAST_CHANCE: Final = 1e-9
_LEAST_DEVIATION: Final = 1e-6
_LEAST_SPREAD: Final = 0.05
_TYPICAL_SYMBOL: Final = 4.0
"""Standard deviation of a channel's symbols at the start of a run."""
_AFTER_RELU: Final = math.sqrt(2.0)
_SPREAD_OF_DEVIATION: Final = math.sqrt(3.0) / math.pi
"""A logistic distribution's scale over its standard deviation."""


class GridModel(nn.Module):
    """A network whose channels have a gain, a centre, and a logistic distribution that tells what they cost.

    The distribution serves training alone: what is shipped are tables, counted at the end (`codec.entropy.factorised`).
    """

    def __init__(self, network: GridNetwork) -> None:
        super().__init__()
        self.network = network
        self.log_gain_C = nn.Parameter(torch.zeros(network.channels))
        self.centre_C = nn.Parameter(torch.zeros(network.channels))
        self.log_spread_C = nn.Parameter(torch.zeros(network.channels))

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        return self.network.analyse(x_BCHW) * _each(self.log_gain_C.exp()) - _each(self.centre_C)

    def synthesise(self, y_BChw: Tensor, *told_BV: Tensor) -> Tensor:
        """(B, C, h, w), and what a network that may be told something takes of it -> (B, 3, H, W)."""
        channels = self.network.channels
        own_BChw, noise = self.own_units(y_BChw[:, :channels]), y_BChw[:, channels:]
        return self.network.synthesise(
            torch.cat((own_BChw, noise), 1) if noise.shape[1] else own_BChw, *told_BV
        )

    def own_units(self, y_BChw: Tensor) -> Tensor:
        """Latents as `network.synthesise` takes them."""
        return (y_BChw + _each(self.centre_C)) * _each((-self.log_gain_C).exp())

    def bits(self, v_BChw: Tensor, step_B: Tensor) -> Tensor:
        """About what the symbols of each image cost, (B,), with a gradient.

        Args:
            v_BChw: latents over their step, with uniform noise of one step in place of rounding.
            step_B: the step of each image.
        """
        spread_BC11 = _each(self.log_spread_C.exp()) / step_B.view(-1, 1, 1, 1)
        beyond_BChw = -v_BChw.abs()  # where a difference of sigmoids is exact
        upper = torch.sigmoid((beyond_BChw + 0.5) / spread_BC11)
        lower = torch.sigmoid((beyond_BChw - 0.5) / spread_BC11)
        return -torch.log2((upper - lower).clamp_min(_LEAST_CHANCE)).sum((1, 2, 3))

    def draw(self) -> None:
        """Draw the weights of every convolution anew, so that none makes its input much larger or smaller."""
        with torch.no_grad():
            for layer in self.network.modules():
                if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                    middle = layer.kernel_size[0] // 2
                    turn_OI = nn.init.orthogonal_(torch.empty(layer.weight.shape[:2]), gain=_AFTER_RELU)
                    nn.init.zeros_(layer.weight)
                    layer.weight[:, :, middle, middle] = turn_OI
                    nn.init.zeros_(layer.bias)

    def fit_symbols(self, x_BCHW: Tensor, unit: float | None) -> None:
        """Set gains, centres and spreads to what these images have.

        Args:
            x_BCHW: the images.
            unit: the step of every channel; None for one that suits the channel, so that all symbols are of one size.
        """
        with torch.no_grad():
            y_nC = self.network.analyse(x_BCHW).permute(0, 2, 3, 1).flatten(0, 2)
            deviation_C = y_nC.std(0).clamp_min(_LEAST_DEVIATION)
            gain_C = (
                _TYPICAL_SYMBOL / deviation_C if unit is None else torch.full_like(deviation_C, 1.0 / unit)
            )
            self.log_gain_C.copy_(gain_C.log())
            self.centre_C.copy_(y_nC.mean(0) * gain_C)
            self.log_spread_C.copy_(
                (deviation_C * gain_C * _SPREAD_OF_DEVIATION).clamp_min(_LEAST_SPREAD).log()
            )


def _each(values_C: Tensor) -> Tensor:
    return values_C.view(1, -1, 1, 1)
