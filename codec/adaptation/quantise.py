"""Adapted weights moved onto a grid around their base, so that a difference holds them in few bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.adaptation.difference import LARGEST_SYMBOL, Move

STEP: Final = 0.1
"""Of a tensor's grid, over the root of the mean square by which it moved."""


def quantised(
    base: Mapping[str, Tensor], adapted: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Move]]:
    """Adapted tensors on a grid of whole steps from their base, and how those of floats moved.

    Those that the base has not, or has in another shape, and integers stay as they are.

    Args:
        base: as a weights file has them, floats in float16.
        adapted: floats in any type, on the CPU.
    """
    tensors, moves = dict(adapted), {}
    for name, tensor in adapted.items():
        mine = base.get(name)
        if mine is None or mine.shape != tensor.shape or not tensor.is_floating_point():
            continue
        moves[name] = _move((tensor.float() - mine.float()).numpy())
        tensors[name] = torch.from_numpy(moves[name].applied(mine.numpy()))
    return tensors, moves


def _move(moved: npt.NDArray[np.float32]) -> Move:
    size, largest = float(np.sqrt(np.mean(np.square(moved)))), float(np.abs(moved).max())
    step = np.float32(max(STEP * size, largest / LARGEST_SYMBOL))
    whole = np.rint(moved / step) if step else np.zeros_like(moved)
    return Move(step=step, symbols=whole.clip(-LARGEST_SYMBOL, LARGEST_SYMBOL).astype(np.int8))
