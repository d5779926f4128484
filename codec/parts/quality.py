"""Values that change smoothly with quality: a few learned anchors, interpolated.

A quality is a number in [0, 63]; whole ones are the 64 levels a user can ask for, the rest serve rate targets.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from codec.contract import QUALITIES, SIXTEENTHS
from codec.parts.lattice import WHOLE, Lattice

TOP: Final = float(QUALITIES.stop - 1)
LOWEST_LAMBDA: Final = 0.0012
HIGHEST_LAMBDA: Final = 0.8
"""Weight of distortion, CompressAI's units: loss = bpp + lambda * 255^2 * MSE of RGB in [0, 1]."""
MSE_SCALE: Final = 255.0**2
"""CompressAI's lambdas weigh squared errors of 8-bit samples."""
_ANCHORS: Final = 10


def lmbda_of(quality_B: Tensor) -> Tensor:
    """Lambda of each quality: geometric between the lowest and the highest."""
    span = math.log(HIGHEST_LAMBDA / LOWEST_LAMBDA)
    return LOWEST_LAMBDA * torch.exp(quality_B * (span / TOP))


def levels() -> Tensor:
    """All whole qualities, (64,) float32 on the CPU, whatever type and device are the process's defaults."""
    return torch.arange(len(QUALITIES), dtype=torch.float32, device="cpu")


def sixteenths_of(quality: float) -> int:
    """A quality as a payload says it."""
    return round(quality * SIXTEENTHS)


def quality_tensor(sixteenths: int, device: torch.device) -> Tensor:
    """The quality of a payload, (1,) float32, whatever type and device are the process's defaults."""
    return torch.tensor([sixteenths / SIXTEENTHS], dtype=torch.float32, device=device)


def as_field(quality: Tensor) -> Tensor:
    """Qualities that broadcast to features: (B, 1, 1, 1) of (B,), (B, 1, h, w) of (B, h, w)."""
    return quality[:, None, None, None] if quality.dim() == 1 else quality[:, None]


class QualityTable(nn.Module):
    """A vector per quality: `forward` gives (..., C) for qualities (...)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.anchors_AC = nn.Parameter(torch.zeros(_ANCHORS, channels))

    def forward(self, quality_B: Tensor) -> Tensor:
        """Linear between the anchors on either side."""
        place_B = quality_B.clamp(0.0, TOP) * ((_ANCHORS - 1) / TOP)
        below_B = place_B.floor().clamp(max=_ANCHORS - 2).long()
        share_B1 = (place_B - below_B)[..., None]
        return torch.lerp(self.anchors_AC[below_B], self.anchors_AC[below_B + 1], share_B1)

    def at(self, quality: Tensor, lattice: Lattice = WHOLE) -> Tensor:
        """What is added to features, or multiplies them: (B, C, 1, 1) for qualities (B,), (B, C, h', w') for those of
        every position, (B, h, w), at the positions of a lattice."""
        if quality.dim() == 1:
            vectors_BC: Tensor = self(quality)
            return vectors_BC[:, :, None, None]
        vectors_BhwC: Tensor = self(quality[:, lattice.rows, lattice.columns])
        return vectors_BhwC.permute(0, 3, 1, 2)

    def fill(self, values_C: Tensor, per_quality: Tensor | None = None) -> None:
        """Start at `values_C` plus, at every anchor, the same amount for all channels."""
        with torch.no_grad():
            self.anchors_AC.copy_(values_C[None].expand_as(self.anchors_AC))
            if per_quality is not None:
                self.anchors_AC.add_(per_quality[:, None])

    @staticmethod
    def anchor_qualities() -> Tensor:
        """The qualities at which the anchors lie."""
        return torch.linspace(0.0, TOP, _ANCHORS)
