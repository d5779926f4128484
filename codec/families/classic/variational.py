"""Digits, as an autoencoder and as a variational one (Kingma and Welling 2014, arXiv:1312.6114).

The log's first model: "keeps meaning, reconstructs badly". Both have the same layers, and their bytes are made alike;
the variational one learns under a posterior whose width it chooses, at the price of the divergence from N(0, 1).

Shape legend: x_BCHW YCbCr pixels, luma alone is coded; p_BVhw digits; f_BFhw features; y_BChw latents, h = H / 28.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.colour import rgb_to_ycbcr, ycbcr_to_rgb
from codec.families.classic.config import DIGIT, DigitsConfig
from codec.grid.model import GridModel
from codec.grid.network import GridNetwork
from codec.grid.recipe import NearlyDecoded
from codec.parts.blocks import Product
from codec.parts.space_to_channels import from_patches, to_patches


class Layers(nn.Sequential):
    """Fully connected: in, hidden, hidden, out."""

    def __init__(self, values: int, hidden: int, out: int) -> None:
        super().__init__(
            Product(values, hidden), nn.ReLU(), Product(hidden, hidden), nn.ReLU(), Product(hidden, out)
        )


class Digits(GridNetwork):
    """Pixels of a digit -> latents -> pixels."""

    grid = DIGIT
    halo = 0

    def __init__(self, config: DigitsConfig) -> None:
        super().__init__()
        self.channels = config.channels
        self.encode = Layers(DIGIT**2, config.hidden, config.channels)
        self.decode = Layers(config.channels, config.hidden, DIGIT**2)
        self.deviation = Product(config.hidden, config.channels) if config.is_variational else None
        """Of the posterior, its logarithm: training alone needs it."""

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H / 28, W / 28)."""
        y_BChw: Tensor = self.encode(digits_of(x_BCHW))
        return y_BChw

    def synthesise(self, y_BChw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W), grey."""
        return planes_of(self.decode(y_BChw))

    def posterior(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the deviation, (B, C, h, w) each."""
        assert self.deviation is not None, "an autoencoder has none"
        *hidden, last = self.encode
        f_BFhw = digits_of(x_BCHW)
        for layer in hidden:
            f_BFhw = layer(f_BFhw)
        return last(f_BFhw), self.deviation(f_BFhw)


def coded_by_posterior(model: GridModel, rgb_BCHW: Tensor, chance: np.random.Generator) -> NearlyDecoded:
    """A batch as the decoder of a variational autoencoder has it: latents drawn from the posterior, whose divergence
    from N(0, 1) are the bits."""
    network = model.network
    assert isinstance(network, Digits)
    mean_BChw, log_deviation_BChw = network.posterior(rgb_to_ycbcr(rgb_BCHW))
    noise = torch.from_numpy(chance.standard_normal(mean_BChw.shape, np.float32)).to(mean_BChw)
    drawn_BChw = mean_BChw + log_deviation_BChw.exp() * noise
    divergence_BChw = 0.5 * (mean_BChw.square() + (2.0 * log_deviation_BChw).exp() - 1.0) - log_deviation_BChw
    return NearlyDecoded(
        rgb_BCHW=ycbcr_to_rgb(network.synthesise(drawn_BChw)),
        bits_B=divergence_BChw.sum((1, 2, 3)) / math.log(2.0),
        step_B=torch.ones(len(rgb_BCHW), device=rgb_BCHW.device),
    )


def digits_of(x_BCHW: Tensor) -> Tensor:
    """Luma of YCbCr pixels, a digit a position: (B, 784, H / 28, W / 28)."""
    return to_patches(x_BCHW[:, :1], DIGIT)


def planes_of(p_BVhw: Tensor) -> Tensor:
    """The inverse of `digits_of`: colours are grey."""
    luma_B1HW = from_patches(p_BVhw, DIGIT)
    return functional.pad(luma_B1HW, (0, 0, 0, 0, 0, 2))
