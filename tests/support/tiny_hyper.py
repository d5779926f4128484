"""A small model of `hyper-1` none of whose layers is idle."""

from __future__ import annotations

import torch

from codec.families.hyper.config import ModelConfig
from codec.families.hyper.model import HyperModel
from codec.parts.quality import QualityTable

CPU = torch.device("cpu")
TINY = ModelConfig(
    slices=(6, 10, 12),
    width=16,
    encoder_blocks=2,
    decoder_blocks=3,
    hyper_width=12,
    hyper_latents=7,
    mean_width=12,
    scale_width=8,
)


def busy_model(seed: int = 3) -> HyperModel:
    """A tiny model with random weights everywhere, so that nothing hides a missing halo or a wrong table."""
    torch.manual_seed(seed)
    model = HyperModel(TINY)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.7 / max(2.0, parameter[0].numel() ** 0.5)
            parameter.add_(torch.randn_like(parameter) * spread)
            if name.startswith("scales."):  # whole 1024ths, as they are exported
                parameter.mul_(2048.0).round_().div_(1024.0)
        model.prior.fill(torch.linspace(30.0, 5.0, TINY.latents), torch.linspace(-8.0, 8.0, 10))
        model.log_gain.fill(torch.zeros(TINY.latents), 0.05 * QualityTable.anchor_qualities())
        model.hyper_prior.fill(torch.full((TINY.hyper_latents,), 20.0))
    return model.eval().requires_grad_(False)
