"""Pixels as the networks take them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from codec.contract import RGB


def as_batch(pixels: RGB) -> Tensor:
    """(1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255.0))


@contextmanager
def judging() -> Iterator[None]:
    """In float32 and without gradients, whatever is in force around us."""
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):
        yield
