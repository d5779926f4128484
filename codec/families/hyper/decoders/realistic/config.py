"""The shape of one realistic decoder, written into its weights file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codec.families.hyper.config import ModelConfig


class Drawing(BaseModel):
    """By how many layers and channels a picture is drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    blocks: int = Field(default=5, ge=1, le=64)
    """How many of the faithful decoder's blocks, from the last, it has of its own."""
    details: int = Field(default=12, ge=1, le=256)
    """Channels at full resolution that the blocks give."""
    grains: int = Field(default=4, ge=1, le=256)
    """How many of these say how strong grain is, and are multiplied by noise."""
    width: int = Field(default=16, ge=1, le=256)
    """Channels of the layers at full resolution."""
    layers: int = Field(default=2, ge=1, le=16)
    """How many of those there are, but for the last."""

    @model_validator(mode="after")
    def _grains_fit(self) -> Drawing:
        if self.grains > self.details:
            raise ValueError(f"expected at most {self.details} grains, as many as details, got {self.grains}")
        return self


class RealisticConfig(BaseModel):
    """What is needed to build a realistic decoder's network."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    codec: ModelConfig = ModelConfig()
    """The shape of the model whose latents it shows."""
    drawing: Drawing = Drawing()

    @model_validator(mode="after")
    def _blocks_fit(self) -> RealisticConfig:
        if self.drawing.blocks > self.codec.decoder_blocks:
            raise ValueError(
                f"expected at most {self.codec.decoder_blocks} blocks, as many as the codec has, got "
                f"{self.drawing.blocks}"
            )
        return self
