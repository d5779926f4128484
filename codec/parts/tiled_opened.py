"""A payload of a tiled codec, opened: small pictures from its first latents, parts of it tile by tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from codec.checks import check_shown
from codec.contract import RGB, Decoder
from codec.kept_scales import KeptScales
from codec.opened import Opened
from codec.parts.tile_loop import Synthesised, synthesised, synthesised_part
from codec.parts.tiled_decoder import TiledDecoder
from codec.parts.tiled_model import ProgressiveModel
from codec.parts.tiled_reader import Reading, TiledReader
from codec.sizes import check_region, reduced
from codec.whole_picture import WholePicture

_LATENT_BYTES: Final = 6
"""Of a latent: itself, in float32, and about half as much that a walk under way knows beside it."""


class TiledOpener:
    """Opens what a reader reads and decoders show."""

    def __init__(self, reader: TiledReader, decoders: Mapping[str, Decoder]) -> None:
        """Take them, of the same models."""
        self._reader, self._decoders = reader, decoders

    def open(self, payload: bytes, *, decoder: str) -> Opened:
        """Take a payload; its symbols are decoded when they are needed. What no tiles show is had whole.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec.
            UnknownWeightsError: it is sound, and made with a model that is not at hand.
            NoDecoderError: the decoder is for other weights.
        """
        reading = self._reader.begin(payload)
        check_shown(self._decoders, decoder, reading.model.digest)
        chosen = self._decoders[decoder]
        if isinstance(chosen, TiledDecoder):
            return TiledOpened(reading, chosen)
        return WholePicture(reading.width, reading.height, lambda: chosen.synthesise([reading.latents()])[0])


class TiledOpened(KeptScales):
    """Implements `codec.opened.Opened`. Latents and small pictures are kept, and no pixels of full size."""

    def __init__(self, reading: Reading, decoder: TiledDecoder) -> None:
        """Take a payload that may have been read in part."""
        super().__init__()
        self._reading, self._decoder = reading, decoder
        self._network = decoder.network(reading.model.digest)

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        return self._reading.width

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        return self._reading.height

    @property
    def holds_bytes(self) -> int:
        """Of all latents, and of the picture in every smaller size."""
        model = self._reading.model
        latents = model.channels * self.width * self.height // model.synthesis.grid**2
        return _LATENT_BYTES * latents + self.width * self.height

    def region(self, left: int, top: int, width: int, height: int) -> RGB:
        """A part of the picture, from the latents around it.

        Raises:
            ValueError: it is empty, or not all of it lies in the image.
            BitstreamError: the payload is damaged.
        """
        check_region(left, top, width, height, within=(self.width, self.height))
        network = self._network
        rows, columns = slice(top, top + height), slice(left, left + width)
        shown = self._decoder.to_show(self._reading.latents())
        return synthesised_part(network.synthesise, shown, network.synthesis, rows, columns)

    def whole(self) -> RGB:
        """The whole picture, made anew at every call.

        Raises:
            BitstreamError: the payload is damaged.
        """
        return self._decoder.synthesise([self._reading.latents()])[0]

    def _smaller(self, denominator: int) -> RGB:
        """From the first latents alone, where it is the model that shows them, and it can; else of larger pictures."""
        model = self._reading.model
        if self._network is not model or not isinstance(model, ProgressiveModel):
            return reduced(self.scaled(denominator // 2), 2)
        y_hwC = self._reading.first(model.channels_at(denominator))
        shown = Synthesised(
            tile=lambda rows, columns: y_hwC[rows, columns].permute(2, 0, 1)[None],
            width=-(-self.width // denominator),
            height=-(-self.height // denominator),
        )
        tiling = replace(model.synthesis, grid=model.synthesis.grid // denominator, halo=0)
        network = partial(model.synthesise_small, denominator=denominator)
        return synthesised(network, [shown], tiling)[0]
