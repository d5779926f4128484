"""The shape of one realistic decoder, written into its weights file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codec.families.hyper.config import ModelConfig


class Drawing(BaseModel):
    """By how many layers and channels a picture is drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    blocks: int = Field(default=5, ge=1, le=64)
    """How many of the faithful decoder's blocks, from the last, it has of its own."""
    details: int = Field(default=32, ge=1, le=256)
    """Channels at half resolution that those give."""
    layers: int = Field(default=2, ge=1, le=16)
    """How many blocks of its own there are at half resolution."""


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
