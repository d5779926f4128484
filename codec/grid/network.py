"""What a family of the grid brings: a network, and how one is made of a config.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents, h = H / grid, w = W / grid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter
from torch import Tensor, nn

from codec.family import Family
from codec.grid.quality import step_of
from codec.parts.tiled_model import PayloadFormat


@runtime_checkable
class ToldGridNetwork(Protocol):
    """One that may be told what a picture shows."""

    def told(self, words: str | None) -> Tensor:
        """The words beside an image as `synthesise` takes them, (1, V); None is what nobody says."""
        ...

    def synthesise(self, y_BChw: Tensor, words_BV: Tensor) -> Tensor:
        """As `GridNetwork.synthesise`, with the words beside each image."""
        ...


class GridNetwork(nn.Module, ABC):
    """An analysis and a synthesis transform on one grid.

    Law: outside training, what a position gets depends on nothing but what lies within `halo`, and not on the size of
    the whole or of the batch: build it of `codec.parts.convolution`, `Pointwise` and `depthwise`.
    """

    grid: int
    """Pixels per latent position, each way."""
    halo: int
    """Latent positions around one that its latents, or its pixels, depend on."""
    channels: int
    """C of the latents."""
    chained: int = 0
    """The first so many channels are coded as differences from place to place (`codec/grid/chains.py`)."""
    noise: int = 0
    """Values a position, as `codec.parts.noise.noise_at` draws them, that `synthesise` takes in further channels, where
    there are any."""

    @abstractmethod
    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w), in units of the network's own."""

    @abstractmethod
    def synthesise(self, y_BChw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W)."""

    def steps(self, quality: float) -> npt.NDArray[np.float32]:
        """The quantiser step of every channel at a quality, (C,): infinite for channels that are not sent."""
        return np.full(self.channels, step_of(quality), np.float32)

    def start(self, x_BCHW: Tensor) -> bool:
        """Begin near something that works, set by some images; by default, nothing moves.

        `codec.grid.principal` sets a layer and its mirror.

        Returns:
            Whether it is an orthonormal transform now, for which one quantiser step suits all latents.
        """
        del x_BCHW
        return False

    def settle(self, x_BCHW: Tensor) -> None:
        """Take the statistics that the network needs outside training, once its weights are final; by default, none.

        Args:
            x_BCHW: some of what was trained on.
        """
        del x_BCHW


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFamily:
    """A family of the grid: how its weights files and its runs say what network they are of."""

    family: Family
    """What it says about itself."""
    config: TypeAdapter[Any]
    """Of what a weights file has at `network`."""
    build: Callable[[Any], GridNetwork]
    """A network of that config, untrained."""
    preset: str
    """The shipped weights that encode when no others are named."""
    payload_format: PayloadFormat | None = None
    """Of payloads that hold more than the envelope and symbols."""
    samples: int = 1
    """How many pictures of a payload there are to ask for, of networks that take noise."""

    @property
    def id(self) -> str:
        """The codec's."""
        return self.family.id
