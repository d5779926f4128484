"""A decoder of a tiled codec: for each model, a network that shows its latents. The faithful one is the model's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor

from codec.contract import RGB, Decoder, Latents
from codec.parts.company import company_on, gathered
from codec.parts.noise import noise_at
from codec.parts.tile_loop import Synthesised, synthesised
from codec.parts.tiled_latents import TiledLatents
from codec.parts.tiled_model import AdjustableNetwork, SampledNetwork, TiledNetwork, ToldNetwork


class TiledDecoder(Decoder):
    """Shows what `TiledReader` of the same models gives."""

    def __init__(
        self, networks: Mapping[bytes, TiledNetwork], *, generates: bool = False, sample: int = 0
    ) -> None:
        """Take the networks by the digests of the weights files whose latents they show.

        Args:
            networks: those.
            generates: as `Decoder` says.
            sample: which of the pictures that networks with noise can show: for each number another.
        """
        self._networks, self.generates, self._sample = networks, generates, sample

    def shows(self, weights_digest: bytes) -> bool:
        """Whether there is a network for payloads of these weights."""
        return weights_digest in self._networks

    def in_part(self, strength: float) -> TiledDecoder | None:
        """Where all of its networks can."""
        networks: dict[bytes, TiledNetwork] = {}
        for digest, network in self._networks.items():
            if not isinstance(network, AdjustableNetwork):
                return None
            networks[digest] = network.at(strength)
        return TiledDecoder(networks, generates=self.generates, sample=self._sample)

    def network(self, weights_digest: bytes) -> TiledNetwork:
        """The one for payloads of these weights."""
        return self._networks[weights_digest]

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images; those of one grid and one model, with maps or without, together."""
        found: dict[int, RGB] = {}
        images = [cast(TiledLatents, one) for one in latents]

        def kind(number: int) -> tuple[bytes, tuple[int, int], bool]:
            one = images[number]
            height, width = one.y_hwC.shape[:2]
            return one.weights_digest, (height, width), one.qualities.kinds_Bhw is not None

        def most(kind: tuple[bytes, tuple[int, int], bool]) -> int:
            return company_on(self._networks[kind[0]].synthesis.device).images_of(kind[1])

        for together in gathered(range(len(images)), kind, most):
            network = self._networks[images[together[0]].weights_digest]
            shown = [self.to_show(images[n]) for n in together]
            found.update(
                zip(together, synthesised(network.synthesise, shown, network.synthesis), strict=True)
            )
        return [found[n] for n in range(len(images))]

    def to_show(self, latents: TiledLatents) -> Synthesised:
        """Latents as the tile loop has their network show them. What a network takes beside them comes in here."""
        network = self._networks[latents.weights_digest]
        told = network.told(latents.envelope.words) if isinstance(network, ToldNetwork) else ()
        tile = latents.tile
        if isinstance(network, SampledNetwork) and network.noise:
            tile = partial(_sampled_tile, latents, network.noise, self._sample)
        return Synthesised(
            tile=tile,
            width=latents.width,
            height=latents.height,
            other_inputs=lambda rows, columns: (latents.qualities.part(rows, columns).qualities(), *told),
        )


def _sampled_tile(latents: TiledLatents, values: int, sample: int, rows: slice, columns: slice) -> Tensor:
    """Latents of some rows and columns and the noise behind them, (1, C + values, h, w)."""
    y_1Chw = latents.tile(rows, columns)
    noise_1Nhw = noise_at(rows, columns, values=values, seed=latents.symbols_crc32, sample=sample)
    return torch.cat((y_1Chw, noise_1Nhw.to(y_1Chw)), 1)
