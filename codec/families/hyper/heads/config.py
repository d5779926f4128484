"""The shape of one head, written into its weights file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LabelsConfig(BaseModel):
    """Channels and depths of the head `labels`. The defaults fit 1.5 MB with 1,000 classes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int = Field(default=64, ge=1)
    """Latent channels, from the first, that it looks at where a picture is small."""
    coarse: int = Field(default=32, ge=1)
    """Latent channels, from the first, that it reads where it looks at a picture of half the size or less: four of
    them side by side say as much."""
    side: int = Field(default=16, ge=2)
    """Latent positions along the shorter side, at least, that are left of a picture that is halved."""
    width: int = Field(default=128, ge=8, le=4096)
    """Channels at 1/16."""
    blocks: int = Field(default=3, ge=0, le=64)
    """At 1/16."""
    wide: int = Field(default=160, ge=8, le=4096)
    """Channels at 1/32."""
    wide_blocks: int = Field(default=2, ge=0, le=64)
    """At 1/32."""
    embedding: int = Field(default=192, ge=1, le=4096)
    """Values of the embedding."""
    classes: int = Field(default=1000, ge=1)
