"""The kinds of decoders: under the name that a user asks for, the network that shows latents so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    """Of that config: a module with `forward(y_BMhw, quality) -> x_BCHW`, as `Synthesis`, all of whose tensors are in
    its state, and with `halo`, the latents around a tile that its picture depends on."""
    noise: int = 0
    """Values of noise that the network takes behind the latents of a position (`codec/parts/noise.py`)."""
    strengths: Mapping[str, float] = field(default_factory=dict)
    """Further names of decoders, each of which shows the same network's picture at a strength: `forward` then takes
    `strength_B`, 0 for the faithful picture, 1 for what it shows without."""


KINDS: Final[dict[str, DecoderKind]] = {
    "realistic": DecoderKind(
        config=RealisticConfig, network=Realistic, noise=Realistic.noise, strengths={"half-realistic": 0.5}
    )
}
