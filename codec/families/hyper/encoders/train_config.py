"""What a training run of a smaller encoder is told."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codec.families.hyper.config import HYPER_GRID, EncoderShape
from codec.families.hyper.drawn_qualities import DrawnQualitiesConfig
from codec.training.config import OptimiserConfig, QualityLevel, TrainConfig

TINY: Final[dict[str, Any]] = {
    "preset": "tiny",
    "encoder": {"width": 8, "hidden": [16, 8]},
    "evaluate_qualities": [10, 50],
}
"""The keys of a run of seconds."""


class ShrinkConfig(BaseModel):
    """When the channels that are not kept fade, as shares of the run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fades_from: float = Field(default=0.0, ge=0.0, le=1.0)
    fades_until: float = Field(default=0.15, ge=0.0, le=1.0)
    """Both 0: they are cut before the first step."""

    @model_validator(mode="after")
    def _in_order(self) -> ShrinkConfig:
        if self.fades_from > self.fades_until:
            raise ValueError(
                f"expected fades_from ({self.fades_from}) up to fades_until ({self.fades_until})"
            )
        return self


class EncoderTrainConfig(TrainConfig):
    """One encoder's run."""

    trains: Literal["encoder"] = "encoder"
    codec: str = "small"
    """Whose payloads it writes: a preset of the family, or a weights file."""
    encoder: EncoderShape = EncoderShape(width=96, hidden=(96, 96, 96, 96))
    """What it is in the end. The defaults take half of the multiplications of `small`'s."""
    shrink: ShrinkConfig | None = ShrinkConfig()
    """How the codec's own encoder becomes it; null: it is trained from nothing."""
    loss: DrawnQualitiesConfig = DrawnQualitiesConfig()
    optimiser: OptimiserConfig = OptimiserConfig(
        method="soap", learning_rate=2.5e-3, warmup_steps=50, ema_decay=0.995
    )
    patch: int = Field(default=128, ge=HYPER_GRID, multiple_of=HYPER_GRID)
    evaluate_qualities: tuple[QualityLevel, ...] = Field(default=(8, 26, 44), min_length=1)
    """Qualities of the payloads that the averaged weights are measured on."""
