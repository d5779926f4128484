"""Adapted weights moved onto a grid around their base, so that a difference holds them in few bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.adaptation.difference import LARGEST_SYMBOL, symbols_of

STEP: Final = 0.2
"""Of a tensor's grid, over the root of the mean square by which it moved."""


def quantised(
    base: Mapping[str, Tensor], adapted: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Adapted tensors on a grid of whole steps from their base, and the step of each tensor of floats.

    Those that the base has not, or has in another shape, and integers stay as they are.

    Args:
        base: as a weights file has them, floats in float16.
        adapted: floats in any type, on the CPU.
    """
    tensors, steps = dict(adapted), {}
    for name, tensor in adapted.items():
        mine = base.get(name)
        if mine is None or mine.shape != tensor.shape or not tensor.is_floating_point():
            continue
        step = _step(mine, tensor)
        symbols = torch.from_numpy(symbols_of(mine.numpy(), tensor.numpy(), step))
        tensors[name] = (mine.float() + symbols.float() * float(step)).half()
        steps[name] = float(step)
    return tensors, steps


def _step(base: Tensor, adapted: Tensor) -> np.float32:
    moved = (adapted.float() - base.float()).numpy()
    size, largest = float(np.sqrt(np.mean(np.square(moved)))), float(np.abs(moved).max())
    return np.float32(max(STEP * size, largest / LARGEST_SYMBOL))
