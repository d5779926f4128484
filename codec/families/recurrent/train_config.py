"""What a training run of `recurrent-1` is told. No torch here."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from codec.families.recurrent.config import ModelConfig
from codec.training.config import QualityLevel, TrainConfig

TINY: Final[dict[str, Any]] = {
    "preset": "tiny",
    "model": {"iterations": 5, "coefficients": 32, "width": 16, "coarsest_step": 2.0},
    "evaluate_qualities": (26,),
}
"""The family's keys of a run of seconds."""


class LossConfig(BaseModel):
    """Of every iteration: squared error over its squared step, and bits so far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate_weight: float = Field(default=0.13, gt=0.0)
    """Squared steps that a bit is worth: 0.1155 is what a uniform quantiser trades at high rates."""
    noise: float = Field(default=0.3, ge=0.0, le=1.0)
    """Steps over which a bit is drawn at random: within, its chance grows from 0 to 1. In use it is a sign."""
    stop_share: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of patches that are stopped block by block, at a level of their own."""
    early: float = Field(default=0.8, ge=0.0)
    """Power of its step by which an iteration is weighed. At 0 the last ones, whose errors are many steps, are nearly
    all that counts."""


class RecurrentTrainConfig(TrainConfig):
    """One preset's run."""

    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    learns: Literal["decoder", "both"] = "both"
    """What learns: the decoder alone, from bits that stay what they are, or all. The first is quiet and quick,
    and the start for the second."""
    evaluate_qualities: tuple[QualityLevel, ...] = Field(default=(8, 26, 44), min_length=1)
    """Qualities that the averaged weights are measured at."""
