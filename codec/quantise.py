"""Latents -> integer symbols and back: a dead-zone quantiser, and differences for slow channels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from codec.zfp import MAX_SYMBOL, Symbols


def quantise(y_BChw: Tensor, step: Tensor | float, dead_zone: float) -> Tensor:
    """Integers as float32, same shape. Values short of `0.5 + dead_zone` steps become zero; all else too
    rounds toward zero by as much. Clipped to what the coder takes."""
    scaled = y_BChw / step
    rounded = torch.sign(scaled) * torch.floor(scaled.abs() + (0.5 - dead_zone))
    return rounded.clamp(-MAX_SYMBOL // 2, MAX_SYMBOL // 2)


def subtract_left(symbols_hwC: Symbols, channels: tuple[int, ...]) -> Symbols:
    """`channels` replaced by differences to the left neighbour (in the first column: to the one above)."""
    coded_hwC = symbols_hwC.copy()
    for channel in channels:
        plane_hw = symbols_hwC[:, :, channel]
        coded_hwC[:, 1:, channel] -= plane_hw[:, :-1]
        coded_hwC[1:, 0, channel] -= plane_hw[:-1, 0]
    return coded_hwC


def add_left(coded_hwC: Symbols, channels: tuple[int, ...]) -> Symbols:
    """The inverse of `subtract_left`, in place. Sums wrap at 16 bits, which only a forged payload reaches."""
    for channel in channels:
        coded_hwC[:, 0, channel] = np.cumsum(coded_hwC[:, 0, channel], dtype=np.int16)
        coded_hwC[:, :, channel] = np.cumsum(coded_hwC[:, :, channel], axis=1, dtype=np.int16)
    return coded_hwC
