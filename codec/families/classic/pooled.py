"""The baseline and the enhanced autoencoder: convolution, batch normalisation, ReLU, max-pooling.

"Baseline": each of four is followed by a pooling, so latents lie at a sixteenth. "Enhanced": two at full size, then
three poolings with one after each, so at an eighth. The log gave the enhanced one four times the latents; here the
presets have the same number of latents a pixel.

The log speaks of skips. One from encoder to decoder would have to be in the payload, as a decoder sees bytes and
nothing else: there is none. Skips within one side are free (`multi_stride.py`).

Shape legend: x_BCHW YCbCr pixels; f_BFuv features, u = H / stride; y_BChw latents, h = H / grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.classic.config import POOLING, PooledConfig
from codec.families.classic.multi_stride import MultiStride
from codec.grid.network import GridNetwork
from codec.parts.blocks import Pointwise
from codec.parts.convolution import Convolution, convolved

_EPSILON: Final = 1e-5
_HALOS: Final = {"baseline": 1, "enhanced": 2}


class Pooled(GridNetwork):
    """The decoder mirrors the encoder: where that pools, it repeats."""

    def __init__(self, config: PooledConfig) -> None:
        super().__init__()
        self.grid, self.halo, self.channels = config.grid, _HALOS[config.form], config.channels
        features, encoder, decoder = 3, list[nn.Module](), list[nn.Module]()
        for layer in config.layers:
            if layer == POOLING:
                encoder.append(nn.MaxPool2d(2))
                decoder.append(nn.UpsamplingNearest2d(scale_factor=2))
                continue
            wider, first = layer * config.width, not encoder
            encoder.append(NormalisedConvolution(features, wider))
            decoder.append((Convolution if first else NormalisedConvolution)(wider, features))
            features = wider
        self.encoder = nn.Sequential(*encoder, Pointwise(features, config.channels))
        self.decoder = nn.Sequential(Pointwise(config.channels, features), *reversed(decoder))
        self.branches: Sequence[MultiStride] = nn.ModuleList(  # type: ignore[assignment]
            MultiStride(stride=stride, grid=self.grid, channels=config.channels) for stride in config.strides
        )

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        y_BChw: Tensor = self.encoder(x_BCHW)
        for branch in self.branches:
            y_BChw = y_BChw + branch.analyse(x_BCHW)
        return y_BChw

    def synthesise(self, y_BChw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W)."""
        x_BCHW: Tensor = self.decoder(y_BChw)
        for branch in self.branches:
            x_BCHW = x_BCHW + branch.synthesise(y_BChw)
        return x_BCHW

    def start(self, x_BCHW: Tensor) -> bool:
        """With branches, begin as the one of the widest stride, to which all else adds nothing yet."""
        if not self.branches:
            return False
        *others, widest = sorted(self.branches, key=lambda branch: branch.stride)
        widest.start(x_BCHW)
        ends = [one for branch in others for one in branch.ends()]
        for last in (*ends, self.encoder[-1], self.decoder[-1]):
            assert isinstance(last, nn.Conv2d)
            nn.init.zeros_(last.weight)
        return True

    def settle(self, x_BCHW: Tensor) -> None:
        """Take the statistics of every normalisation from one batch, and scale its taps so that they are 0 and 1."""
        layers = [layer for layer in self.modules() if isinstance(layer, NormalisedConvolution)]
        for layer in layers:
            layer.settles = True
        self.synthesise(self.analyse(x_BCHW))
        for layer in layers:
            layer.settles = False


class NormalisedConvolution(Convolution):
    """3 x 3 taps, batch normalisation, ReLU. Outside training the statistics are folded into the taps."""

    mean_F: Tensor
    variance_F: Tensor

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out)
        self.gain_F = nn.Parameter(torch.ones(channels_out))
        self.shift_F = nn.Parameter(torch.zeros(channels_out))
        self.register_buffer("mean_F", torch.zeros(channels_out))
        self.register_buffer("variance_F", torch.ones(channels_out))
        self.settles = False
        """Whether it takes the statistics of the next batch."""

    def forward(self, f_BIuv: Tensor) -> Tensor:
        """(B, I, u, v) -> (B, O, u, v)."""
        if self.training and not self.settles:
            plain = super().forward(f_BIuv)
            return functional.relu(
                functional.batch_norm(plain, None, None, self.gain_F, self.shift_F, True, eps=_EPSILON)
            )
        if self.settles:
            self._standardise(super().forward(f_BIuv).permute(0, 2, 3, 1).flatten(0, 2))
        scale_F = self.gain_F * torch.rsqrt(self.variance_F + _EPSILON)
        bias_F = self.shift_F - self.mean_F * scale_F
        if self.bias is not None:
            bias_F = bias_F + self.bias * scale_F
        return functional.relu(convolved(f_BIuv, self.weight * scale_F.view(-1, 1, 1, 1), bias_F))

    def _standardise(self, plain_nF: Tensor) -> None:
        """Make the mean and variance of what the taps give 0 and 1: as it comes, a variance may exceed float16."""
        mean_F, variance_F = plain_nF.mean(0), plain_nF.var(0, correction=0)
        scale_F = torch.rsqrt(variance_F + _EPSILON)
        with torch.no_grad():
            self.weight.mul_(scale_F.view(-1, 1, 1, 1))
            assert self.bias is not None
            self.bias.sub_(mean_F).mul_(scale_F)
        self.mean_F.zero_()
        self.variance_F.copy_(variance_F * scale_F.square())
