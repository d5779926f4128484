"""The shape of one model, written into its weights file: `small`, `medium` and `large` are values of this."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codec.parts.lattice import QUARTERS, WHOLE, Lattice

GRID: Final = 16
"""Pixels per latent position, each way."""
HYPER_GRID: Final = 64
"""Pixels per hyper-latent position, each way."""
PATCH_VALUES: Final = 3 * GRID * GRID


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over the latents: the first four share a slice, each on a quarter of the positions."""

    context_channels: int
    """Latent channels, from the first, that earlier passes have coded, in part or whole."""
    channels: slice
    """Latent channels that this one codes."""
    lattice: Lattice
    """Positions that this one codes."""

    @property
    def coded(self) -> int:
        """How many those are."""
        return int(self.channels.stop - self.channels.start)

    @property
    def ends_slice(self) -> bool:
        """Whether all of its channels are coded after it."""
        return self.lattice in (WHOLE, QUARTERS[-1])


class EncoderShape(BaseModel):
    """Widths of the deep branch of an analysis transform."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(ge=8, le=4096)
    """Channels between its blocks, at 1/8."""
    hidden: tuple[Annotated[int, Field(ge=8, le=8192)], ...] = Field(max_length=64)
    """Channels inside each block."""

    def fits_in(self, other: EncoderShape) -> bool:
        """Whether that one can shrink to it: as many blocks, and nowhere fewer channels."""
        return (
            len(self.hidden) == len(other.hidden)
            and self.width <= other.width
            and all(mine <= theirs for mine, theirs in zip(self.hidden, other.hidden, strict=True))
        )


class ModelConfig(BaseModel):
    """Channels and depths. The defaults are `small`, trainable on two CPU cores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slices: tuple[int, ...] = (32, 32, 24, 40, 96, 160)
    """Latent channels by frequency, coarsest first; each slice is coded knowing those before it, the first one in
    four passes over a 2 x 2 pattern."""
    width: int = Field(default=128, ge=8, le=4096)
    """Channels of the deep branches at 1/8."""
    encoder_blocks: int = Field(default=4, ge=0, le=64)
    decoder_blocks: int = Field(default=9, ge=0, le=64)
    hyper_width: int = Field(default=96, ge=8, le=4096)
    """Channels between latents and hyper-latents."""
    hyper_latents: int = Field(default=64, ge=1, le=4096)
    mean_width: int = Field(default=96, ge=8, le=4096)
    """Channels of the means' context networks."""
    scale_width: int = Field(default=48, ge=4, le=256)
    """Channels of the integer network."""

    @model_validator(mode="after")
    def _slices_fit(self) -> ModelConfig:
        if len(self.slices) < 2 or min(self.slices) < 1 or sum(self.slices) > PATCH_VALUES:
            raise ValueError(
                f"expected two or more slices of at least 1 and {PATCH_VALUES} channels in all, got {self.slices}"
            )
        return self

    @property
    def encoder(self) -> EncoderShape:
        """Of its own analysis transform."""
        return EncoderShape(width=self.width, hidden=(2 * self.width,) * self.encoder_blocks)

    @property
    def latents(self) -> int:
        """Latent channels."""
        return sum(self.slices)

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The passes in which latents are coded, in their order."""
        edges = [0, *accumulate(self.slices)]
        slices = [slice(start, stop) for start, stop in pairwise(edges)]
        coarse = slices[0]
        context_channels = (0, *(coarse.stop for _ in QUARTERS[1:]))
        quarters = (
            Pass(context_channels=before, channels=coarse, lattice=lattice)
            for before, lattice in zip(context_channels, QUARTERS, strict=True)
        )
        return (
            *quarters,
            *(Pass(context_channels=later.start, channels=later, lattice=WHOLE) for later in slices[1:]),
        )

    @property
    def context_channels(self) -> int:
        """The latent channels that some pass looks at."""
        return max(one.context_channels for one in self.passes)

    def symbols(self, width: int, height: int) -> int:
        """How many symbols an image of so many pixels has."""
        latents, hyper_latents = (-(-height // grid) * -(-width // grid) for grid in (GRID, HYPER_GRID))
        return self.latents * latents + self.hyper_latents * hyper_latents

    @property
    def decoder_halo(self) -> int:
        """Latent positions beside a tile that its pixels depend on."""
        return (self.decoder_blocks + 1) // 2
