"""The encoder of a tiled codec: images are analysed once; from the latents every quality can be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar, cast

import torch

from codec.bitstream import Envelope, check_size
from codec.checks import check_images
from codec.contract import RGB, Encoded, EncodeOptions, Prepared
from codec.entropy.symbol_streams import SymbolCounter, SymbolStream, SymbolWriter, join_streams
from codec.parts.coded_steps import pass_steps, shortest_table
from codec.parts.company import gathered
from codec.parts.image_quality import ImageQuality
from codec.parts.tile_loop import analysed_tiles, latent_grid
from codec.parts.tiled_model import AnalysedImage, PayloadFormat, TiledModel, asked_quality, most_together

_Given = TypeVar("_Given")
_CODER_BYTES: Final = 4
"""What a range coder's last word costs beyond the symbols."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Walk:
    """One image on its way through a stream of symbols."""

    image: AnalysedImage
    grid: tuple[int, int]
    quality: ImageQuality
    map_table: int | None
    """That codes its importance map; None without one."""
    words: str | None
    """Beside it, where the payload has room for them."""

    @property
    def kind(self) -> tuple[tuple[int, int], bool, bool]:
        """What images that walk together share: their grid, whether they were refined, whether they have maps."""
        return self.grid, self.image.side_uvN is not None, self.map_table is not None


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
        give: Callable[[Sequence[_Walk]], list[_Given]],
    ) -> list[_Given]:
        """What is given of each image, when small ones of one grid are taken together."""
        found: dict[int, _Given] = {}
        images = [cast(AnalysedImage, one) for one in prepared]
        walks = [self._walk(image, asked) for image, asked in zip(images, options, strict=True)]
        most = partial(most_together, self._model)
        for together in gathered(range(len(walks)), lambda n: walks[n].kind, lambda kind: most(kind[0])):
            found.update(zip(together, give([walks[n] for n in together]), strict=True))
        return [found[n] for n in range(len(walks))]

    def send(
        self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions], stream: SymbolStream
    ) -> None:
        """Pass the symbols of images of one grid, all of them with maps or none, through a stream of one's own."""
        images = [cast(AnalysedImage, one) for one in prepared]
        self._send([self._walk(image, asked) for image, asked in zip(images, options, strict=True)], stream)

    def _walk(self, image: AnalysedImage, options: EncodeOptions) -> _Walk:
        grid = latent_grid(image.height, image.width, self._model.analysis.grid)
        quality = asked_quality(options, image, self._model)
        steps_uv = quality.steps_uv
        table = None if steps_uv is None else shortest_table(self._model.coder, steps_uv)
        words = options.words if self._format.holds_words else None
        return _Walk(image=image, grid=grid, quality=quality, map_table=table, words=words)

    def _send(self, walks: Sequence[_Walk], stream: SymbolStream) -> None:
        maps = [walk.quality.steps_uv for walk in walks if walk.quality.steps_uv is not None]
        if maps:
            tables = [walk.map_table for walk in walks if walk.map_table is not None]
            pass_steps(stream, tables, maps[0].shape, maps)
        with torch.inference_mode():
            self._model.symbols(
                walks[0].grid, [walk.quality for walk in walks], stream, [walk.image for walk in walks]
            )

    def _estimated(self, walks: Sequence[_Walk]) -> list[int]:
        counter = SymbolCounter(self._model.coder, len(walks))
        self._send(walks, counter)
        empty = [self._envelope(walk, body=join_streams(b"", b""), symbols_crc32=0) for walk in walks]
        overheads = [len(self._format.pack(envelope)) + _CODER_BYTES for envelope in empty]
        return [
            overhead + round(bits / 8)
            for overhead, bits in zip(overheads, counter.bits_B.tolist(), strict=True)
        ]

    def _encoded(self, walks: Sequence[_Walk]) -> list[Encoded]:
        writer = SymbolWriter(self._model.coder, len(walks), wide_first=self._format.wide_first)
        self._send(walks, writer)
        return [
            Encoded(
                payload=self._format.pack(
                    self._envelope(walk, body=join_streams(*streams), symbols_crc32=crc32)
                ),
                latent_shape=(self._model.channels, *walk.grid),
                symbols_crc32=crc32,
            )
            for walk, streams, crc32 in zip(walks, writer.finish(), writer.crc32s, strict=True)
        ]

    def _envelope(self, walk: _Walk, *, body: bytes, symbols_crc32: int) -> Envelope:
        return Envelope(
            family=self._family,
            weights_digest=self._model.digest,
            width=walk.image.width,
            height=walk.image.height,
            sixteenths=walk.quality.sixteenths,
            map_table=walk.map_table,
            wide_first=self._format.wide_first,
            words=walk.words,
            symbols_crc32=symbols_crc32,
            body=body,
        )
