"""The encoder of a tiled codec: images are analysed once; from the latents every quality can be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar, cast

import torch

from codec.bitstream import Envelope, check_size
from codec.contract import RGB, Encoded, EncodeOptions, Prepared, check_images
from codec.entropy.symbol_streams import SymbolCounter, SymbolStream, SymbolWriter, join_streams
from codec.parts.company import gathered
from codec.parts.quality import sixteenths_of
from codec.parts.tile_loop import analysed_tiles, latent_grid
from codec.parts.tiled_model import AnalysedImage, PayloadFormat, TiledModel, most_together

_Given = TypeVar("_Given")
_CODER_BYTES: Final = 4
"""What a range coder's last word costs beyond the symbols."""


class TiledEncoder:
    """Encodes with one model."""

    def __init__(self, family: str, model: TiledModel, payload_format: PayloadFormat) -> None:
        """Encode with one model."""
        self._family, self._model, self._format = family, model, payload_format

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Run the analysis transform on a batch.

        Raises:
            ValueError: an image is not uint8 (H, W, 3), or larger than a payload can hold.
        """
        check_images(images)
        for image in images:
            check_size(image.shape[1], image.shape[0])
        model, tiling = self._model, self._model.analysis
        latents = [
            torch.empty(
                *latent_grid(image.shape[0], image.shape[1], tiling.grid, multiple=model.multiple),
                model.channels,
                dtype=torch.float16,
                device=tiling.device,
            )
            for image in images
        ]
        for tile in analysed_tiles(model.analyse, images, tiling, multiple=model.multiple):
            latents[tile.image][tile.place] = tile.y_1Chw[0].permute(1, 2, 0)
        return [
            AnalysedImage(y_hwC=y_hwC, width=image.shape[1], height=image.shape[0])
            for y_hwC, image in zip(latents, images, strict=True)
        ]

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        """About how long each payload would be."""
        return self._by_kind(prepared, options, self._estimated)

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        """Quantise and entropy-code a batch, each image with its own options."""
        return self._by_kind(prepared, options, self._encoded)

    def _by_kind(
        self,
        prepared: Sequence[Prepared],
        options: Sequence[EncodeOptions],
        give: Callable[[Sequence[AnalysedImage], Sequence[EncodeOptions]], list[_Given]],
    ) -> list[_Given]:
        """What is given of each image, when small ones of one grid are taken together."""
        found: dict[int, _Given] = {}
        images = [cast(AnalysedImage, one) for one in prepared]
        most = partial(most_together, self._model)
        for together in gathered(
            range(len(images)), lambda n: self._kind(images[n]), lambda kind: most(kind[0])
        ):
            chosen, asked = [images[n] for n in together], [options[n] for n in together]
            found.update(zip(together, give(chosen, asked), strict=True))
        return [found[n] for n in range(len(images))]

    def send(
        self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions], stream: SymbolStream
    ) -> None:
        """Pass the symbols of images of one grid through a stream of one's own."""
        images = [cast(AnalysedImage, one) for one in prepared]
        grid, _ = self._kind(images[0])
        with torch.inference_mode():
            self._model.symbols(grid, [sixteenths_of(one.quality) for one in options], stream, images)

    def _kind(self, image: AnalysedImage) -> tuple[tuple[int, int], bool]:
        """What images that walk together share: their grid, and whether they were refined."""
        grid = latent_grid(image.height, image.width, self._model.analysis.grid)
        return grid, image.side_uvN is not None

    def _estimated(self, images: Sequence[AnalysedImage], options: Sequence[EncodeOptions]) -> list[int]:
        counter = SymbolCounter(self._model.coder, len(images))
        self.send(images, options, counter)
        empty = self._envelope(images[0], options[0], body=join_streams(b"", b""), symbols_crc32=0)
        beside = len(self._format.pack(empty)) + _CODER_BYTES
        return [beside + round(bits / 8) for bits in counter.bits_B.tolist()]

    def _encoded(self, images: Sequence[AnalysedImage], options: Sequence[EncodeOptions]) -> list[Encoded]:
        writer = SymbolWriter(self._model.coder, len(images))
        self.send(images, options, writer)
        grid, _ = self._kind(images[0])
        return [
            Encoded(
                payload=self._format.pack(
                    self._envelope(image, asked, body=join_streams(*streams), symbols_crc32=crc32)
                ),
                latent_shape=(self._model.channels, *grid),
                symbols_crc32=crc32,
            )
            for image, asked, streams, crc32 in zip(
                images, options, writer.finish(), writer.crc32s, strict=True
            )
        ]

    def _envelope(
        self, prepared: Prepared, options: EncodeOptions, *, body: bytes, symbols_crc32: int
    ) -> Envelope:
        return Envelope(
            family=self._family,
            weights_digest=self._model.digest,
            width=prepared.width,
            height=prepared.height,
            sixteenths=sixteenths_of(options.quality),
            symbols_crc32=symbols_crc32,
            body=body,
        )
