"""The model: two recurrent networks that see the same picture come closer, iteration by iteration.

        x - x_hat --analysis + ConvGRU--> bits --synthesis + ConvGRU--> the next x_hat --> the next iteration

A linear path carries the picture: a Karhunen-Loeve transform of blocks, whose coefficients two bits move by a step up,
not at all, or down; what they add up to stays. Either network corrects it, anew in every iteration: before the bits are
taken, and after they were applied. Whatever enters or leaves a network is in units of its iteration's step, so that one
network serves every iteration.

Shape legend: p_BKhw blocks of YCbCr pixels, K = 768, h = H/16, w = W/16; s_BMhw what bits say, one of -1, 0, 1; y_BMhw
coefficients; f_BFhw features; sent_B1hw 1 where a block sends bits in an iteration, 0 where it has stopped.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.recurrent.config import PATCH_VALUES, ModelConfig
from codec.parts.blocks import Product, concatenated
from codec.parts.depthwise import depthwise
from codec.parts.start_values import draw, zero

_FIRST_THRESHOLD: Final = 0.72
"""Of a step: what is nearer to zero moves nothing."""
_FIRST_MOVE: Final = 1.1
"""Of a step: by how much a coefficient moves."""
_SLOPES: Final = 16
"""Coefficients, from the first, of which the decoder is told how they differ from neighbour to neighbour."""


class ConvGRU(nn.Module):
    """A gated recurrent unit whose neighbourhood is 3x3. Its gates are piecewise linear: exponentials cost more than
    the products, and are not the same bits everywhere in a tensor."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.gates = Product(2 * width, 2 * width)
        self.candidate = Product(2 * width, width)
        draw(self.near.weight, std=0.1)
        self.near.weight.data[:, :, 1, 1] += 0.7
        zero(self.near.bias)
        for layer in (self.gates, self.candidate):
            draw(layer.weight, std=1.0 / math.sqrt(2 * width))
            zero(layer.bias)

    def forward(self, f_BFhw: Tensor, state_BFhw: Tensor) -> Tensor:
        """Input and state before -> state after."""
        width = state_BFhw.shape[1]
        near_BGhw = depthwise(concatenated(f_BFhw, state_BFhw), self.near.weight, self.near.bias)
        update_BFhw, reset_BFhw = torch.split(functional.hardsigmoid(self.gates(near_BGhw)), width, 1)
        input_BFhw, memory_BFhw = torch.split(near_BGhw, width, 1)
        candidate_BFhw = functional.hardtanh(
            self.candidate(concatenated(input_BFhw, reset_BFhw * memory_BFhw))
        )
        next_BFhw: Tensor = state_BFhw + update_BFhw * (candidate_BFhw - state_BFhw)
        return next_BFhw


class RecurrentModel(nn.Module):
    """Both networks, the linear path between them, and what the bits of each iteration mean."""

    active_T: Tensor
    """(T,) int16: how many coefficients, from the first, have bits in an iteration."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        coefficients, width, iterations = config.coefficients, config.width, config.iterations
        self.analysis = Product(PATCH_VALUES, coefficients, bias=False)
        self.synthesis = Product(coefficients, PATCH_VALUES, bias=False)
        self.threshold_TM = nn.Parameter(torch.full((iterations, coefficients), _FIRST_THRESHOLD))
        self.move_TM = nn.Parameter(torch.full((iterations, coefficients), _FIRST_MOVE))
        self.encoder_stem = Product(PATCH_VALUES + coefficients, width)
        self.encoder = ConvGRU(width)
        self.encoder_head = Product(width, coefficients)
        self.slopes = min(_SLOPES, coefficients)
        self.decoder_stem = Product(3 * coefficients + 2 * self.slopes, width)
        self.decoder = ConvGRU(width)
        self.decoder_head = Product(width, PATCH_VALUES)
        self.encoder_time_TF = nn.Parameter(torch.zeros(iterations, width))
        self.decoder_time_TF = nn.Parameter(torch.zeros(iterations, width))
        self.register_buffer("active_T", torch.full((iterations,), coefficients, dtype=torch.int16))
        for stem in (self.encoder_stem, self.decoder_stem):
            draw(stem.weight, std=1.0 / math.sqrt(stem.in_channels))
            zero(stem.bias)
        for head in (self.encoder_head, self.decoder_head):
            zero(head.weight)
            zero(head.bias)

    def wants(
        self, lacks_BKhw: Tensor, residual_BKhw: Tensor, state_BFhw: Tensor, iteration: int
    ) -> tuple[Tensor, Tensor]:
        """How many steps each coefficient should move, and the encoder's next state.

        Args:
            lacks_BKhw: what the linear path lacks.
            residual_BKhw: what the picture lacks that is shown.
        """
        scale = 1.0 / self.config.step(iteration)
        lacks_BMhw = self.analysis(lacks_BKhw * scale)
        f_BFhw = self.encoder_stem(concatenated(softened(residual_BKhw * scale), softened(lacks_BMhw)))
        state_BFhw = self.encoder(f_BFhw + row_of(self.encoder_time_TF, iteration), state_BFhw)
        return lacks_BMhw + self.encoder_head(state_BFhw), state_BFhw

    def adds(
        self, s_BMhw: Tensor, sent_B1hw: Tensor, state_BFhw: Tensor, y_BMhw: Tensor, iteration: int
    ) -> tuple[Tensor, Tensor]:
        """What the picture is beyond the linear path, in steps, and the decoder's next state.

        Args:
            s_BMhw: what the bits of this iteration say.
            y_BMhw: the coefficients, these bits applied.
        """
        step = self.config.step(iteration)
        in_steps_BMhw = y_BMhw * (1.0 / step)
        inputs = concatenated(
            softened(slopes(in_steps_BMhw[:, : self.slopes])),
            softened(in_steps_BMhw),
            s_BMhw,
            s_BMhw.abs() * 2.0 - sent_B1hw,
        )
        f_BFhw = self.decoder_stem(inputs) + row_of(self.decoder_time_TF, iteration)
        state_BFhw = self.decoder(f_BFhw, state_BFhw)
        return self.decoder_head(state_BFhw), state_BFhw


def softened(values: Tensor) -> Tensor:
    """Numbers of any size as numbers within -1 and 1."""
    return values / (values.abs() + 1.0)


def slopes(f_BFhw: Tensor) -> Tensor:
    """From left to right and from top to bottom, (B, 2 F, h, w): half the difference of the neighbours."""
    wide = functional.pad(f_BFhw, (1, 1, 0, 0), mode="replicate")
    high = functional.pad(f_BFhw, (0, 0, 1, 1), mode="replicate")
    return concatenated(wide[..., 2:] - wide[..., :-2], high[..., 2:, :] - high[..., :-2, :]) * 0.5


def row_of(table_TF: Tensor, iteration: int) -> Tensor:
    """An iteration's row of a table, (T, F) -> (1, F, 1, 1): to be added to features."""
    return table_TF[iteration][None, :, None, None]
