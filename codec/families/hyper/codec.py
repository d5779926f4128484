"""`hyper-1`: one variable-rate model for all 64 qualities; symbols bit-exact on every machine.

Images are analysed once, in tiles; from the latents every quality can be had. Shape legend: y_hwM latents.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.colour import extended, pixels_to_planes, planes_to_pixels
from codec.contract import RGB, Decoded, Encoded, Prepared, check_images, check_quality
from codec.entropy.range_coder import MAX_VARINT, RangeCoder
from codec.entropy.symbol_streams import SymbolCounter, SymbolReader, SymbolStream, SymbolWriter
from codec.errors import BitstreamError, UnknownWeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.bitstream import HEADER_BYTES, Payload, check_size, parse_payload
from codec.families.hyper.config import GRID
from codec.families.hyper.integer_scales import ExactScales
from codec.families.hyper.latent_coder import RATIO, LatentCoder
from codec.families.hyper.model import HyperModel
from codec.families.hyper.weights import Weights
from codec.parts.precision import fast
from codec.parts.quality import SIXTEENTHS, quality_tensor
from codec.tiles import Span, run_tiles, tile_grid, windows
from codec.weights_file import weights_name

DEFAULT_QUALITY: Final = 34


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Latents:
    """One image after the analysis transform."""

    y_hwM: Tensor
    """float16, which is off by less than a tenth of the finest step; h and w those of the image rounded up to
    multiples of 64 pixels."""
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Resident:
    """One weights file, ready on the device."""

    weights: Weights
    model: HyperModel
    scales: ExactScales
    coder: RangeCoder

    def walk(self, sixteenths: int) -> LatentCoder:
        return LatentCoder(self.model, self.scales, self.weights.hyper_prior_LN, sixteenths=sixteenths)


class HyperCodec:
    """`hyper-1`, resident on one device. Implements `codec.contract.Codec`."""

    def __init__(self, own: Weights, others: Sequence[Weights] = (), *, device: torch.device) -> None:
        """Encode with `own`; decode what it or one of `others` made."""
        self.device = device
        self._by_digest = {weights.digest: self._settle(weights) for weights in (*others, own)}
        self._own = self._by_digest[own.digest]

    @property
    def id(self) -> str:
        """Name and version, as written in every catalogue row."""
        return FAMILY.id

    @property
    def default_quality(self) -> int:
        """About 25x on photographs."""
        return DEFAULT_QUALITY

    @property
    def weights(self) -> dict[str, bytes]:
        """The file that payloads made here need."""
        own = self._own.weights
        return {weights_name(own.digest): own.data}

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Run the analysis transform on a batch.

        Raises:
            ValueError: an image is not uint8 (H, W, 3), or larger than a payload can hold.
        """
        check_images(images)
        for image in images:
            check_size(image.shape[1], image.shape[0])
        model = self._own.model
        grids = [_padded(*_grid(*image.shape[:2])) for image in images]
        latents = [
            torch.empty(*grid, model.config.latents, dtype=torch.float16, device=self.device)
            for grid in grids
        ]
        halo = model.config.encoder_halo
        tiles = ((n, r, c) for n, grid in enumerate(grids) for r, c in tile_grid(*grid, halo))
        for window in windows(tiles, self.device):
            inputs = [_planes(images[n], rows, columns) for n, rows, columns in window]
            with torch.inference_mode(), fast(self.device):
                outputs = run_tiles(model.analysis, inputs, self.device)
            for (n, rows, columns), y_1Mhw in zip(window, outputs, strict=True):
                kept = y_1Mhw[0, :, rows.inner, columns.inner]
                latents[n][rows.kept, columns.kept] = kept.permute(1, 2, 0)
        return [
            Latents(y_hwM=y_hwM, width=image.shape[1], height=image.shape[0])
            for y_hwM, image in zip(latents, images, strict=True)
        ]

    def estimate_bytes(self, prepared: Prepared, qualities: Sequence[float]) -> list[int]:
        """About how long the payload would be at each quality.

        Raises:
            ValueError: a quality is not in [0, 63].
        """
        estimates = []
        for quality in qualities:
            counter = SymbolCounter(self._own.coder)
            self.send(prepared, quality, counter)
            estimates.append(HEADER_BYTES + 8 + round(counter.bits / 8))
        return estimates

    def send(self, prepared: Prepared, quality: float, sink: SymbolStream) -> int:
        """Send the symbols of an image at a quality through a sink; returns the quality in sixteenths.

        Raises:
            ValueError: the quality is not in [0, 63].
        """
        check_quality(quality)
        assert isinstance(prepared, Latents)
        sixteenths = round(quality * SIXTEENTHS)
        with torch.inference_mode():
            grid = _grid(prepared.height, prepared.width)
            self._own.walk(sixteenths).run(grid, sink, prepared.y_hwM)
        return sixteenths

    def finish(self, prepared: Sequence[Prepared], qualities: Sequence[float]) -> list[Encoded]:
        """Quantise and entropy-code a batch, each image at its own quality.

        Raises:
            ValueError: a quality is not in [0, 63].
        """
        return [self._finish(one, quality) for one, quality in zip(prepared, qualities, strict=True)]

    def encode(self, images: Sequence[RGB], *, quality: float) -> list[Encoded]:
        """Compress a batch at one quality.

        Raises:
            ValueError: quality is not in [0, 63], or an image is not uint8 (H, W, 3).
        """
        check_quality(quality)
        return self.finish(self.prepare(images), [quality] * len(images))

    def decode(self, payloads: Sequence[bytes]) -> list[Decoded]:
        """Decompress a batch.

        Raises:
            BitstreamError: a payload is damaged, truncated, or of another codec.
        """
        return [self._decode(payload) for payload in payloads]

    def latents(self, payload: bytes) -> npt.NDArray[np.float32]:
        """y_hat, (M, h, w), in units of orthonormal coefficients, without running the synthesis network.

        Raises:
            BitstreamError: as `decode`.
        """
        y_hwM = self._read(payload)[1]
        return np.ascontiguousarray(y_hwM.permute(2, 0, 1).cpu().numpy())

    def symbols_crc32(self, payload: bytes) -> int:
        """CRC of the symbols a payload decodes to here; equals `Encoded.symbols_crc32` everywhere."""
        return self._read(payload)[0].symbols_crc32

    def _settle(self, weights: Weights) -> _Resident:
        model = copy.deepcopy(weights.model).to(self.device)  # the weights may serve another device as well
        model.means.round_weights()
        scales = ExactScales(weights.config.model, weights.scales_state, weights.prior_LM, self.device)
        return _Resident(weights=weights, model=model, scales=scales, coder=RangeCoder(weights.tables))

    def _finish(self, prepared: Prepared, quality: float) -> Encoded:
        writer = SymbolWriter(self._own.coder)
        sixteenths = self.send(prepared, quality, writer)
        words, escapes = writer.finish()
        payload = Payload(
            sixteenths=sixteenths,
            weights_digest=self._own.weights.digest,
            width=prepared.width,
            height=prepared.height,
            symbols_crc32=writer.crc32,
            escapes=escapes,
            words=words,
        )
        return Encoded(
            payload=payload.pack(),
            latent_shape=(self._own.model.config.latents, *_grid(prepared.height, prepared.width)),
            symbols_crc32=writer.crc32,
        )

    def _read(self, data: bytes) -> tuple[Payload, Tensor, _Resident]:
        """A payload's latents, (h, w, M) float32."""
        payload = parse_payload(data)
        resident = self._by_digest.get(payload.weights_digest)
        if resident is None:
            known = ", ".join(digest.hex() for digest in self._by_digest)
            raise UnknownWeightsError(payload.weights_digest, known)
        most = MAX_VARINT * resident.model.config.symbols(payload.height, payload.width)
        if len(payload.escapes) > most:
            raise BitstreamError(
                f"a payload of {payload.width} x {payload.height} pixels has {len(payload.escapes)} bytes of "
                f"escapes, expected at most {most}"
            )
        reader = SymbolReader(resident.coder, payload.words, payload.escapes)
        with torch.inference_mode():
            walk = resident.walk(payload.sixteenths)
            latents_hwM = walk.run(_grid(payload.height, payload.width), reader)
            reader.finish()
            if reader.crc32 != payload.symbols_crc32:
                raise BitstreamError(
                    f"expected symbols with checksum {payload.symbols_crc32:08x}, got {reader.crc32:08x}: the "
                    "payload is damaged, or this machine decodes differently; please report the latter"
                )
            return payload, walk.dequantised(latents_hwM), resident

    def _decode(self, data: bytes) -> Decoded:
        payload, y_hwM, resident = self._read(data)
        pixels = np.empty((payload.height, payload.width, 3), np.uint8)
        quality_B = quality_tensor(payload.sixteenths, self.device)
        tiles = tile_grid(y_hwM.shape[0], y_hwM.shape[1], resident.model.config.decoder_halo)
        for window in windows(tiles, self.device):
            inputs = [y_hwM[r.read, c.read].permute(2, 0, 1)[None] for r, c in window]
            synthesise = partial(_synthesise, resident.model, quality_B)
            with torch.inference_mode(), fast(self.device):
                outputs = run_tiles(synthesise, inputs, self.device, of_one_image=True)
            for (rows, columns), x_1CHW in zip(window, outputs, strict=True):
                inner = x_1CHW[:, :, rows.scaled(rows.inner, GRID), columns.scaled(columns.inner, GRID)]
                target = pixels[rows.scaled(rows.kept, GRID), columns.scaled(columns.kept, GRID)]
                target[...] = planes_to_pixels(inner)[: target.shape[0], : target.shape[1]]
        return Decoded(pixels=pixels, symbols_crc32=payload.symbols_crc32)


def _synthesise(model: HyperModel, quality_B: Tensor, y_BMhw: Tensor) -> Tensor:
    x_BCHW: Tensor = model.synthesis(y_BMhw, quality_B.expand(len(y_BMhw)))
    return x_BCHW


def _grid(height: int, width: int) -> tuple[int, int]:
    """(h, w) of the latents of an image."""
    return -(-height // GRID), -(-width // GRID)


def _padded(height: int, width: int) -> tuple[int, int]:
    """A latent grid rounded up to whole hyper-latents."""
    return -(-height // RATIO) * RATIO, -(-width // RATIO) * RATIO


def _planes(pixels: RGB, rows: Span, columns: Span) -> Tensor:
    """The YCbCr planes a tile reads, (1, 3, H, W); beyond the image its last row and column go on."""
    down, across = rows.scaled(rows.read, GRID), columns.scaled(columns.read, GRID)
    return extended(
        pixels_to_planes(pixels[down, across], 1), down.stop - down.start, across.stop - across.start
    )
