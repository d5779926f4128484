"""A payload of a tiled codec, opened: small pictures from its first latents, parts of it tile by tile."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from codec.contract import RGB
from codec.kept_scales import KeptScales
from codec.parts.tile_loop import Synthesised, synthesised, synthesised_part
from codec.parts.tiled_decoder import TiledDecoder, to_show
from codec.parts.tiled_model import ProgressiveModel
from codec.parts.tiled_reader import Reading, TiledReader
from codec.sizes import check_region, reduced

_LATENT_BYTES: Final = 6
"""Of a latent: itself, in float32, and about half as much that a walk under way knows beside it."""


class TiledOpener:
    """Opens what a reader reads and a decoder shows."""

    def __init__(self, reader: TiledReader, decoder: TiledDecoder) -> None:
        """Take both, of the same models."""
        self._reader, self._decoder = reader, decoder

    def open(self, payload: bytes) -> TiledOpened:
        """Take a payload; its symbols are decoded when they are needed.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec.
            UnknownWeightsError: it is sound, and made with a model that is not at hand.
        """
        return TiledOpened(self._reader.begin(payload), self._decoder)


class TiledOpened(KeptScales):
    """Implements `codec.contract.Opened`. Latents and small pictures are kept, and no pixels of full size."""

    def __init__(self, reading: Reading, decoder: TiledDecoder) -> None:
        """Take a payload that may have been read in part."""
        super().__init__()
        self._reading, self._decoder = reading, decoder

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
        model = self._reading.model
        rows, columns = slice(top, top + height), slice(left, left + width)
        shown = to_show(self._reading.latents(), model)
        return synthesised_part(model.synthesise, shown, model.synthesis, rows, columns)

    def whole(self) -> RGB:
        """The whole picture, made anew at every call.

        Raises:
            BitstreamError: the payload is damaged.
        """
        return self._decoder.synthesise([self._reading.latents()])[0]

    def _smaller(self, denominator: int) -> RGB:
        """From the first latents alone, where the model can."""
        model = self._reading.model
        if not isinstance(model, ProgressiveModel):
            return reduced(self.whole(), denominator)
        y_hwC = self._reading.first(model.channels_at(denominator))
        shown = Synthesised(
            tile=lambda rows, columns: y_hwC[rows, columns].permute(2, 0, 1)[None],
            width=-(-self.width // denominator),
            height=-(-self.height // denominator),
        )
        tiling = replace(model.synthesis, grid=model.synthesis.grid // denominator, halo=0)
        network = partial(model.synthesise_small, denominator=denominator)
        return synthesised(network, [shown], tiling)[0]
