"""The kinds of decoders: under the name that a user asks for, the network that shows latents so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a network is made of what its weights file says of it."""

    config: type[BaseModel]
    """Of the file's `model`."""
    network: Callable[[Any], nn.Module]
    """Of that config: a module with `forward(y_BMhw, quality) -> x_BCHW`, as `Synthesis`, all of whose tensors are in
    its state, and with `halo`, the latents around a tile that its picture depends on."""


KINDS: Final[dict[str, Kind]] = {}
