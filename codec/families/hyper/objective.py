"""The training objective of `hyper-1`: rate and distortion of every image at a quality of its own.

Divided by the root of lambda, so that no quality outweighs the others: neither the small files, whose distortion is
large, nor the large ones, whose rate is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codec.colour import rgb_to_ycbcr, ycbcr_to_rgb
from codec.families.hyper.model import HyperModel, Noise
from codec.families.hyper.transforms import Analysis
from codec.parts.quality import MSE_SCALE, lmbda_of
from codec.training.recipe import BatchLoss


def objective(
    model: HyperModel,
    rgb_BCHW: Tensor,
    quality_B: Tensor,
    chance: torch.Generator,
    *,
    bfloat16: bool,
    encoder: Analysis | None = None,
) -> BatchLoss:
    """Loss of one batch of RGB patches in [0, 1]; the networks run in bfloat16 if asked, colours never do.

    Args:
        encoder: what makes the latents, where that is not the model's own.
    """
    x_BCHW = rgb_to_ycbcr(rgb_BCHW).contiguous(memory_format=torch.channels_last)
    with torch.autocast(x_BCHW.device.type, torch.bfloat16, enabled=bfloat16):
        noise = Noise.draw(model.config, x_BCHW.shape, chance)
        coded = (
            model(x_BCHW, quality_B, noise)  # whole, as it may be compiled
            if encoder is None
            else model.coded(encoder(x_BCHW), quality_B, noise)
        )
    mse_B = (ycbcr_to_rgb(coded.x_hat_BCHW) - rgb_BCHW).square().mean((1, 2, 3))
    bpp_B = coded.bits_B / (rgb_BCHW.shape[2] * rgb_BCHW.shape[3])
    total = rate_distortion(bpp_B, mse_B, quality_B).mean()
    return BatchLoss(total=total, parts={"mse": mse_B.detach().mean(), "bpp": bpp_B.detach().mean()})


def rate_distortion(bpp_B: Tensor, mse_B: Tensor, quality_B: Tensor) -> Tensor:
    """(bpp + lambda x 255^2 x MSE) / sqrt(lambda), (B,)."""
    lmbda_B = lmbda_of(quality_B)
    return (bpp_B + lmbda_B * MSE_SCALE * mse_B) / lmbda_B.sqrt()
