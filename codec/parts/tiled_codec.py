"""A whole codec from a model that can do three things: analyse, pass its symbols through a stream, synthesise.

Tiles, batches, quality, estimates, payloads and their checksums are here, so that a family is its networks, its order
of coding, and a weights file.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents; y_hwC those of one image, h and w its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.bitstream import Envelope, check_size, pack_envelope, parse_envelope
from codec.contract import (
    FAITHFUL,
    RGB,
    Codec,
    Encoded,
    EncodeOptions,
    Latents,
    Prepared,
    check_images,
)
from codec.entropy.range_coder import MAX_VARINT
from codec.entropy.symbol_streams import (
    SymbolCounter,
    SymbolReader,
    SymbolStream,
    SymbolWriter,
    join_streams,
    split_streams,
)
from codec.errors import BitstreamError, UnknownWeightsError
from codec.parts.company import company_on, gathered
from codec.parts.quality import quality_tensor, sixteenths_of
from codec.parts.tile_loop import Synthesised, analysed_tiles, latent_grid, synthesised
from codec.parts.tiled_model import AnalysedImage, RefinableModel, TiledModel
from codec.parts.tiled_refiner import TiledRefiner
from codec.weights_file import weights_name

_Given = TypeVar("_Given")
_CODER_BYTES: Final = 4
"""What a range coder's last word costs beyond the symbols."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadFormat:
    """How an envelope becomes bytes: new families leave it alone."""

    pack: Callable[[Envelope], bytes] = pack_envelope
    parse: Callable[[bytes], Envelope] = parse_envelope
    """Raises BitstreamError."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiledLatents:
    """What the reader of a tiled codec gives."""

    y_hwC: Tensor
    """y_hat, float32, on the codec's device."""
    sixteenths: int
    """Quality in sixteenths of a level."""
    width: int
    height: int
    weights_digest: bytes
    symbols_crc32: int

    def y_hat(self) -> npt.NDArray[np.float32]:
        """(C, h, w)."""
        return np.ascontiguousarray(self.y_hwC.permute(2, 0, 1).cpu().numpy())

    def tile(self, rows: slice, columns: slice) -> Tensor:
        """Those of some rows and columns, (1, C, h, w), the same memory."""
        return self.y_hwC[rows, columns].permute(2, 0, 1)[None]


class TiledEncoder:
    """Images are analysed once; from the latents every quality can be had."""

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
        most = partial(_most_together, self._model)
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


