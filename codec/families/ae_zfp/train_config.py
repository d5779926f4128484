"""What a training run of `ae-zfp-1` is told."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codec.families.ae_zfp.config import ModelConfig
from codec.training.config import Objective, TrainConfig

TINY: Final[dict[str, Any]] = {
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
}
"""The family's keys of a run of seconds."""


class LossConfig(BaseModel):
    """Distortion + rate_weight x (quantiser step)^2 x bits, over (quantiser step)^2."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate_weight: float = Field(default=0.14, gt=0.0)
    """0.1155 is what a uniform quantiser trades at high rates; more favours small files."""
    ssim_share: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the distortion's gradient that comes from SSIM, the rest from RGB MSE."""
    objective: Objective | None = None
    """Instead of that: what `codec/training/losses.py` holds against the picture."""
    jitter_octaves: float = Field(default=0.5, ge=0.0, le=2.0)
    """How far each patch's step lies from the preset's, up or down, at most."""
    dead_zone: float = Field(default=0.15, ge=0.0, lt=0.5)
    """How much further than half a step a value must lie from zero to become the next integer."""

    @model_validator(mode="after")
    def _one_distortion(self) -> LossConfig:
        if self.objective is not None and "ssim_share" in self.model_fields_set:
            raise ValueError("expected either objective or ssim_share, got both")
        return self


class AeZfpTrainConfig(TrainConfig):
    """One preset's run."""

    ratio: float = Field(gt=1.0)
    """Raw 24-bit bytes over payload bytes that held-back crops must reach; the quantiser step follows it."""
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    start_step: float = Field(default=0.2, gt=0.0)
    """First guess of the quantiser step."""

    @model_validator(mode="after")
    def _patch_fits(self) -> AeZfpTrainConfig:
        if self.patch < 16 * (self.model.decoder_blocks + 1) // 2:
            raise ValueError(f"patch of {self.patch} pixels is smaller than what the decoder sees")
        return self
