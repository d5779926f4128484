"""The noise that a realistic decoder trains with; what it shows payloads with is drawn by `codec/parts/noise.py`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def with_noise(y_BMhw: Tensor, values: int, chance: np.random.Generator) -> Tensor:
    """Latents and so many values of noise beside each, uniform in [-1, 1): (B, M + values, h, w)."""
    batch, _, rows, columns = y_BMhw.shape
    drawn = chance.random((batch, values, rows, columns), dtype=np.float32) * 2.0 - 1.0
    return torch.cat((y_BMhw, torch.from_numpy(drawn).to(y_BMhw)), 1)
