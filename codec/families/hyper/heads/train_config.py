"""What a training run of a head is told."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from codec.families.hyper.config import HYPER_GRID
from codec.families.hyper.drawn_qualities import DrawnQualitiesConfig
from codec.families.hyper.heads.config import LabelsConfig
from codec.training.config import OptimiserConfig, QualityLevel, TrainConfig

TINY: Final[dict[str, Any]] = {
    "preset": "tiny",
    "model": {"channels": 8, "coarse": 4, "side": 32, "embedding": 8},
    "patch": 64,
    "least": 64,
    "evaluate_qualities": [8],
}
"""The keys of a run of seconds."""


class LabelsOptimiserConfig(OptimiserConfig):
    """The loop's; all layers begin with what the teacher knows."""

    learning_rate: float = Field(default=2e-4, gt=0.0)
    weight_decay: float = Field(default=0.0, ge=0.0)
    ema_decay: float = Field(default=0.99, ge=0.0, lt=1.0)


class LabelsLossConfig(DrawnQualitiesConfig):
    """What of the teacher is learned."""

    features: float = Field(default=1.0, ge=0.0)
    """Weight of the features' means: their squared error over that of a guess."""
    labels: float = Field(default=1.0, ge=0.0)
    """Weight of the labels: Kullback-Leibler divergence from the teacher's, in nats."""


class LabelsTrainConfig(TrainConfig):
    """One head's run."""

    codec: str = "small"
    """The preset of hyper-1, or a path of its weights, whose latents are read."""
    model: LabelsConfig = LabelsConfig()
    optimiser: LabelsOptimiserConfig = LabelsOptimiserConfig()
    loss: LabelsLossConfig = LabelsLossConfig()
    patch: int = Field(default=512, ge=HYPER_GRID, multiple_of=HYPER_GRID)
    least: int = Field(default=256, ge=HYPER_GRID, multiple_of=HYPER_GRID)
    """Pixels a side of the smallest part of a patch that is coded and looked at."""
    remembered: int = Field(default=4000, ge=1)
    """Lessons that are kept in memory: what the head looks at and what the teacher says of it, 230 kB each."""
    repeated: int = Field(default=8, ge=0)
    """Remembered lessons that are learned again at each step: to make one takes three times as long as to learn it."""
    evaluate_qualities: tuple[QualityLevel, ...] = Field(default=(0, 8, 34), min_length=1)
    trains: Literal["labels"] = "labels"
