"""A codec that does not learn: what a decoder or a head of its payloads is trained on.

Shape legend: x_BCHW YCbCr pixels; y_BMhw latents.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from codec.families.hyper import FAMILY
from codec.families.hyper.model import HyperModel
from codec.families.hyper.weights import Weights, understand
from codec.weights_file import SUFFIX, read_weights


def frozen_codec(named: str) -> Weights:
    """The codec that a training config names: a preset of `hyper-1`, or the path of a weights file.

    Raises:
        WeightsError: there is no such file, or it is another family's or role's.
    """
    given = Path(named)
    return understand(read_weights(given if given.suffix == SUFFIX else FAMILY.weights_path(named)))


def rounded_latents(
    model: HyperModel, x_BCHW: Tensor, quality_B: Tensor, *, channels: int | None = None
) -> Tensor:
    """y_hat, (B, M, h, w): what coding would leave of patches, by the model's own walk, without gradients.

    Args:
        model: the codec's.
        x_BCHW: H and W multiples of 64.
        quality_B: of each patch, in [0, 63].
        channels: how many latent channels, from the first, are wanted; None for all.
    """
    with torch.no_grad():
        y_BMhw = model.analysis(x_BCHW)
        gain = model.gain(quality_B)
        z_BNuv = model.hyper_analysis(
            y_BMhw, model.analysis.size[None, :, None, None], gain, quality_B
        ).round()
        foreseen = model.foreseen(z_BNuv, quality_B)
        bit_worth = model.bit_worth(quality_B)
        walked = model.walk(y_BMhw * gain, foreseen, quality_B, bit_worth, channels=channels)
        return walked.y_hat_BMhw[:, :channels]
