"""From the weights files of decoders to the decoders of a codec."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from codec.families.hyper.config import GRID
from codec.families.hyper.decoders.weights import DecoderWeights
from codec.parts.precision import fast
from codec.parts.tile_loop import Tiling
from codec.parts.tiled_decoder import TiledDecoder


class ResidentNetwork:
    """A decoder's network on a device. Implements `codec.parts.tiled_model.TiledNetwork`."""

    def __init__(self, weights: DecoderWeights, device: torch.device) -> None:
        """Copy it onto the device: the weights may serve another one as well."""
        self._network, self._device = copy.deepcopy(weights.network).to(device), device
        self.synthesis = Tiling(grid=GRID, halo=cast(int, weights.network.halo), device=device)

    def synthesise(self, y_BChw: Tensor, quality: Tensor) -> Tensor:
        """(B, M, h, w) -> (B, 3, H, W)."""
        with fast(self._device):
            x_BCHW: Tensor = self._network(y_BChw, quality)
        return x_BCHW


def tiled_decoders(weights: Sequence[DecoderWeights], device: torch.device) -> Mapping[str, TiledDecoder]:
    """One decoder a name, over the models that there is a network of it for."""
    networks: dict[str, dict[bytes, ResidentNetwork]] = defaultdict(dict)
    generates: dict[str, bool] = defaultdict(bool)
    for one in weights:
        name = one.config.decoder
        networks[name][one.shows] = ResidentNetwork(one, device)
        generates[name] |= one.config.generates
    return {name: TiledDecoder(found, generates=generates[name]) for name, found in networks.items()}
