"""The training objective of `hyper-1`: rate and distortion of every image at a quality of its own.

Divided by the root of lambda, so that no quality outweighs the others: neither the small files, whose distortion is
large, nor the large ones, whose rate is. A recipe may add how far the decoded picture is from being encoded as the same
symbols again: idempotence, which costs a picture little and saves those that go through the codec often.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from codec.colour import rgb_to_ycbcr, ycbcr_to_rgb
from codec.families.hyper.model import Forward, HyperModel, Noise
from codec.families.hyper.transforms import Analysis
from codec.parts.quality import MSE_SCALE, lmbda_of
from codec.training.recipe import BatchLoss

_FARTHEST: Final = 2.0
"""Steps: what lies farther off counts as this."""


def objective(
    model: HyperModel,
    rgb_BCHW: Tensor,
    quality_B: Tensor,
    chance: torch.Generator,
    *,
    bfloat16: bool,
    encoder: Analysis | None = None,
    second_generation: float = 0.0,
) -> BatchLoss:
    """Loss of one batch of RGB patches in [0, 1]; the networks run in bfloat16 if asked, colours never do.

    Args:
        encoder: what makes the latents, where that is not the model's own.
        second_generation: weight of what `_beside` says.
    """
    x_BCHW = rgb_to_ycbcr(rgb_BCHW).contiguous(memory_format=torch.channels_last)
    with torch.autocast(x_BCHW.device.type, torch.bfloat16, enabled=bfloat16):
        noise = Noise.draw(model.config, x_BCHW.shape, chance)
        coded = (
            model(x_BCHW, quality_B, noise)  # whole, as it may be compiled
            if encoder is None
            else model.coded(encoder(x_BCHW), quality_B, noise)
        )
        beside = _beside(model, coded, quality_B) if second_generation else None
    mse_B = (ycbcr_to_rgb(coded.x_hat_BCHW) - rgb_BCHW).square().mean((1, 2, 3))
    bpp_B = coded.bits_B / (rgb_BCHW.shape[2] * rgb_BCHW.shape[3])
    total = rate_distortion(bpp_B, mse_B, quality_B).mean()
    parts = {"mse": mse_B.detach().mean(), "bpp": bpp_B.detach().mean()}
    if beside is not None:
        total, parts["beside"] = total + second_generation * beside, beside.detach()
    return BatchLoss(total=total, parts=parts)


def _beside(model: HyperModel, coded: Forward, quality_B: Tensor) -> Tensor:
    """How far the latents of the decoded picture lie beside those that it was made of: mean square, in steps."""
    gain = model.gain(quality_B).detach()
    steps: Tensor = (model.analysis(coded.x_hat_BCHW) - coded.y_hat_BMhw.detach()) * gain
    return steps.clamp(-_FARTHEST, _FARTHEST).square().mean()


def rate_distortion(bpp_B: Tensor, mse_B: Tensor, quality_B: Tensor) -> Tensor:
    """(bpp + lambda x 255^2 x MSE) / sqrt(lambda), (B,)."""
    lmbda_B = lmbda_of(quality_B)
    return (bpp_B + lmbda_B * MSE_SCALE * mse_B) / lmbda_B.sqrt()
