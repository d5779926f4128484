"""The training objective: the logarithm of a file's bits plus that of what it shows amiss.

Logarithms make every picture and every quality count alike: one percent of the bits is worth so many percent of the
distortion, whatever they are. With the exchange that plain files have from one quality to the next, a network gains
exactly as far as it leaves their curve.

Shape legend: x_BCHW planes of the image; p_BChw of the file's picture; B one value per picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from codec.colour import pixels_to_planes, planes_to_pixels, rgb_to_ycbcr, ycbcr_to_rgb
from codec.families.standard.config import FileKind
from codec.families.standard.model import StandardModel
from codec.families.standard.ordinary_file import read_file, write_file
from codec.families.standard.soft_jpeg import soft_jpeg, steps_of
from codec.families.standard.train_config import StandardLossConfig
from codec.training.losses import distortion
from codec.training.recipe import BatchLoss

_FEW_BPP: Final = 0.02
_LITTLE_AMISS: Final = 1e-4
"""Up to about these, rate and distortion count as they are, and beyond in proportion: or flat patches, which cost and
lack next to nothing, would outweigh all others."""


def objective(
    model: StandardModel,
    rgb_BCHW: Tensor,
    qualities: Sequence[float],
    config: StandardLossConfig,
    *,
    lpips: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> BatchLoss:
    """Loss of a batch of RGB patches in [0, 1], each with a file of its own quality.

    The part `bpp` is an estimate that follows the real rate and is not equal to it.

    Args:
        lpips: of originals and what is shown, (B,): for a config that gives it a weight.
    """
    quality_B = torch.tensor(qualities, dtype=torch.float32, device=rgb_BCHW.device)
    p_BChw = model.before(rgb_to_ycbcr(rgb_BCHW), quality_B)
    shown_BChw, bits_B = soft_jpeg(p_BChw, steps_of(qualities).to(rgb_BCHW.device))
    if model.config.file != "jpeg":
        real_BChw = _really_shown(p_BChw.detach(), qualities, model.config.file)
        shown_BChw = shown_BChw + (real_BChw - shown_BChw).detach()
    decoded_BCHW = ycbcr_to_rgb(model.after(shown_BChw, quality_B))
    amiss_B = distortion(config.objective, decoded_BCHW, rgb_BCHW, scales=config.ssim_scales)
    if lpips is not None:
        amiss_B = amiss_B + config.lpips * lpips(rgb_BCHW, decoded_BCHW.clamp(0.0, 1.0))
    bpp_B = bits_B / (rgb_BCHW.shape[2] * rgb_BCHW.shape[3])
    total = (bpp_B / _FEW_BPP).log1p() + config.exchange * (amiss_B / _LITTLE_AMISS).log1p()
    mse = (decoded_BCHW.detach() - rgb_BCHW).square().mean()
    return BatchLoss(total=total.mean(), parts={"mse": mse, "bpp": bpp_B.detach().mean()})


def _really_shown(p_BChw: Tensor, qualities: Sequence[float], kind: FileKind) -> Tensor:
    """What files of another kind than JPEG show: theirs is the value, JPEG's the gradient."""
    height, width = p_BChw.shape[2:]
    shown = []
    for one_1Chw, quality in zip(torch.split(p_BChw, 1), qualities, strict=True):
        file = write_file(planes_to_pixels(one_1Chw), kind, quality)
        shown.append(pixels_to_planes(read_file(file, kind, width=width, height=height), 1))
    return torch.cat(shown).to(p_BChw.device)
