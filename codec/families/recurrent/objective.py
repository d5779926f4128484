"""The training objective: what every iteration's picture lacks, and what its bits cost.

Bits are drawn: within a fraction of a step the chance of each grows from 0 to 1, and its gradient is that of the number
it was drawn of. What bits cost is estimated by a model that is trained along and not kept: each bit's chance follows
its iteration, its coefficient, and how large coefficients are around it. Real files are coded by counts instead.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.colour import rgb_to_ycbcr
from codec.families.recurrent.config import GRID, PATCH_VALUES
from codec.families.recurrent.iterations import EncoderView, squared_error
from codec.families.recurrent.model import RecurrentModel, row_of
from codec.families.recurrent.train_config import LossConfig
from codec.parts.space_to_channels import to_patches
from codec.training.recipe import BatchLoss

_FIRST_LOGIT: Final = -2.5
_NEAR: Final = 0.6
"""Steps from its threshold within which a bit passes a gradient on."""


class RateModel(nn.Module):
    """What the bits of an iteration cost, in training only."""

    def __init__(self, iterations: int, coefficients: int) -> None:
        super().__init__()
        self.bias_TM = nn.Parameter(torch.full((iterations, coefficients), _FIRST_LOGIT))
        self.around_TM = nn.Parameter(torch.full((iterations, coefficients), 0.7))
        self.busy_TM = nn.Parameter(torch.full((iterations, coefficients), 1.0))

    def bits(self, up_BMhw: Tensor, down_BMhw: Tensor, size_BMhw: Tensor, iteration: int) -> Tensor:
        """Of every coefficient, (B, M, h, w).

        Args:
            up_BMhw, down_BMhw: the two bits, -1 or 1: whether it moves up; whether it does not move down.
            size_BMhw: how large the coefficients are before, in steps.
        """
        size_BMhw = torch.log1p(size_BMhw.abs()).detach()
        around_BMhw = functional.avg_pool2d(size_BMhw, 3, 1, 1, count_include_pad=False)
        busy_B1hw = size_BMhw.mean(1, keepdim=True)
        logit_BMhw = (
            row_of(self.bias_TM, iteration)
            + row_of(self.around_TM, iteration) * around_BMhw
            + row_of(self.busy_TM, iteration) * busy_B1hw
        ).clamp(-8.0, 2.0)
        nats = functional.softplus(-up_BMhw * logit_BMhw) + functional.softplus(down_BMhw * logit_BMhw)
        return nats * (1.0 / math.log(2.0))


class RecurrentLearner(nn.Module):
    """What a run trains: the model, and what is dropped when it is written."""

    def __init__(self, model: RecurrentModel) -> None:
        super().__init__()
        self.model = model
        self.rate = RateModel(model.config.iterations, model.config.coefficients)


def objective(
    learner: RecurrentLearner,
    rgb_BCHW: Tensor,
    config: LossConfig,
    noise: torch.Generator | None,
    stops_at_B: Tensor,
) -> BatchLoss:
    """Loss of one batch of RGB patches in [0, 1].

    Args:
        noise: what bits are drawn from; None for bits as they are in use, from which no gradient goes back.
        stops_at_B: mean squared error of RGB at which the blocks of each patch stop; 0 for never.
    """
    model = learner.model
    seen = EncoderView(to_patches(rgb_to_ycbcr(rgb_BCHW), GRID), model)
    error_B1hw = squared_error(seen.residual())
    bits_B1hw, sent_B1hw = torch.zeros_like(error_B1hw), torch.ones_like(error_B1hw)
    total, weights = bits_B1hw.new_zeros(()), 0.0
    for iteration in range(model.config.iterations):
        step = model.config.step(iteration)
        sent_B1hw = sent_B1hw * (error_B1hw.detach() >= stops_at_B.view(-1, 1, 1, 1))
        with torch.set_grad_enabled(noise is not None):
            s_BMhw, cost_B1hw = _sent(learner, seen, config, noise)
        bits_B1hw = bits_B1hw + cost_B1hw * sent_B1hw
        seen.shown.apply(s_BMhw * sent_B1hw, sent_B1hw)
        error_B1hw = squared_error(seen.residual())
        distortion = error_B1hw.mean() * (PATCH_VALUES / step**2)
        weight = step**config.early
        total = total + weight * (distortion + config.rate_weight * bits_B1hw.mean())
        weights += weight
    parts = {"mse": error_B1hw.detach().mean(), "bpp": bits_B1hw.detach().mean() / GRID**2}
    return BatchLoss(total=total / weights, parts=parts)


def _sent(
    learner: RecurrentLearner, seen: EncoderView, config: LossConfig, noise: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Moves of the next iteration, and what the bits of each block cost, about."""
    model, iteration = learner.model, seen.shown.iteration
    wanted_BMhw = seen.wants()
    if noise is not None:
        wanted_BMhw = wanted_BMhw + config.noise * (
            torch.rand(wanted_BMhw.shape, generator=noise, device=wanted_BMhw.device) - 0.5
        )
    threshold_1M11 = row_of(model.threshold_TM, iteration)
    up_BMhw, down_BMhw = _bit(wanted_BMhw - threshold_1M11), _bit(wanted_BMhw + threshold_1M11)
    size_BMhw = seen.shown.y_BMhw / model.config.step(iteration)
    cost_BMhw = learner.rate.bits(up_BMhw, down_BMhw, size_BMhw, iteration)
    active = int(model.active_T[iteration])
    silent = (0, 0, 0, 0, 0, wanted_BMhw.shape[1] - active)
    s_BMhw = functional.pad(0.5 * (up_BMhw + down_BMhw)[:, :active], silent)
    return s_BMhw, cost_BMhw[:, :active].sum(1, keepdim=True)


def _bit(values: Tensor) -> Tensor:
    """1 where a number is not negative, else -1; its gradient is that of a ramp from one to the other."""
    through = values.clamp(-_NEAR, _NEAR) * (1.0 / _NEAR)
    sign = torch.where(values.detach() >= 0.0, 1.0, -1.0)
    return sign + through - through.detach()
