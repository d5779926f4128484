"""Refinement: latents that show more of an image for their bits, found step by step at encoding.

The analysis transform gives an image's latents in one go, without seeing what the deep branch of the synthesis makes of
them once they are rounded. Here that is looked at. Each step rounds the latents as the encoder does, decodes, and moves
what the encoder aims at to where, by the gradient of the error, the picture would have been best:

    y_hat = walk(y)                                 rounded pass by pass, and the bits that takes
    y <- y + pace (y_hat - gradient / curvature - y)

The gradient is taken at latents that a decoder can have, and rounding trades errors for bits as ever, so nothing is
annealed or relaxed. Of all y_hat met, those of the first step being the encoder's own, the one with the least
bits + lambda x error is taken. What was tried besides: docs/benchmarks/2026-11-28-effort.md.

Shape legend: x_BCHW YCbCr pixels; y_BMhw latents; z_BNuv hyper-latents; the rest is (B, M, 1, 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from codec.colour import ycbcr_to_rgb
from codec.families.hyper.config import GRID, HYPER_GRID
from codec.families.hyper.model import HyperModel
from codec.parts.precision import fast
from codec.parts.quality import MSE_SCALE, as_field, lmbda_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How far a search goes."""

    steps: int
    first_step: float
    last_step: float
    """Shares of the way to what is wished that its first and last steps go."""

    def step_share(self, step: int) -> float:
        """Of one step: falling evenly in its logarithm."""
        share = step / max(self.steps - 1, 1)
        return self.first_step * math.pow(self.last_step / self.first_step, share)


SCHEDULES: Final = {
    1: Schedule(steps=2, first_step=0.4, last_step=0.4),
    2: Schedule(steps=6, first_step=0.35, last_step=0.2),
    3: Schedule(steps=16, first_step=0.25, last_step=0.08),
}
"""By effort."""
_CAUTION: Final = 1.5
"""Of the shift towards zero, over the encoder's own times the smoothing: refined payloads are then up to 4 % longer
than others (docs/benchmarks/2026-11-28-effort.md)."""
_LEAST_OWN: Final = 0.1
"""Share of the linear path's curvature that a latent's own is taken to have at least."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _TriedLatents:
    """Latents that a decoder may have, and what comes of them."""

    y_hat_BMhw: Tensor
    shown_BCHW: Tensor
    """RGB; the original's where that does not count."""
    error_B: Tensor
    """In bits."""
    cost_B: Tensor
    """Bits, and bits that the error is worth."""

    def gradient(self) -> Tensor:
        """Of the error; once."""
        (gradient,) = torch.autograd.grad(self.error_B.sum(), self.y_hat_BMhw)
        return gradient


