"""Means of the latents: from the hyper-latents, and from the latents of earlier passes. Float, and allowed to differ
between machines: what is coded is the whole-step residual, so an error here moves pixels by as much and no symbol.

Shape legend: y_BMhw latents over their typical size; z_BNuv hyper-latents; m_BFhw features at 1/16.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.hyper.config import ModelConfig
from codec.parts.blocks import Block, Pointwise, concatenated, product_in_float32
from codec.parts.lattice import Lattice
from codec.parts.quality import QualityTable
from codec.parts.space_to_channels import merge, split
from codec.parts.start_values import zero


class HyperAnalysis(nn.Module):
    """Latents -> hyper-latents: how much busier each channel is than usual, and the coarse latents with their sign."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.signed = config.hyper_width, config.slices[0]
        self.stem = Pointwise(config.latents + self.signed, width)
        self.fine = Block(width)
        self.down = Pointwise(4 * width, width)
        self.coarse = Block(width)
        self.head = Pointwise(4 * width, config.hyper_latents)
        self.log_gain = QualityTable(config.hyper_latents)

    def forward(self, y_BMhw: Tensor, size: Tensor, gain: Tensor, quality: Tensor) -> Tensor:
        """Latents, h and w multiples of 4 -> (B, N, h/4, w/4), not rounded.

        `size` and `gain` (broadcast to the latents) are their typical size, and quantiser steps per unit; `quality` is
        (B,), or that of every hyper-latent, (B, h/4, w/4).
        """
        busy = torch.log1p(y_BMhw.abs() * gain) - torch.log1p(0.5 * size * gain)
        f = concatenated(busy, y_BMhw[:, : self.signed] / size[:, : self.signed])
        f = merge(self.fine(self.stem(f)))
        f = merge(self.coarse(self.down(f)))
        z_BNuv: Tensor = self.head(f).float() * torch.exp(self.log_gain.at(quality))
        return z_BNuv


class MeanNetwork(nn.Module):
    """Hyper-latents and earlier latents -> means of a pass, over the latents' typical size."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, passes = config.mean_width, config.passes
        self.rise_in = Pointwise(config.hyper_latents, 4 * width)
        self.rise_shift = QualityTable(4 * width)
        self.block = Block(width)
        self.rise_out = Pointwise(width, 4 * width)
        self.stem = nn.ModuleList([Pointwise(width + one.context_channels, width) for one in passes])
        self.shift = nn.ModuleList([QualityTable(width) for _ in passes])
        self.mix = nn.ModuleList([Block(width) for _ in passes])
        heads = [Pointwise(width, one.coded) for one in passes]
        for head in heads:
            zero(head.weight)
            zero(head.bias)
        self.head = nn.ModuleList(heads)

    def round_weights(self) -> None:
        """Hold what is multiplied in bfloat16, where a chip has it, as bfloat16 has it: those weights were trained
        so, and chips that multiply in float32 come nearer to the same means."""
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Conv2d) and not name.startswith("head."):
                for parameter in layer.parameters():
                    parameter.data = parameter.data.bfloat16().float()

    def features(self, z_BNuv: Tensor, quality: Tensor) -> Tensor:
        """Hyper-latents -> (B, F, 4 u, 4 v); `quality` is (B,) or (B, u, v)."""
        f = self.rise_in(z_BNuv)
        f = f + self.rise_shift.at(quality).to(f.dtype)
        f = split(functional.hardswish(f))
        return split(self.rise_out(self.block(f)))

    def means(
        self, number: int, f_BFhw: Tensor, coded_BMhw: Tensor, quality: Tensor, lattice: Lattice
    ) -> Tensor:
        """Means of pass `number` at the positions of its lattice, given the latents of earlier passes; `quality` is
        (B,) or (B, h, w)."""
        f = self.stem[number](concatenated(f_BFhw, coded_BMhw.to(f_BFhw.dtype)))
        shift = self.shift[number]
        assert isinstance(shift, QualityTable)
        f = self.mix[number](f + shift.at(quality).to(f.dtype), lattice)
        head = self.head[number]
        assert isinstance(head, Pointwise)
        return product_in_float32(functional.hardswish(f), head.weight, head.bias)
