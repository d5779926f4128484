"""The kinds of decoders: under the name that a user asks for, the network that shows latents so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from torch import nn

from codec.families.hyper.decoders.realistic.config import RealisticConfig
from codec.families.hyper.decoders.realistic.network import Realistic


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderKind:
    """How a network is made of what its weights file says of it."""

    config: type[BaseModel]
    """Of the file's `model`."""
    network: Callable[[Any], nn.Module]
    """Of that config: a module with `forward(y_BMhw, quality, strength_B=None) -> x_BCHW`, as `Synthesis` but for the
    strength, at which 0 shows the faithful picture and 1 what it shows without; all of whose tensors are in its state,
    and with `halo`, the latents around a tile that its picture depends on."""
    noise: int = 0
    """Values of noise that the network takes behind the latents of a position (`codec/parts/noise.py`)."""


KINDS: Final[dict[str, DecoderKind]] = {
    "realistic": DecoderKind(config=RealisticConfig, network=Realistic, noise=Realistic.noise)
}
