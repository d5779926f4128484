"""Which table codes each symbol: a network of integers, fed by integers already decoded.

Here is its training face: float tensors rounded to what the integers will be (straight-through). `integer_scales.py`
runs the same weights as integers. Activations are 0 to 255 sixteenths, weights -127 to 127 sixty-fourths, and the table
index is the last sum's integer part, in steps of `TABLE_STEP` of the logarithm of a Laplace scale.

Shape legend: z_BNuv hyper-latents at 1/64; m_BMhw magnitudes of symbols; s_BShw features.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.entropy.tables import SMALLEST_SCALE, TABLE_STEP
from codec.families.hyper.config import ModelConfig
from codec.parts.depthwise import depthwise
from codec.parts.lattice import WHOLE, Lattice
from codec.parts.quality import QualityTable
from codec.parts.space_to_channels import split
from codec.parts.start_values import draw

ACTIVATION_ONE: Final = 16
WEIGHT_ONE: Final = 64
Z_LIMIT: Final = 127
"""Largest magnitude of a hyper-latent."""
HEAD_GAIN: Final = 4
"""The last layer's sums count this many table steps each, so that its weights stay small."""


def scale_of(index: Tensor) -> Tensor:
    """The Laplace scale that a table index stands for."""
    return SMALLEST_SCALE * torch.exp(index * TABLE_STEP)


def index_of(scale: Tensor) -> Tensor:
    """The table index (not rounded) whose Laplace scale is `scale`."""
    return torch.log(scale / SMALLEST_SCALE) / TABLE_STEP


class IntegerLayer(nn.Module):
    """A 1x1 or depthwise 3x3 layer whose weights are whole sixty-fourths."""

    def __init__(self, channels_in: int, channels_out: int, *, depthwise: bool = False) -> None:
        super().__init__()
        side, fan = (3, 9) if depthwise else (1, channels_in)
        self.weight = nn.Parameter(torch.empty(channels_out, 1 if depthwise else channels_in, side, side))
        draw(self.weight, std=1.0 / math.sqrt(fan))
        self.bias = nn.Parameter(torch.zeros(channels_out))

    def forward(self, a_BShw: Tensor, lattice: Lattice = WHOLE) -> Tensor:
        """The sums, not yet an activation; at the positions of a lattice, if it is a 3x3 layer."""
        weight = _through(whole_weights(self.weight) / WEIGHT_ONE, self.weight)
        if self.weight.shape[-1] == 1:
            return functional.conv2d(a_BShw, weight, self.bias)
        return depthwise(a_BShw, weight, self.bias, lattice)


def whole_weights(weight: Tensor) -> Tensor:
    """Weights in sixty-fourths, rounded to what an int8 holds."""
    return (weight * WEIGHT_ONE).clamp(-127, 127).round()


def activation(sums: Tensor) -> Tensor:
    """Sums -> 0 to 255 sixteenths, rounded half up, straight-through."""
    clipped = sums.clamp(0.0, 255 / ACTIVATION_ONE)
    return _through((clipped * ACTIVATION_ONE + 0.5).floor() / ACTIVATION_ONE, clipped)


def magnitude(symbols: Tensor) -> Tensor:
    """log2(1 + |symbol|), as an activation."""
    return activation(torch.log2(1.0 + symbols.detach().abs()))


class ScaleNetwork(nn.Module):
    """Hyper-latents -> features at 1/16; with the magnitudes of earlier passes -> table indices of a pass."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, passes = config.scale_width, config.passes
        self.rise_in = IntegerLayer(config.hyper_latents, 4 * width)
        self.smooth_in = IntegerLayer(width, width, depthwise=True)
        self.rise_out = IntegerLayer(width, 4 * width)
        self.smooth_out = IntegerLayer(width, width, depthwise=True)
        hidden = width + width // 2
        self.gather = nn.ModuleList([IntegerLayer(one.context_channels, width) for one in passes[1:]])
        self.spread = nn.ModuleList([IntegerLayer(width, width, depthwise=True) for _ in passes[1:]])
        self.mix = nn.ModuleList(
            [IntegerLayer(2 * width if one.context_channels else width, hidden) for one in passes]
        )
        heads = [IntegerLayer(hidden, one.coded) for one in passes]
        for head in heads:
            draw(head.weight, std=0.02)
        self.head = nn.ModuleList(heads)
        self.shift = nn.ModuleList([QualityTable(hidden) for _ in passes])

    def features(self, z_BNuv: Tensor) -> Tensor:
        """Hyper-latents (integers) -> (B, S, 4 u, 4 v)."""
        with _exactly(z_BNuv):
            s = split(activation(self.rise_in(z_BNuv.clamp(-Z_LIMIT, Z_LIMIT))))
            s = split(activation(self.rise_out(activation(self.smooth_in(s)))))
            return activation(self.smooth_out(s))

    def indices(
        self, number: int, s_BShw: Tensor, m_BMhw: Tensor, quality: Tensor, lattice: Lattice
    ) -> Tensor:
        """What pass `number` adds to its prior indices at the positions of its lattice, given the magnitudes of
        earlier passes."""
        a_BShw = s_BShw[:, :, lattice.rows, lattice.columns]
        with _exactly(s_BShw):
            if number:
                context = activation(self.gather[number - 1](m_BMhw))
                a_BShw = torch.cat((a_BShw, activation(self.spread[number - 1](context, lattice))), 1)
            shift = self.shift[number]
            assert isinstance(shift, QualityTable)
            hidden = activation(self.mix[number](a_BShw) + shift.at(quality, lattice))
            sums: Tensor = self.head[number](hidden)
            return HEAD_GAIN * sums


def _exactly(like: Tensor) -> AbstractContextManager[object]:
    """In float32, whatever type is in force: bfloat16 holds the operands, and moves a tenth of the sums to another
    table."""
    return torch.autocast(like.device.type, enabled=False)


def _through(rounded: Tensor, smooth: Tensor) -> Tensor:
    """The value of `rounded` with the gradient of `smooth`."""
    return smooth + (rounded - smooth).detach()