class Search:
    """Tiles of images, each at a quality of its own."""

    def __init__(
        self, model: HyperModel, x_BCHW: Tensor, inside_B1HW: Tensor, z_BNuv: Tensor, quality: Tensor
    ) -> None:
        """Look up what every step needs.

        Args:
            model: float networks, none of whose parameters asks for a gradient.
            x_BCHW: the pixels to show.
            inside_B1HW: 1 where one counts, else 0.
            z_BNuv: hyper-latents as coded, u and v rounded up.
            quality: (B,), or that of every latent, (B, h, w).
        """
        self._model, self._quality, self._device = model, quality, x_BCHW.device
        self._rgb_BCHW, self._inside_B1HW = ycbcr_to_rgb(x_BCHW), inside_B1HW
        self._error_bits = as_field(lmbda_of(quality)) * (MSE_SCALE / 3.0)
        """What the square of an error is worth, of one sample of RGB in [0, 1]: broadcast to the latents."""
        height, width = (side // GRID for side in x_BCHW.shape[2:])
        with torch.no_grad(), fast(self._device):
            self._gain = model.gain(quality)
            step = HYPER_GRID // GRID
            coarse = quality if quality.dim() == 1 else quality[:, ::step, ::step]
            self._foreseen = model.foreseen(z_BNuv, coarse).within(height, width)

    def run(self, y_BMhw: Tensor, schedule: Schedule) -> Tensor:
        """Latents as a decoder has them, (B, M, h, w), from those analysed. To be called where gradients are kept."""
        bit_worth = self._model.bit_worth(self._quality)
        trial = self._tried(y_BMhw, bit_worth)
        smoothing = self._smoothing(trial)
        bit_worth = bit_worth * _CAUTION * smoothing
        curvature = 2.0 * self._error_bits * self._linear_path() / smoothing
        aim, best, least_B = y_BMhw, trial.y_hat_BMhw.detach(), trial.cost_B
        for step in range(schedule.steps):
            aim = torch.lerp(
                aim, trial.y_hat_BMhw.detach() - trial.gradient() / curvature, schedule.step_share(step)
            )
            trial = self._tried(aim, bit_worth)
            is_better = (trial.cost_B < least_B)[:, None, None, None]
            best = torch.where(is_better, trial.y_hat_BMhw.detach(), best)
            least_B = torch.minimum(trial.cost_B, least_B)
        return best

    def _tried(self, y_BMhw: Tensor, bit_worth: Tensor) -> _TriedLatents:
        """These latents, encoded and decoded."""
        with fast(self._device):
            with torch.no_grad():
                walked = self._model.walk(y_BMhw * self._gain, self._foreseen, self._quality, bit_worth)
            y_hat_BMhw = walked.y_hat_BMhw.requires_grad_()
            x_hat_BCHW = self._model.synthesis(y_hat_BMhw, self._quality)
        shown_BCHW = torch.where(self._inside_B1HW > 0.0, ycbcr_to_rgb(x_hat_BCHW), self._rgb_BCHW)
        error_B = self._worth_of((shown_BCHW - self._rgb_BCHW).square())
        return _TriedLatents(
            y_hat_BMhw=y_hat_BMhw,
            shown_BCHW=shown_BCHW,
            error_B=error_B,
            cost_B=walked.bits_B + error_B.detach(),
        )

    def _worth_of(self, squares_BCHW: Tensor) -> Tensor:
        """Bits that squared errors are worth, (B,)."""
        if self._quality.dim() == 1:
            return squares_BCHW.sum((1, 2, 3)) * self._error_bits[:, 0, 0, 0]
        patches_B1hw = functional.avg_pool2d(squares_BCHW.sum(1, keepdim=True), GRID, divisor_override=1)
        return (patches_B1hw * self._error_bits).sum((1, 2, 3))

    def _linear_path(self) -> Tensor:
        """How much the linear path makes of a latent, squared and summed over RGB."""
        weight_PM = self._model.synthesis.linear.weight[:, :, 0, 0]
        planes_M3P1 = weight_PM.T.reshape(weight_PM.shape[1], 3, -1, 1)
        return (ycbcr_to_rgb(planes_M3P1) - 0.5).square().sum((1, 2))[:, :, None]

    def _smoothing(self, trial: _TriedLatents) -> Tensor:
        """By how much the deep branch, which smooths what rounding leaves, makes less of latents, (B, M, 1, 1): the
        root of that, since what many latents change together it does not smooth.

        Probed with noise of the pixels, whose gradient is squared what a latent changes (Hutchinson). It is the same
        noise for all tiles, so that they do not depend on each other.
        """
        chance = torch.Generator().manual_seed(0)
        shape = trial.shown_BCHW.shape[1:]
        noise_1CHW = torch.randn(1, *shape, generator=chance, device="cpu").to(self._device)
        (probe,) = torch.autograd.grad(
            (trial.shown_BCHW * noise_1CHW).sum(), trial.y_hat_BMhw, retain_graph=True
        )
        linear = self._linear_path()
        own = probe.square().mean((2, 3), keepdim=True)
        return torch.sqrt(linear / torch.maximum(own, _LEAST_OWN * linear))
