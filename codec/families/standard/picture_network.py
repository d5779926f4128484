"""A network from pixels to pixels, ComCNN or RecCNN: dense 3x3 layers around residual connections, told the quality.

Shape legend: x_BCHW YCbCr planes; f_BFuv features; r_BCHW what is to be added to other planes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.standard.config import PictureConfig
from codec.parts.quality import QualityTable
from codec.parts.start_values import zero

_FEATURE_GAIN: Final = 4.0
"""Planes lie in +-0.5; layers like inputs near one."""
_CORRECTION: Final = 0.1
"""Corrections are small against pixels; so the last layer's weights need not be."""
_RIDGE: Final = 1e-4
"""Of the features' mean power: least squares do not lean on what hardly varies."""


class PictureNetwork(nn.Module):
    """Planes -> a correction of planes of another size, zero before training. Beyond the edges the last pixel goes on:
    zeros there would show as a frame."""

    def __init__(self, config: PictureConfig, *, shrinks: int = 1, grows: int = 1) -> None:
        super().__init__()
        self._grows = grows
        side = 3 if shrinks == 1 else 2 * shrinks
        self.stem = nn.Conv2d(3, config.width, side, shrinks, 1, padding_mode="replicate")
        self.pairs = nn.ModuleList([_Pair(config.width) for _ in range(config.pairs)])
        self.head = _layer(config.width, 3 * grows * grows)
        zero(self.head.weight)
        zero(self.head.bias)

    def forward(self, x_BCHW: Tensor, quality_B: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H grows / shrinks, W grows / shrinks)."""
        r_BCHW: Tensor = functional.pixel_shuffle(self.head(self.features(x_BCHW, quality_B)), self._grows)
        return r_BCHW.float() * _CORRECTION

    def features(self, x_BCHW: Tensor, quality_B: Tensor) -> Tensor:
        """What the last layer sees: (B, 3, H, W) -> (B, F, H / shrinks, W / shrinks)."""
        f_BFuv = self.stem(x_BCHW * _FEATURE_GAIN)
        for pair in self.pairs:
            f_BFuv = pair(f_BFuv, quality_B)
        return functional.relu(f_BFuv)

    def fit_head(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Start the last layer where it does best with the features as they are: by least squares.

        Args:
            pairs: features of a picture, (1, F, u, v), and the correction that is wanted, (1, 3, u grows, v grows).
        """
        weight_OFkk, count = self.head.weight, self.head.in_channels * 9 + 1
        squares = torch.zeros(count, count, dtype=torch.float64, device=weight_OFkk.device)
        products = squares.new_zeros(count, len(weight_OFkk))
        for f_1Fuv, wanted_1CHW in pairs:
            seen_nK = functional.unfold(functional.pad(f_1Fuv, (1, 1, 1, 1), mode="replicate"), 3)[0].T
            seen_nK = functional.pad(seen_nK, (0, 1), value=1.0)
            wanted_nO = functional.pixel_unshuffle(wanted_1CHW / _CORRECTION, self._grows)[0].flatten(1).T
            squares += (seen_nK.T @ seen_nK).double()
            products += (seen_nK.T @ wanted_nO).double()
        ridge = torch.eye(count, dtype=torch.float64, device=squares.device) * squares.diagonal().mean()
        solved_KO = torch.linalg.solve(squares + _RIDGE * ridge, products)
        with torch.no_grad():
            weight_OFkk.copy_(solved_KO[:-1].T.reshape(weight_OFkk.shape))
            assert self.head.bias is not None
            self.head.bias.copy_(solved_KO[-1])


class _Pair(nn.Module):
    """Two layers, a ReLU between them; added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.into, self.out = _layer(width, width), _layer(width, width)
        self.told = QualityTable(width)

    def forward(self, f_BFuv: Tensor, quality_B: Tensor) -> Tensor:
        """(B, F, u, v) -> the same."""
        shift_BF11 = self.told(quality_B)[:, :, None, None]
        added_BFuv: Tensor = f_BFuv + self.out(functional.relu(self.into(f_BFuv) + shift_BF11))
        return added_BFuv


def _layer(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, padding_mode="replicate")


def reach_of(config: PictureConfig) -> int:
    """Pixels of the file's picture, or of its features, beside a place that what the network gives there sees."""
    return 2 * config.pairs + 2
