"""The variable-rate hyperprior model, as it trains.

    x --Analysis--> y --x gain(quality)--> u        HyperAnalysis(u) --round--> z
    pass by pass (the coarse slice in quarters, then finer slices):
        mean  <- MeanNetwork(z, y of earlier passes)          float
        index <- ScaleNetwork(z, |r| of earlier passes)       integers only
        r = round(u - mean)   coded with table `index`        u_hat = mean + r      (how it rounds: deadzone.py)
    y_hat = u_hat / gain --Synthesis(quality)--> x_hat

Shape legend: x_BCHW YCbCr pixels; y_BMhw latents; u_BMhw latents in quantiser steps; z_BNuv hyper-latents; r_BMhw
residual symbols. After Balle et al. 2018 (arXiv:1802.01436), Minnen et al. 2020 (arXiv:2007.08739, channel slices),
Li et al. 2023
(arXiv:2302.14402, quarters), Cui et al. 2021 (arXiv:2003.02012, gains).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from codec.entropy.tables import TABLES
from codec.families.hyper.config import GRID, HYPER_GRID, ModelConfig
from codec.families.hyper.deadzone import first_step_bits, rounded, shares, worth
from codec.families.hyper.mean_network import HyperAnalysis, MeanNetwork
from codec.families.hyper.scale_network import ScaleNetwork, magnitude, scale_of
from codec.families.hyper.transforms import Analysis, Synthesis
from codec.parts.lattice import Lattice
from codec.parts.quality import QualityTable, as_field


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forward:
    """What one training pass gives."""

    x_hat_BCHW: Tensor
    y_hat_BMhw: Tensor
    """The latents that it was made of."""
    bits_B: Tensor
    """Estimated bits of each image of the batch, hyper-latents included: those of the symbols; its gradient is that
    of the symbols where it leads to tables, and that of noisy values where it leads to what is coded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Foreseen:
    """What hyper-latents say of the latents, before any is known."""

    means_BFhw: Tensor
    scales_BShw: Tensor

    def within(self, height: int, width: int) -> Foreseen:
        """Of a grid that ends there."""
        return Foreseen(
            means_BFhw=self.means_BFhw[:, :, :height, :width],
            scales_BShw=self.scales_BShw[:, :, :height, :width],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walked:
    """What coding latents gives."""

    y_hat_BMhw: Tensor
    bits_B: Tensor
    """Estimated, of each image of the batch, without hyper-latents; for its gradient see `Forward`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noise:
    """Uniform in [-0.5, 0.5): where the rate's gradient is looked at, beside the values themselves."""

    y_BMhw: Tensor
    z_BNuv: Tensor

    @classmethod
    def draw(cls, config: ModelConfig, shape: torch.Size, generator: torch.Generator) -> Noise:
        """For images of a shape (B, 3, H, W), on the generator's device."""
        sides = ((config.latents, GRID), (config.hyper_latents, HYPER_GRID))
        y_BMhw, z_BNuv = (
            torch.rand(
                shape[0],
                channels,
                shape[2] // grid,
                shape[3] // grid,
                generator=generator,
                dtype=torch.float32,
                device=generator.device,
            )
            - 0.5
            for channels, grid in sides
        )
        return cls(y_BMhw=y_BMhw, z_BNuv=z_BNuv)


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

    def forward(self, x_BCHW: Tensor, quality_B: Tensor, noise: Noise | None = None) -> Forward:
        """Encode, and decode what that gave.

        Args:
            x_BCHW: YCbCr pixels, H and W multiples of 64.
            quality_B: qualities.
            noise: for the rate's gradient; None where none is needed.
        """
        return self.coded(self.analysis(x_BCHW), quality_B, noise)

    def coded(self, y: Tensor, quality_B: Tensor, noise: Noise | None = None) -> Forward:
        """The same of latents, (B, M, h, w), whatever encoder they are of."""
        gain = self.gain(quality_B)
        size = self.analysis.size[None, :, None, None]
        z = self.hyper_analysis(y.detach(), size, gain, quality_B)
        z_hat = _straight_through(z.detach().round(), z)
        bits = _bits(z, z_hat, self.hyper_prior(quality_B)[:, :, None, None], noise.z_BNuv if noise else None)
        walked = self.walk(
            y * gain,
            self.foreseen(z_hat, quality_B),
            quality_B,
            self.bit_worth(quality_B),
            noise.y_BMhw if noise else None,
        )
        x_hat = self.synthesis(walked.y_hat_BMhw, quality_B)
        return Forward(x_hat_BCHW=x_hat, y_hat_BMhw=walked.y_hat_BMhw, bits_B=bits + walked.bits_B)

    def gain(self, quality: Tensor) -> Tensor:
        """Quantiser steps per unit of a latent: (B, M, 1, 1), or (B, M, h, w) for qualities of every latent."""
        return torch.exp(self.log_gain.at(quality))

    def bit_worth(self, quality: Tensor) -> Tensor:
        """By how much a bit shifts where the encoder rounds, in steps, as `gain`."""
        gain = self.gain(quality).detach()
        share = shares(self.config.slices, gain.device)[:, None, None]
        return worth(gain, as_field(quality), share)

    def foreseen(self, z_BNuv: Tensor, quality: Tensor) -> Foreseen:
        """What hyper-latents, as decoded, say of the latents; `quality` is (B,) or (B, u, v)."""
        return Foreseen(
            means_BFhw=self.means.features(z_BNuv, quality), scales_BShw=self.scales.features(z_BNuv)
        )

    def walk(
        self,
        u_BMhw: Tensor,
        foreseen: Foreseen,
        quality: Tensor,
        bit_worth: Tensor,
        noise_BMhw: Tensor | None = None,
        channels: int | None = None,
    ) -> Walked:
        """Code latents pass by pass, as estimated.

        Args:
            u_BMhw: latents in steps.
            foreseen: by their hyper-latents.
            quality: (B,) or (B, h, w).
            bit_worth: by how much a bit shifts where they are rounded, broadcast to them.
            noise_BMhw: for the rate's gradient; None where none is needed.
            channels: the walk ends with the slice in which this many are known, from the first; None for all.
        """
        gain, size = self.gain(quality), self.analysis.size[None, :, None, None]
        prior, steps = self.prior.at(quality), size * gain
        coded = torch.zeros_like(u_BMhw[:, :0])
        magnitudes = torch.zeros_like(coded)
        bits = u_BMhw.new_zeros(len(u_BMhw))
        for number, one in enumerate(self.config.passes):
            own, lattice = one.channels, one.lattice
            if channels is not None and own.start >= channels:
                break
            if 0 in lattice.shape(*u_BMhw.shape[2:]):  # an image of one row or column
                continue
            before, heard = coded[:, : one.context_channels], magnitudes[:, : one.context_channels]
            step = _on(steps[:, own], lattice)
            mean = self.means.means(number, foreseen.means_BFhw, before, quality, lattice) * step
            index = _on(prior[:, own], lattice) + self.scales.indices(
                number, foreseen.scales_BShw, heard, quality, lattice
            )
            residual = u_BMhw[:, own, lattice.rows, lattice.columns] - mean
            shift = first_step_bits(index.detach()) * _on(bit_worth[:, own], lattice)
            r = _straight_through(rounded(residual.detach(), shift), residual)
            near = None if noise_BMhw is None else noise_BMhw[:, own, lattice.rows, lattice.columns]
            bits = bits + _bits(residual, r, index, near)
            y_hat = (mean + r) / step
            coded = _with(coded, y_hat, own, lattice, like=u_BMhw)
            magnitudes = _with(magnitudes, magnitude(r), own, lattice, like=u_BMhw)
        return Walked(y_hat_BMhw=coded * size[:, : coded.shape[1]], bits_B=bits)


def _on(field: Tensor, lattice: Lattice) -> Tensor:
    """What a field says of a lattice's positions; one without positions says the same of all."""
    return field if field.shape[2:] == (1, 1) else field[:, :, lattice.rows, lattice.columns]


def _with(coded_BMhw: Tensor, new_BChw: Tensor, channels: slice, lattice: Lattice, *, like: Tensor) -> Tensor:
    """Coded latents and those of one more pass."""
    if lattice.step == 1:
        return torch.cat((coded_BMhw, new_BChw), 1)
    whole = coded_BMhw.clone() if coded_BMhw.shape[1] else torch.zeros_like(like[:, channels])
    whole[:, :, lattice.rows, lattice.columns] = new_BChw
    return whole


def _bits(values: Tensor, symbols: Tensor, index: Tensor, noise: Tensor | None) -> Tensor:
    """Bits of a batch's symbols, (B,)."""
    bits = laplace_bits(symbols.detach(), index)
    if noise is not None:
        smooth = laplace_bits(values + noise, index.detach())
        bits = bits + smooth - smooth.detach()
    return bits.sum((1, 2, 3))


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


def _straight_through(rounded_values: Tensor, values: Tensor) -> Tensor:
    """The rounded values with the gradient of the values."""
    return values + (rounded_values - values).detach()
