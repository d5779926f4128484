"""What a training run of a family of the grid is told. No torch here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from codec.training.config import Objective, QualityLevel, TrainConfig


class GridLossConfig(BaseModel):
    """Rate and distortion: bpp + lmbda x 255^2 x distortion, at the step that the preset is trained for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    objective: Objective = "mse"
    """What the distortion is of: squared error, structure, or both (`codec.training.losses`)."""
    lmbda: float = Field(default=0.012, gt=0.0)
    """What squared error is worth, in CompressAI's units."""
    octaves: float = Field(default=1.5, ge=0.0, le=3.0)
    """How far each patch's step lies from the preset's, up or down, at most; lmbda follows its square."""


class GridTrainConfig(TrainConfig):
    """One preset's run. A family says of what type `network` is."""

    network: Any
    """Shape of the network, as the `GridFamily` understands it."""
    loss: GridLossConfig = GridLossConfig()
    start: Literal["fitted", "random"] = "fitted"
    """Whether the network begins where images set it, if it can, or at random weights: what is learned when is seen
    only from these."""
    gain_scale: float = Field(default=5.0, gt=0.0)
    """Learning rate of gains, centres and spreads over that of the network."""
    fit_crops: int = Field(default=40, ge=1)
    """Training crops that tables and statistics are taken of, at most."""
    evaluate_qualities: tuple[QualityLevel, ...] = Field(default=(16, 32, 48), min_length=1)
    """Qualities that the averaged weights are measured at."""
