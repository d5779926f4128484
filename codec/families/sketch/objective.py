"""What pictures of `sketch-1` are held to.

Shape legend: x_BCHW YCbCr pixels in [-0.5, 0.5]; rgb_BCHW RGB in [0, 1]; f_BFuv what a network sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from codec.colour import ycbcr_to_rgb
from codec.families.sketch.train_config import SketchLossConfig
from codec.perception.inverted_residuals import InvertedResiduals
from codec.perception.lpips import Lpips
from codec.training.hatch import standing_out
from codec.training.shown_batch import ShownBatch

_GREY_LEVELS: Final = 255.0
_AREAS: Final = (8, 4, 4)
"""Positions a side, in each of the first stages, of what a texture is measured in: some 32 pixels."""
_SEEN_AREA: Final = 4
"""Positions a side of the classifier's: 128 pixels."""
_LEAST_SPREAD: Final = 1e-4


def distortion_parts(
    shown: ShownBatch,
    weights: SketchLossConfig,
    lpips: Lpips | None,
    classifier: InvertedResiduals | None,
    *,
    bfloat16: bool,
) -> dict[str, Tensor]:
    """What is wrong with a batch, part by part, before weights: scalars with gradients.

    Args:
        lpips: None where nothing of what it sees counts.
        classifier: the same.
        bfloat16: whether both see in that.
    """
    original_BCHW, faithful_BCHW, drawn_BCHW = (
        ycbcr_to_rgb(x) for x in (shown.original_BCHW, shown.faithful_BCHW, shown.decoded_BCHW)
    )
    parts = {
        "faithful": (faithful_BCHW - original_BCHW).square().mean(),
        "mse": (drawn_BCHW - original_BCHW).square().mean(),
    }
    if lpips is not None:
        with torch.autocast(drawn_BCHW.device.type, torch.bfloat16, enabled=bfloat16):
            with torch.no_grad():
                wanted = lpips.stages(original_BCHW)
            seen = lpips.stages(drawn_BCHW.clamp(0.0, 1.0))
            parts["lpips"] = lpips.apart(wanted, seen).mean().float()
            parts["texture"] = texture_apart(lpips, wanted, seen)
    if classifier is not None:
        half = -(-len(drawn_BCHW) // 2)
        with torch.autocast(drawn_BCHW.device.type, torch.bfloat16, enabled=bfloat16):
            parts["seen"] = seen_apart(classifier, original_BCHW[:half], drawn_BCHW[:half].clamp(0.0, 1.0))
    if weights.peaks:
        parts["peaks"] = standing_out(
            shown.decoded_BCHW[:, 0] * _GREY_LEVELS, shown.original_BCHW[:, 0] * _GREY_LEVELS
        )
    return parts


def seen_apart(classifier: InvertedResiduals, original_BCHW: Tensor, drawn_BCHW: Tensor) -> Tensor:
    """How far what a classifier sees in areas of two batches is apart, over how much it sees: a scalar."""
    with torch.no_grad():
        wanted = functional.avg_pool2d(classifier(original_BCHW).float(), _SEEN_AREA, 1)
    seen = functional.avg_pool2d(classifier(drawn_BCHW).float(), _SEEN_AREA, 1)
    return (seen - wanted).square().sum(1).mean() / wanted.square().sum(1).mean()


def texture_apart(lpips: Lpips, wanted: Sequence[Tensor], seen: Sequence[Tensor]) -> Tensor:
    """How far the features of two batches differ in mean and spread, area by area, weighted as LPIPS weighs them.

    A flat picture of a texture is as wrong here as it is in LPIPS, and the same texture elsewhere is not: LPIPS alone
    would have it flat.
    """
    total = seen[0].new_zeros((), dtype=torch.float32)
    for original_BFuv, drawn_BFuv, head_F, area in zip(wanted, seen, lpips.heads, _AREAS, strict=False):
        spreads = [_moments(f_BFuv.float(), area) for f_BFuv in (original_BFuv, drawn_BFuv)]
        for one, other in zip(*spreads, strict=True):
            total = total + torch.einsum("c,bchw->bhw", head_F, (one - other).square()).mean()
    return total


def _moments(f_BFuv: Tensor, area: int) -> tuple[Tensor, Tensor]:
    """Means and spreads over areas that overlap by half."""
    mean = functional.avg_pool2d(f_BFuv, area, area // 2)
    square = functional.avg_pool2d(f_BFuv.square(), area, area // 2)
    return mean, (square - mean.square()).clamp_min(0.0).add(_LEAST_SPREAD).sqrt()
