"""What a decoder is trained on: latents as payloads round them, of a codec that does not learn.

Shape legend: x_BCHW YCbCr pixels; y_BMhw latents.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from codec.families.hyper.model import HyperModel


def rounded_latents(model: HyperModel, x_BCHW: Tensor, quality_B: Tensor) -> Tensor:
    """y_hat, (B, M, h, w): what coding would leave of patches, by the model's own walk, without gradients.

    Args:
        x_BCHW: H and W multiples of 64.
    """
    with torch.no_grad():
        y_BMhw = model.analysis(x_BCHW)
        gain = model.gain(quality_B)
        z_BNuv = model.hyper_analysis(
            y_BMhw, model.analysis.size[None, :, None, None], gain, quality_B
        ).round()
        foreseen = model.foreseen(z_BNuv, quality_B)
        return model.walk(y_BMhw * gain, foreseen, quality_B, model.bit_worth(quality_B)).y_hat_BMhw


def with_noise(y_BMhw: Tensor, values: int, chance: np.random.Generator) -> Tensor:
    """Latents and so many values of noise beside each, uniform in [-1, 1)."""
    batch, _, rows, columns = y_BMhw.shape
    drawn = chance.random((batch, values, rows, columns), dtype=np.float32) * 2.0 - 1.0
    return torch.cat((y_BMhw, torch.from_numpy(drawn).to(y_BMhw)), 1)
