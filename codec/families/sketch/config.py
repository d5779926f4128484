"""The shape of the network, as a run's config and a weights file say it. No torch here."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

GRID: Final = 32
"""Pixels per code position, each way."""

Channels = Annotated[int, Field(ge=1, le=4096)]
Blocks = Annotated[int, Field(ge=0, le=64)]


class SketchShape(BaseModel):
    """By how many layers and channels a picture becomes codes, and codes a picture."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    codes: int = Field(default=48, ge=1, le=256)
    """A position, at most; where little is to be seen most of them are zero, which costs next to nothing."""
    chained: int = Field(default=3, ge=0)
    """The first so many are coded as differences from place to place: of principal components the first are the mean
    colour."""
    encoder: tuple[Channels, Channels] = (64, 112)
    """Channels at 1/8 and 1/16."""
    decoder: tuple[Channels, Channels, Channels] = (160, 144, 112)
    """Channels at 1/32, 1/16 and 1/8."""
    blocks: tuple[Blocks, Blocks, Blocks] = (2, 2, 3)
    """Of the decoder, there; the encoder has two at each of its sizes."""
    grain: int = Field(default=8, ge=1, le=64)
    """Values of noise at a position at 1/8, beside one a pixel."""
    details: int = Field(default=24, ge=1, le=256)
    """Channels at half resolution."""
    layers: int = Field(default=2, ge=1, le=16)
    """Blocks at half resolution."""
    words: int = Field(default=24, ge=1, le=256)
    """Values that the words of a picture become."""
