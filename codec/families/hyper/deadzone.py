"""How the encoder rounds: towards zero a little, by as much as the bits that saves are worth.

A residual between n and n + 1 steps goes to n + 1 if the error it saves is worth its further bits. In units of steps,
with `gain` steps per unit of an orthonormal coefficient, that is where its fraction exceeds

    1/2 + bits / (2 lambda 255^2 / gain^2)

The decoder knows nothing of it. After rate-distortion optimised quantisation in video encoders (Sullivan 1996,
doi:10.1109/18.532878); here for the first step of a Laplace distribution, whatever n, since others are rarer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.entropy.tables import TABLES
from codec.families.hyper.scale_network import scale_of
from codec.parts.quality import MSE_SCALE, lmbda_of

_COARSE: Final = 0.15
"""Share of that shift in the first slice: rounding down also costs what later passes would have known."""
_FINER: Final = (0.5, 1.3)
"""Shares of the second slice and of the last, which tells no other; in equal steps between them."""


def first_step_bits(index: Tensor) -> Tensor:
    """Bits that a one costs above a zero, for table indices (not rounded)."""
    scale = scale_of(index)
    zero = -torch.expm1(-0.5 / scale)
    one = 0.5 * torch.exp(-0.5 / scale) * -torch.expm1(-1.0 / scale)
    return torch.log2(zero / one.clamp_min(1e-12))


def shares(slices: Sequence[int], device: torch.device) -> Tensor:
    """The share of the shift that each latent takes, (M,), from the channels of every slice."""
    second, last = _FINER
    finer = np.linspace(last, second, len(slices) - 1)[::-1]
    return torch.from_numpy(np.repeat([_COARSE, *finer], slices).astype(np.float32)).to(device)


def worth(gain: Tensor, quality: Tensor, share: Tensor) -> Tensor:
    """By how much a bit shifts where values are rounded, in steps: for a gain of (M,) or (B, M, 1, 1), and the quality
    and share that broadcast to it."""
    return gain.square() * (0.5 / MSE_SCALE) * share / lmbda_of(quality)


def rounded(values: Tensor, shift: Tensor) -> Tensor:
    """Whole steps: nearest, but for a shift towards zero (at most half a step)."""
    whole = (values.abs() + 0.5).sub_(shift.clamp(max=0.5)).floor_()
    return torch.copysign(whole, values)


def table_of_bits() -> Tensor:
    """`first_step_bits` of every table, (TABLES,)."""
    return first_step_bits(torch.arange(TABLES, dtype=torch.float32, device="cpu"))
