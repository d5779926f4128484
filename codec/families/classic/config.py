"""The shapes of the networks, as a run's config and a weights file say them. No torch here."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

MOST_WEIGHTS: Final = 20_000_000
"""Of a dense network: 40 MB on disk, 320 MB in training."""
POOLING: Final = 0
"""Of 2 x 2, among `PooledConfig.layers`."""
DIGIT: Final = 28
"""Pixels a side of a handwritten digit."""


class NetworkConfig(BaseModel):
    """What every network is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int = Field(default=64, ge=1, le=1024)
    """Latents a position."""


class DenseConfig(NetworkConfig):
    """Fully connected, block by block."""

    kind: Literal["dense"] = "dense"
    block: int = Field(default=32, ge=4, le=4096)
    """Pixels a side of what one set of latents stands for."""
    hidden: int = Field(default=192, ge=8, le=4096)
    """Width of the layer between pixels and latents, each way."""

    @property
    def weights(self) -> int:
        """Of both transforms, biases left out."""
        return 2 * self.hidden * (3 * self.block**2 + self.channels)

    @model_validator(mode="after")
    def _fits(self) -> DenseConfig:
        if self.weights > MOST_WEIGHTS:
            raise ValueError(
                f"a fully connected network on {self.block} x {self.block} pixels with {self.hidden} hidden units has "
                f"{self.weights / 1e6:.0f} million weights: {2 * self.weights / 1e6:.0f} MB in a weights file and "
                f"{16 * self.weights / 1e9:.1f} GB in training with Adam; expected {MOST_WEIGHTS / 1e6:.0f} million at "
                "most: take blocks of 32, or the convolutional network"
            )
        return self


class ConvolutionalConfig(NetworkConfig):
    """Convolutions on a quarter, an eighth and a sixteenth of the side."""

    kind: Literal["convolutional"] = "convolutional"
    width: int = Field(default=64, ge=8, le=4096)
    """Features at a quarter; at an eighth, half as many more."""


class PooledConfig(NetworkConfig):
    """Convolution, batch normalisation, ReLU; and max-pooling after some."""

    kind: Literal["pooled"] = "pooled"
    form: Literal["baseline", "enhanced"] = "enhanced"
    """Four poolings, or two convolutions at full size and then three poolings."""
    width: int = Field(default=16, ge=4, le=4096)
    """Features at full size; twice as many after each pooling, up to six times."""
    strides: tuple[Literal[2, 4, 8], ...] = ()
    """Of branches beside the network, from pixels to latents and back."""

    @property
    def layers(self) -> tuple[int, ...]:
        """From pixels to latents: a convolution to so many times the width, or a pooling."""
        if self.form == "baseline":
            return 1, POOLING, 2, POOLING, 4, POOLING, 6, POOLING
        return 1, 1, POOLING, 2, POOLING, 4, POOLING, 6

    @property
    def grid(self) -> int:
        """Pixels per latent position, each way."""
        return int(2 ** self.layers.count(POOLING))


class DigitsConfig(NetworkConfig):
    """Fully connected on the luma of a digit."""

    kind: Literal["digits"] = "digits"
    hidden: int = Field(default=128, ge=16, le=4096)
    """Width of the two layers between pixels and latents, each way."""
    is_variational: bool = False
    """Whether it learns under a posterior of its own width, or under the quantiser's noise."""


class PreservingConfig(NetworkConfig):
    """Digits from some bits and noise."""

    kind: Literal["preserving"] = "preserving"
    channels: int = Field(default=64, ge=1, le=256)
    """Bits a digit, at most: as many for every latent of the generator."""
    latents: int = Field(default=8, ge=1, le=4096)
    """Of the generator."""
    hidden: int = Field(default=128, ge=16, le=4096)
    """Width of the two layers between pixels and latents, each way."""

    @model_validator(mode="after")
    def _shares_bits(self) -> PreservingConfig:
        if self.channels % self.latents:
            raise ValueError(
                f"expected as many bits for each of {self.latents} latents, got {self.channels} in all"
            )
        return self


Network = Annotated[
    DenseConfig | ConvolutionalConfig | PooledConfig | DigitsConfig | PreservingConfig,
    Field(discriminator="kind"),
]
"""A line a network; `networks.py` has as many."""
NETWORK: Final[TypeAdapter[Network]] = TypeAdapter(Network)
