"""What a realistic picture is trained for: near the original in pixels and in what a network sees, hard to tell from
originals, and without a hatch.

Shape legend: x_BCHW YCbCr pixels in [-0.5, 0.5]; rgb_BCHW RGB in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from codec.colour import ycbcr_to_rgb
from codec.families.hyper.decoders.realistic.critic import Critic
from codec.families.hyper.decoders.realistic.train_config import RealisticLossConfig
from codec.training.hatch import standing_out
from codec.training.recipe import BatchLoss
from codec.training.shown_batch import ShownBatch

_GREY_LEVELS = 255.0


def objective(
    shown: ShownBatch,
    critic: Critic,
    weights: RealisticLossConfig,
    *,
    lpips: Callable[[Tensor, Tensor], Tensor] | None,
) -> BatchLoss:
    """Loss of one batch, and that of the critic.

    Args:
        lpips: (B,) distances of originals and decoded pictures in RGB; None where its weight is 0.
    """
    original_BCHW, decoded_BCHW = (ycbcr_to_rgb(x) for x in (shown.original_BCHW, shown.decoded_BCHW))
    parts = {"mse": (decoded_BCHW - original_BCHW).square().mean()}
    total = weights.mse * parts["mse"]
    if lpips is not None:
        parts["lpips"] = lpips(original_BCHW, decoded_BCHW.clamp(0.0, 1.0)).mean()
        total = total + weights.lpips * parts["lpips"]
    if weights.peaks:
        luma = (x[:, 0] * _GREY_LEVELS for x in (shown.decoded_BCHW, shown.original_BCHW))
        parts["peaks"] = standing_out(*luma)
        total = total + weights.peaks * parts["peaks"]
    rival = None
    if weights.adversarial:
        parts["grade"] = critic(shown.decoded_BCHW, shown.faithful_BCHW).mean()
        total = total - weights.adversarial * parts["grade"]
        rival = _hinge(shown, critic)
    return BatchLoss(total=total, rival=rival, parts={name: part.detach() for name, part in parts.items()})


def _hinge(shown: ShownBatch, critic: Critic) -> Tensor:
    """0 for a critic that grades every original above 1 and every decoded picture below -1."""
    originals = critic(shown.original_BCHW, shown.faithful_BCHW)
    decoded = critic(shown.decoded_BCHW.detach(), shown.faithful_BCHW)
    return torch.relu(1.0 - originals).mean() + torch.relu(1.0 + decoded).mean()
