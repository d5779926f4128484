"""Adapted weights moved onto a grid around their base, so that a difference holds them in few bits."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.adaptation.difference import LARGEST_SYMBOL, symbols_of
from codec.weights_file import parse_weights, weights_bytes

STEP: Final = 1.0
"""Of a tensor's grid, over the root of the mean square by which it moved."""


def quantised(base: bytes, adapted: bytes) -> tuple[bytes, dict[str, float]]:
    """The adapted weights on a grid of whole steps from their base, and the step of each tensor of floats.

    Tensors that the base has not, or has in another shape, stay as they are.
    """
    ours, file = parse_weights(base, where="the base"), parse_weights(adapted, where="adapted")
    tensors, steps = dict(file.tensors), {}
    for name, tensor in file.tensors.items():
        mine = ours.tensors.get(name)
        if mine is None or mine.shape != tensor.shape or not tensor.is_floating_point():
            continue
        step = _step(mine, tensor)
        symbols = torch.from_numpy(symbols_of(mine.numpy(), tensor.numpy(), step))
        tensors[name] = mine.float() + symbols.float() * float(step)
        steps[name] = float(step)
    return weights_bytes(file.config, tensors), steps


def _step(base: Tensor, adapted: Tensor) -> np.float32:
    moved = (adapted.float() - base.float()).numpy()
    size, largest = float(np.sqrt(np.mean(np.square(moved)))), float(np.abs(moved).max())
    return np.float32(max(STEP * size, largest / LARGEST_SYMBOL))