class TiledReader:
    """Reads what any of some models made."""

    def __init__(
        self, family: str, models: Mapping[bytes, TiledModel], payload_format: PayloadFormat
    ) -> None:
        """Take the models by the digests of their weights files."""
        self._family, self._models, self._format = family, models, payload_format

    def read(self, payload: bytes) -> TiledLatents:
        """Entropy-decode one payload.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec; or its symbols are not those encoded.
            UnknownWeightsError: it was made with a model that is not at hand.
        """
        (latents,) = self._read([self._parsed(payload)])
        return latents

    def read_all(self, payloads: Sequence[bytes]) -> Iterator[list[tuple[int, TiledLatents]]]:
        """Entropy-decode a batch, in parts: small images of one grid together, a large one alone.

        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        envelopes = [self._parsed(payload) for payload in payloads]

        def kind(number: int) -> tuple[bytes, tuple[int, int]]:
            envelope = envelopes[number]
            model = self._models[envelope.weights_digest]
            return model.digest, latent_grid(envelope.height, envelope.width, model.synthesis.grid)

        def most(kind: tuple[bytes, tuple[int, int]]) -> int:
            return _most_together(self._models[kind[0]], kind[1])

        for together in gathered(range(len(envelopes)), kind, most):
            yield list(zip(together, self._read([envelopes[n] for n in together]), strict=True))

    def _parsed(self, payload: bytes) -> Envelope:
        """A payload of this family, whose model is at hand."""
        envelope = self._format.parse(payload)
        if envelope.family != self._family:
            raise BitstreamError(f"expected a payload of {self._family}, got one of {envelope.family}")
        if envelope.weights_digest not in self._models:
            known = ", ".join(digest.hex() for digest in self._models)
            raise UnknownWeightsError(envelope.weights_digest, known)
        return envelope

    def _read(self, envelopes: Sequence[Envelope]) -> list[TiledLatents]:
        """The latents of payloads of one grid and one model."""
        first = envelopes[0]
        model = self._models[first.weights_digest]
        reader = SymbolReader(model.coder, [_streams(envelope, model) for envelope in envelopes])
        grid = latent_grid(first.height, first.width, model.synthesis.grid)
        with torch.inference_mode():
            y_BhwC = model.symbols(grid, [envelope.sixteenths for envelope in envelopes], reader, None)
        reader.finish()
        for envelope, crc32 in zip(envelopes, reader.crc32s, strict=True):
            if crc32 != envelope.symbols_crc32:
                raise BitstreamError(
                    f"expected symbols with checksum {envelope.symbols_crc32:08x}, got {crc32:08x}: the payload is "
                    "damaged, or this machine decodes differently; please report the latter"
                )
        return [
            TiledLatents(
                y_hwC=y_hwC,
                sixteenths=envelope.sixteenths,
                width=envelope.width,
                height=envelope.height,
                weights_digest=envelope.weights_digest,
                symbols_crc32=envelope.symbols_crc32,
            )
            for y_hwC, envelope in zip(y_BhwC, envelopes, strict=True)
        ]


class TiledDecoder:
    """The faithful decoder: the synthesis transform of the model that made the payload."""

    def __init__(self, models: Mapping[bytes, TiledModel]) -> None:
        """Take the models by the digests of their weights files."""
        self._models = models

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images; those of one grid and one model together."""
        found: dict[int, RGB] = {}
        images = [cast(TiledLatents, one) for one in latents]

        def kind(number: int) -> tuple[bytes, tuple[int, ...]]:
            return images[number].weights_digest, tuple(images[number].y_hwC.shape[:2])

        def most(kind: tuple[bytes, tuple[int, ...]]) -> int:
            height, width = kind[1]
            return _most_together(self._models[kind[0]], (height, width))

        for together in gathered(range(len(images)), kind, most):
            model = self._models[images[together[0]].weights_digest]
            shown = [
                Synthesised(
                    tile=images[n].tile,
                    width=images[n].width,
                    height=images[n].height,
                    beside=(quality_tensor(images[n].sixteenths, model.synthesis.device),),
                )
                for n in together
            ]
            found.update(zip(together, synthesised(model.synthesise, shown, model.synthesis), strict=True))
        return [found[n] for n in range(len(images))]


class TiledCodec(Codec):
    """A codec made of tiled models."""

    encoder: TiledEncoder

    def __init__(
        self,
        family: str,
        own: TiledModel,
        others: Sequence[TiledModel] = (),
        *,
        default_quality: int,
        payload_format: PayloadFormat | None = None,
    ) -> None:
        """Encode with one model; decode what it or one of the others made.

        Args:
            family: the codec's id.
            own: the model to encode with.
            others: further models to decode with.
            default_quality: the quality of a run that asks for none.
            payload_format: of a family that is older than the envelope.
        """
        chosen = payload_format or PayloadFormat()
        models = {model.digest: model for model in (*others, own)}
        super().__init__(
            id=family,
            default_quality=default_quality,
            weights={weights_name(own.digest): own.file},
            encoder=TiledEncoder(family, own, chosen),
            reader=TiledReader(family, models, chosen),
            decoders={FAITHFUL: TiledDecoder(models)},
            refiner=TiledRefiner(own) if isinstance(own, RefinableModel) else None,
        )


def _streams(envelope: Envelope, model: TiledModel) -> tuple[bytes, bytes]:
    """(words, escapes) of a payload: no more escapes than its image has symbols."""
    words, escapes = split_streams(envelope.body)
    most = MAX_VARINT * model.num_symbols(envelope.width, envelope.height)
    if len(escapes) > most:
        raise BitstreamError(
            f"a payload of {envelope.width} x {envelope.height} pixels has {len(escapes)} bytes of escapes, expected "
            f"at most {most}"
        )
    return words, escapes


def _most_together(model: TiledModel, grid: tuple[int, int]) -> int:
    """How many images of a latent grid a model takes at a time."""
    height, width = latent_grid(*grid, 1, multiple=model.multiple)
    return company_on(model.analysis.device).images_of((height, width))
