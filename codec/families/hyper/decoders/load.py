"""From the weights files of decoders to the decoders of a codec."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from codec.families.hyper.config import GRID
from codec.families.hyper.decoders.kinds import KINDS
from codec.families.hyper.decoders.weights import DecoderWeights
from codec.parts.precision import fast
from codec.parts.resident import on_device
from codec.parts.tile_loop import Tiling
from codec.parts.tiled_decoder import TiledDecoder


class ResidentNetwork:
    """A decoder's network on a device. Implements `SampledNetwork` and `AdjustableNetwork` of
    `codec.parts.tiled_model`."""

    def __init__(self, weights: DecoderWeights, device: torch.device) -> None:
        """Have it on the device."""
        self._network, self._device = on_device(weights.network, device), device
        self._strength: float | None = None
        self.noise = KINDS[weights.config.decoder].noise
        self.synthesis = Tiling(grid=GRID, halo=cast(int, weights.network.halo), device=device)

    def at(self, strength: float) -> ResidentNetwork:
        """The same network, by whose picture the faithful one is changed in part."""
        other = copy.copy(self)
        other._strength = strength
        return other

    def synthesise(self, y_BChw: Tensor, quality: Tensor) -> Tensor:
        """(B, M + noise, h, w) -> (B, 3, H, W)."""
        with fast(self._device):
            if self._strength is None:
                x_BCHW: Tensor = self._network(y_BChw, quality)
            else:
                x_BCHW = self._network(y_BChw, quality, y_BChw.new_full((len(y_BChw),), self._strength))
        return x_BCHW


def tiled_decoders(weights: Sequence[DecoderWeights], device: torch.device) -> Mapping[str, TiledDecoder]:
    """One decoder a name, over the models that there is a network of it for."""
    networks: dict[str, dict[bytes, ResidentNetwork]] = defaultdict(dict)
    generates: dict[str, bool] = defaultdict(bool)
    for one in weights:
        name = one.config.decoder
        networks[name][one.config.codec_digest] = ResidentNetwork(one, device)
        generates[name] |= one.config.generates
    return {name: TiledDecoder(found, generates=generates[name]) for name, found in networks.items()}
