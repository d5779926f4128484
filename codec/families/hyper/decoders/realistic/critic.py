"""The critic: is this the original, or what a decoder drew over its faithful picture?

It looks at a picture and the faithful picture beside it, and answers for every patch of some 50 pixels (Isola et al.
2017, arXiv:1611.07004). Its layers are held to a spectral norm of 1 (Miyato et al. 2018, arXiv:1802.05957); the power
iteration begins anew at every call and keeps nothing, so that shares of a batch can be looked at side by side.

Shape legend: x_BCHW YCbCr pixels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

_GAIN: Final = 4.0
"""Pixels lie in +-0.5."""
_LEAK: Final = 0.2
_ITERATIONS: Final = 6


class Critic(nn.Module):
    """Pictures beside their faithful pictures -> a grade for every patch, high for originals."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        halved = [Normed(before, after, 4, stride=2) for before, after in pairwise((6, *widths))]
        self.layers = nn.ModuleList([*halved, Normed(widths[-1], widths[-1], 3), Normed(widths[-1], 1, 3)])

    def forward(self, x_BCHW: Tensor, faithful_BCHW: Tensor) -> Tensor:
        """(B, 1, H / 2^n, W / 2^n), for n widths."""
        f_BFuv = torch.cat((x_BCHW, x_BCHW - faithful_BCHW), 1) * _GAIN
        *layers, last = self.layers
        for layer in layers:
            f_BFuv = functional.leaky_relu(layer(f_BFuv), _LEAK)
        grade_B1uv: Tensor = last(f_BFuv)
        return grade_B1uv


class Normed(nn.Conv2d):
    """A convolution whose weights, as one matrix, have a spectral norm of 1, about."""

    def __init__(self, channels_in: int, channels_out: int, taps: int, *, stride: int = 1) -> None:
        super().__init__(channels_in, channels_out, taps, stride=stride, padding=1)
        nn.init.orthogonal_(self.weight)

    def forward(self, f_BIhw: Tensor) -> Tensor:
        """(B, I, h, w) -> (B, O, h / stride, w / stride)."""
        return functional.conv2d(
            f_BIhw, self.weight / _norm(self.weight.flatten(1)), self.bias, self.stride, self.padding
        )


def _norm(weight_OK: Tensor) -> Tensor:
    """The spectral norm, by power iteration from the sum of all columns."""
    with torch.no_grad():
        left_O = functional.normalize(weight_OK.sum(1), dim=0)
        for _ in range(_ITERATIONS):
            right_K = functional.normalize(torch.mv(weight_OK.T, left_O), dim=0)
            left_O = functional.normalize(torch.mv(weight_OK, right_K), dim=0)
    return torch.dot(left_O, torch.mv(weight_OK, right_K))
