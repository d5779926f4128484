"""What a training run of a head is told."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from codec.families.hyper.config import HYPER_GRID
from codec.families.hyper.heads.config import LabelsConfig
from codec.families.hyper.train_config import HyperOptimiserConfig
from codec.training.config import QualityLevel, TrainConfig

TINY: Final[dict[str, Any]] = {
    "preset": "tiny",
    "model": {
        "channels": 8,
        "coarse": 4,
        "width": 16,
        "blocks": 1,
        "wide": 16,
        "wide_blocks": 1,
        "embedding": 8,
    },
    "patch": 64,
    "seen": 64,
    "evaluate_qualities": [8],
}
"""The keys of a run of seconds."""


class LabelsLossConfig(BaseModel):
    """What of the teacher is learned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    places: float = Field(default=1.0, ge=0.0)
    """Weight of the embedding of every place."""
    pictures: float = Field(default=1.0, ge=0.0)
    """Weight of the embedding of the picture."""
    labels: float = Field(default=0.3, ge=0.0)
    """Weight of the labels: Kullback-Leibler divergence from the teacher's, in nats."""
    quality_beta: tuple[float, float] = (1.0, 1.5)
    """Qualities are drawn as 63 x Beta(a, b)."""


class LabelsTrainConfig(TrainConfig):
    """One head's run."""

    codec: str = "small"
    """The preset of hyper-1, or a path of its weights, whose latents are read."""
    model: LabelsConfig = LabelsConfig()
    optimiser: HyperOptimiserConfig = HyperOptimiserConfig()
    loss: LabelsLossConfig = LabelsLossConfig()
    patch: int = Field(default=512, ge=HYPER_GRID, multiple_of=HYPER_GRID)
    seen: int = Field(default=256, ge=HYPER_GRID, multiple_of=HYPER_GRID)
    """Pixels a side of what teacher and head look at: a patch, or a part of it that is not smaller, shrunk to that."""
    remembered: int = Field(default=6000, ge=1)
    """Lessons that are kept in memory: what the head reads and what the teacher says of it, 70 kB each."""
    repeated: int = Field(default=32, ge=0)
    """Remembered lessons that are learned again at each step: a lesson takes ten times as long to make as to learn."""
    evaluate_qualities: tuple[QualityLevel, ...] = Field(default=(0, 8, 34), min_length=1)
    trains: Literal["labels"] = "labels"
