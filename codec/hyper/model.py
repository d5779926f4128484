"""The variable-rate hyperprior model, as it trains.

    x --Analysis--> y --x gain(quality)--> u        HyperAnalysis(u) --round--> z
    pass by pass (coarse slice on a checkerboard, then finer slices):
        mean  <- MeanNetwork(z, y of earlier passes)          float
        index <- ScaleNetwork(z, |r| of earlier passes)       integers only
        r = round(u - mean)   coded with table `index`        u_hat = mean + r
    y_hat = u_hat / gain --Synthesis(quality)--> x_hat

Shape legend: x_BCHW YCbCr pixels; y_BMhw latents; u_BMhw latents in quantiser steps; z_BNuv hyper-latents; r_BMhw
residual symbols. After Balle et al. 2018 (arXiv:1802.01436), Minnen et al. 2020 (arXiv:2007.08739, channel slices),
He et al. 2021 (arXiv:2103.15306, checkerboard), Cui et al. 2021 (arXiv:2003.02012, gains).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from codec.hyper.config import ModelConfig
from codec.hyper.means import HyperAnalysis, MeanNetwork
from codec.hyper.quality import QualityTable
from codec.hyper.scales import TABLES, ScaleNetwork, magnitude, scale_of
from codec.hyper.transforms import Analysis, Synthesis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forward:
    """What one training pass gives."""

    x_hat_BCHW: Tensor
    bits_B: Tensor
    """Estimated bits of each image of the batch, hyper-latents included."""


class HyperModel(nn.Module):
    """All networks of one model."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.analysis = Analysis(config)
        self.synthesis = Synthesis(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.means = MeanNetwork(config)
        self.scales = ScaleNetwork(config)
        self.log_gain = QualityTable(config.latents)
        self.prior = QualityTable(config.latents)
        """Table index of each channel before the network adds to it, for a gain of one."""
        self.hyper_prior = QualityTable(config.hyper_latents)

    def forward(self, x_BCHW: Tensor, quality_B: Tensor) -> Forward:
        """Encode with noise for the rate and rounding for everything else, and decode."""
        y = self.analysis(x_BCHW)
        gain = torch.exp(self.log_gain(quality_B))[:, :, None, None]
        size = self.analysis.size[None, :, None, None]
        u = y * gain
        z = self.hyper_analysis(y.detach(), size, gain, quality_B)
        z_hat = _round(z)
        z_index = self.hyper_prior(quality_B)[:, :, None, None]
        bits = laplace_bits(_noisy(z), z_index).sum((1, 2, 3))
        mean_features = self.means.features(z_hat, quality_B)
        scale_features = self.scales.features(z_hat)
        prior = self.prior(quality_B)[:, :, None, None]
        even = checkerboard(y.shape[2], y.shape[3], y.device)
        squares = [even, 1.0 - even]
        known = torch.zeros_like(y[:, :0])
        magnitudes = torch.zeros_like(known)
        for number, one in enumerate(self.config.passes):
            channels = one.channels
            mean = self.means.means(number, mean_features, known, quality_B) * (size * gain)[:, channels]
            index = prior[:, channels] + self.scales.indices(number, scale_features, magnitudes, quality_B)
            residual = u[:, channels] - mean
            r = _round(residual)
            cost = laplace_bits(_noisy(residual), index)
            y_hat = (mean + r) / (gain * size)[:, channels]
            if number < len(squares):  # the first slice, half by half
                cost, r, y_hat = (values * squares[number] for values in (cost, r, y_hat))
            bits = bits + cost.sum((1, 2, 3))
            if number == 1:
                known, magnitudes = known + y_hat, torch.maximum(magnitudes, magnitude(r))
            else:
                known, magnitudes = torch.cat((known, y_hat), 1), torch.cat((magnitudes, magnitude(r)), 1)
        return Forward(x_hat_BCHW=self.synthesis(known * size, quality_B), bits_B=bits)


def checkerboard(height: int, width: int, device: torch.device) -> Tensor:
    """(1, 1, h, w): one where row plus column is even."""
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    return ((rows[:, None] + columns[None]) % 2 == 0).float()[None, None]


def laplace_bits(values: Tensor, index: Tensor) -> Tensor:
    """Bits of integers (or noisy ones) under a zero-mean discretised Laplace of the scale that `index` stands for."""
    rate = 1.0 / scale_of(_Bounded.apply(index))  # type: ignore[no-untyped-call]
    far = values.abs() - 0.5
    decay = torch.exp(-far.abs() * rate)
    tail = -torch.expm1(-rate)
    outer = far * rate * 1.4426950408889634 + 1.0 - torch.log2(tail.clamp_min(1e-9))
    inner = -torch.log2(
        (1.0 - 0.5 * (decay + decay * torch.exp(-2.0 * values.abs().clamp(max=0.5) * rate))).clamp_min(1e-9)
    )
    return torch.where(far >= 0.0, outer, inner)


class _Bounded(torch.autograd.Function):
    """A table index within the tables. Outside, only a gradient that leads back in passes: an index that ran off
    would take along the qualities between its anchor and the next."""

    @staticmethod
    def forward(ctx: Any, index: Tensor) -> Tensor:
        """Clamp."""
        ctx.save_for_backward(index)
        return index.clamp(0.0, TABLES - 1.0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Descent goes against the gradient: below, let only negative ones through, above only positive."""
        (index,) = ctx.saved_tensors
        leaves = ((index < 0.0) & (gradient > 0.0)) | ((index > TABLES - 1.0) & (gradient < 0.0))
        return gradient.masked_fill(leaves, 0.0)


def _round(values: Tensor) -> Tensor:
    return values + (values.round() - values).detach()


def _noisy(values: Tensor) -> Tensor:
    return values + torch.rand_like(values) - 0.5
