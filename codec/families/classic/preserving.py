"""Distribution-preserving compression of digits, after Tschannen, Agustsson and Lucic 2018 (arXiv:1805.11057).

A generator comes first, a Wasserstein autoencoder's (arXiv:1711.01558): latents under N(0, 1) become digits. What is
sent are bits of a digit's latents; noise makes up the others, so that the latents stay under N(0, 1) whatever the
number of bits. None at all is a generator, many are a reconstruction.

    digit -> z -> where z lies in N(0, 1), 0 to 1 -> its first bits -> the same with noise as further bits -> z -> digit

The paper trains encoder and stochastic map for a rate, against a generator that stands still. Here the map is in closed
form: it needs no training, serves every rate, and keeps the distribution as far as the latents have it.

Shape legend: x_BCHW YCbCr pixels; y_BChw codes of -1 and 1, the first bits of all latents first; z_BZhw latents of the
generator; v_BZhw where they lie, 0 to 1; u_BZhw noise in [-1, 1]; z_nZ the latents of all digits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.colour import rgb_to_ycbcr
from codec.contract import QUALITIES
from codec.families.classic.config import DIGIT, PreservingConfig
from codec.families.classic.variational import Layers, digits_of, planes_of
from codec.grid.network import GridNetwork
from codec.training.recipe import BatchLoss

MATCHING: Final = 64.0
"""What the discrepancy of the latents from N(0, 1) is worth in squared error."""
_SCALES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_TAIL: Final = 1e-6
"""Where a latent may lie nearest to 0 or 1: at these themselves it would be infinite."""
_MIDDLE: Final = 255 / 256
"""Noise has 256 values from -1 to 1: so each is the middle of its share of what is left open."""


class Preserving(GridNetwork):
    """Digits to the generator's latents, their bits, and the generator."""

    grid = DIGIT
    halo = 0

    def __init__(self, config: PreservingConfig) -> None:
        super().__init__()
        self._latents, self._bits = config.latents, config.channels // config.latents
        self.channels, self.noise = config.channels, config.latents
        self.encode = Layers(DIGIT**2, config.hidden, config.latents)
        self.generate = Layers(config.latents, config.hidden, DIGIT**2)

    def steps(self, quality: float) -> npt.NDArray[np.float32]:
        """A quality is a number of bits, from none to all of them: the others are not sent."""
        sent = round(self.channels * quality / (QUALITIES.stop - 1))
        return np.where(np.arange(self.channels) < sent, 1.0, np.inf).astype(np.float32)

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w) of -1 and 1."""
        z_BZhw = self.encode(digits_of(x_BCHW))
        places = 2**self._bits
        edges = torch.special.ndtri(torch.arange(1, places, device=z_BZhw.device) / places)
        place_BZhw = torch.bucketize(z_BZhw.contiguous(), edges)  # z is compared, and never computed with
        shifts = range(self._bits - 1, -1, -1)
        return torch.cat([2.0 * (place_BZhw >> shift & 1) - 1.0 for shift in shifts], 1)

    def synthesise(self, y_BChw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W), grey. A code of 0 was not sent; without noise, the middle of what is left open
        is shown."""
        y_BChw, u_BZhw = y_BChw[:, : self.channels], y_BChw[:, self.channels :]
        v_BZhw, left_BZhw = torch.full_like(y_BChw[:, : self._latents], 0.5), torch.tensor(0.5)
        for plane_BZhw in y_BChw.chunk(self._bits, 1):
            half_BZhw = torch.where(plane_BZhw == 0.0, left_BZhw, 0.5 * left_BZhw)
            v_BZhw = v_BZhw + half_BZhw * plane_BZhw
            left_BZhw = half_BZhw
        if u_BZhw.shape[1]:
            v_BZhw = v_BZhw + left_BZhw * u_BZhw * _MIDDLE
        return planes_of(self.generate(torch.special.ndtri(v_BZhw.clamp(_TAIL, 1.0 - _TAIL))))


def preserving_loss(network: Preserving, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
    """Of the Wasserstein autoencoder: squared error, and how far its latents are from N(0, 1)."""
    p_BVhw = digits_of(rgb_to_ycbcr(rgb_BCHW))
    z_BZhw = network.encode(p_BVhw)
    z_nZ = z_BZhw.permute(0, 2, 3, 1).flatten(0, 2)
    wanted_nZ = torch.from_numpy(chance.standard_normal(z_nZ.shape, np.float32)).to(z_nZ)
    mse = (network.generate(z_BZhw) - p_BVhw).square().mean()
    distance = discrepancy(z_nZ, wanted_nZ)
    bpp = mse.new_full((), network.channels / DIGIT**2)
    return BatchLoss(
        total=mse + MATCHING * distance,
        parts={"mse": mse.detach(), "bpp": bpp, "discrepancy": distance.detach()},
    )


def discrepancy(a_nZ: Tensor, b_nZ: Tensor) -> Tensor:
    """The squared maximum mean discrepancy of two samples of one size, nearly unbiased, under inverse multiquadratic
    kernels of several widths (arXiv:1711.01558, section 4)."""
    count, width = a_nZ.shape
    others = 1.0 - torch.eye(count, device=a_nZ.device)

    def kernel(x_nZ: Tensor, y_nZ: Tensor) -> Tensor:
        squared_nn = x_nZ.square().sum(1)[:, None] + y_nZ.square().sum(1)[None] - 2.0 * x_nZ @ y_nZ.T
        widths = [2.0 * width * scale for scale in _SCALES]
        return torch.stack([one / (one + squared_nn.clamp_min(0.0)) for one in widths]).mean(0)

    within = ((kernel(a_nZ, a_nZ) + kernel(b_nZ, b_nZ)) * others).sum() / (count * (count - 1))
    return within - 2.0 * kernel(a_nZ, b_nZ).mean()
