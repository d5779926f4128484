"""The shape of one autoencoder, written into its weights file."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

GRID: Final = 16
"""Pixels per latent position, each way."""
PATCH_VALUES: Final = 3 * GRID * GRID


class ModelConfig(BaseModel):
    """Channels and depths."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latent_channels: int = Field(default=256, ge=1, le=PATCH_VALUES)
    encoder_width: int = Field(default=64, ge=8, le=4096)
    encoder_blocks: int = Field(default=2, ge=0, le=64)
    decoder_width: int = Field(default=80, ge=8, le=4096)
    decoder_blocks: int = Field(default=4, ge=0, le=64)
