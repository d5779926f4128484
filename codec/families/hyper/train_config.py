"""What a training run of `hyper-1` is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from codec.families.hyper.config import HYPER_GRID, ModelConfig
from codec.families.hyper.drawn_qualities import DrawnQualitiesConfig
from codec.training.config import OptimiserConfig, QualityLevel, TrainConfig

TINY: Final[dict[str, Any]] = {
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
}
"""The family's keys of a run of seconds."""


class HyperOptimiserConfig(OptimiserConfig):
    """The loop's, and how fast the tables' priors move."""

    method: Literal["adamw", "soap"] = "soap"
    linear_scale: float = Field(default=0.02, ge=0.0, le=1.0)
    prior_scale: float = Field(default=10.0, gt=0.0)
    """Learning rate of the priors, which count in table steps, over that of the networks."""
    decay_from: float = Field(default=0.4, ge=0.0, le=1.0)
    ema_decay: float = Field(default=0.999, ge=0.0, lt=1.0)


class HyperLossConfig(DrawnQualitiesConfig):
    """What is asked of a whole codec beside rate and distortion."""

    second_generation: float = Field(default=0.0, ge=0.0)
    """Weight of idempotence: of how far, in squared steps, a decoded picture's latents miss those of its payload."""


class HyperTrainConfig(TrainConfig):
    """One model's run."""

    model: ModelConfig = ModelConfig()
    optimiser: HyperOptimiserConfig = HyperOptimiserConfig()
    loss: HyperLossConfig = HyperLossConfig()
    patch: int = Field(default=128, ge=HYPER_GRID, multiple_of=HYPER_GRID)
    evaluate_every: int = Field(default=1000, ge=1)
    evaluate_qualities: tuple[QualityLevel, ...] = Field(default=(4, 14, 24, 34, 44, 54, 63), min_length=1)
    """Qualities that the averaged weights are measured at."""
    compile: bool = False
    """torch.compile the forward pass: a minute or two at the start for faster steps on a GPU."""

    @classmethod
    def keys_of(cls, weights: Mapping[str, Any]) -> dict[str, Any]:
        """Name and shape of the model."""
        return {"preset": weights["name"], "model": weights["model"]}
