"""Training runs of a second: pictures, and the smallest config of each family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from codec.registry import recipe_for
from codec.train import parse_train_config
from codec.training import trainer
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops
from tests.codec.conftest import picture

_TINY: dict[str, dict[str, Any]] = {
    "ae-zfp-1": {
        "preset": "30x",
        "ratio": 30.0,
        "model": {
            "latent_channels": 64,
            "encoder_width": 16,
            "encoder_blocks": 1,
            "decoder_width": 16,
            "decoder_blocks": 2,
        },
        "loss": {"jitter_octaves": 0.25},
    },
    "hyper-1": {
        "preset": "tiny",
        "model": {
            "slices": [8, 16],
            "width": 16,
            "encoder_blocks": 1,
            "decoder_blocks": 1,
            "hyper_width": 16,
            "hyper_latents": 8,
            "mean_width": 16,
            "scale_width": 8,
        },
        "evaluate_qualities": [10, 50],
    },
}
FAMILIES = tuple(_TINY)


def tiny(family: str, **changes: object) -> TrainConfig:
    """A run of a few seconds."""
    values: dict[str, Any] = {
        "family": family,
        "steps": 8,
        "batch": 4,
        "patch": 64,
        "held_back": 0.2,
        "evaluate_every": 4,
        "evaluate_crops": 2,
        "checkpoint_minutes": 0.0,
        "log_every": 3,
        "optimiser": {"warmup_steps": 2},
    }
    return parse_train_config(values | _TINY[family] | changes, where="test")


def train(config: TrainConfig, read: Callable[[], Crops], **told: Any) -> trainer.Trained:
    """`codec.training.trainer.train` with the recipe that the config names."""
    device = told.pop("device", torch.device("cpu"))
    return trainer.train(config, recipe_for(config, device), read, device=device, **told)


def pictures() -> Crops:
    """Eight photographs' worth of small pictures."""
    names = tuple(f"photo{i // 2}-{i % 2}.png" for i in range(16))
    return Crops(names=names, pixels=tuple(picture(96, 112, seed) for seed in range(16)))
