"""Training runs of a second: pictures, and the tiny settings that each family brings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from codec.family import CODEC_ITSELF
from codec.registry import family_of, recipe_for
from codec.train_config import parse_train_config
from codec.training import trainer
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops
from codec.training.training_run import Trained
from tests.support.photographs import picture


def tiny(family_id: str, **changes: object) -> TrainConfig:
    """A run of a few seconds."""
    family = family_of(family_id)
    own = family.part(family.training(str(changes.get("trains", CODEC_ITSELF))).tiny)
    values: dict[str, Any] = {
        "family": family_id,
        "steps": 8,
        "batch": 2,
        "patch": 64,
        "held_back": 0.2,
        "evaluate_every": 4,
        "evaluate_crops": 2,
        "checkpoint_minutes": 60.0,
        "log_every": 3,
        "optimiser": {"warmup_steps": 2},
    }
    return parse_train_config(values | own | changes, where="test")


def train(config: TrainConfig, read: Callable[[], Crops], **how: Any) -> Trained:
    """`codec.training.trainer.train` with the recipe that the config names."""
    device = how.pop("device", torch.device("cpu"))
    return trainer.train(config, recipe_for(config, device), read, device=device, **how)


def pictures(height: int = 96) -> Crops:
    """Eight photographs' worth of small pictures."""
    names = tuple(f"photo{i // 2}-{i % 2}.png" for i in range(16))
    return Crops(names=names, pixels=tuple(picture(height, height + 16, seed) for seed in range(16)))
