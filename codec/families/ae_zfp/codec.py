"""The first codec family: a convolutional autoencoder whose latents are coded by ZFP.

Five presets, each a model trained for one ratio against raw 24-bit RGB, share the 64 qualities between them.
Within a preset the quantiser step grows geometrically from quality to quality.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents; symbols_hwC integers.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.colour import pixels_to_planes, planes_to_pixels
from codec.contract import QUALITIES, RGB, Decoded, Encoded, Prepared, check_images, check_quality
from codec.errors import BitstreamError, UnknownWeightsError
from codec.families.ae_zfp import FAMILY
from codec.families.ae_zfp.bitstream import PayloadHeader, pack_payload, parse_payload
from codec.families.ae_zfp.config import GRID
from codec.families.ae_zfp.model import AutoEncoder
from codec.families.ae_zfp.quantise import add_left, subtract_left, to_symbols
from codec.families.ae_zfp.weights import FamilyIndex, Weights, load_index, load_weights
from codec.families.ae_zfp.zfp import Symbols, decode_symbols, encode_symbols
from codec.tiles import run_tiles, tile_grid, windows
from codec.weights_file import SHIPPED, weights_name


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """An image that waits for its quality."""

    pixels: RGB

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])


class AutoEncoderZfp:
    """`ae-zfp-1`, resident on one device. Implements `codec.contract.Codec`."""

    def __init__(
        self,
        folder: Path = SHIPPED / FAMILY.id,
        *,
        device: torch.device | None = None,
        further: Sequence[Weights] = (),
    ) -> None:
        """Load every preset of a family folder.

        Args:
            further: weights to decode with, beside the folder's.
        Raises:
            WeightsError: the index or a preset is missing or damaged.
        """
        self.device = device or torch.device("cpu")
        self.index: FamilyIndex = load_index(folder)
        self._weights: dict[str, Weights] = {
            name: load_weights(folder / f"{name}.safetensors") for name in self.index.presets
        }
        self._by_digest = {weights.digest: weights for weights in (*further, *self._weights.values())}
        for weights in self._by_digest.values():
            weights.model.to(self.device)

    @property
    def id(self) -> str:
        """Name and version, as written in every catalogue row."""
        return FAMILY.id

    @property
    def default_quality(self) -> int:
        """The quality that meets 25x, the preset in the middle."""
        return self.index.preset_quality["25x"]

    @property
    def preset_quality(self) -> dict[str, int]:
        """The quality at which each preset's nominal ratio was met on held-back crops."""
        return dict(self.index.preset_quality)

    @property
    def weights(self) -> dict[str, bytes]:
        """The five presets' files, by digest."""
        return {weights_name(weights.digest): weights.data for weights in self._weights.values()}

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Check the images: each preset has an analysis transform of its own, so that it waits for the quality.

        Raises:
            ValueError: an image is not uint8 (H, W, 3).
        """
        check_images(images)
        return [_Pixels(pixels) for pixels in images]

    def estimate_bytes(self, prepared: Prepared, qualities: Sequence[float]) -> list[int]:
        """The payload's length at each quality, by encoding.

        Raises:
            ValueError: a quality is not in [0, 63].
        """
        return [len(self.finish([prepared], [quality])[0].payload) for quality in qualities]

    def finish(self, prepared: Sequence[Prepared], qualities: Sequence[float]) -> list[Encoded]:
        """Compress each image at its quality; between two levels the quantiser step is interpolated.

        Raises:
            ValueError: a quality is not in [0, 63].
        """
        results: list[Encoded | None] = [None] * len(prepared)
        for quality in dict.fromkeys(qualities):
            preset, step = self._point(quality)
            members = [n for n, q in enumerate(qualities) if q == quality]
            images = [one.pixels for n in members if isinstance(one := prepared[n], _Pixels)]
            for n, encoded in zip(members, self.encode_at(images, preset=preset, step=step), strict=True):
                results[n] = encoded
        return [result for result in results if result is not None]

    def encode(self, images: Sequence[RGB], *, quality: float) -> list[Encoded]:
        """Compress a batch at one quality.

        Raises:
            ValueError: quality is not in [0, 63], or an image is not uint8 (H, W, 3).
        """
        return self.finish(self.prepare(images), [quality] * len(images))

    def _point(self, quality: float) -> tuple[str, float]:
        """Preset and step of a quality."""
        check_quality(quality)
        below = self.index.qualities[int(quality)]
        above = self.index.qualities[min(int(quality) + 1, QUALITIES.stop - 1)]
        share = quality - int(quality)
        if above.preset != below.preset:
            nearest = below if share < 0.5 else above
            return nearest.preset, nearest.step
        return below.preset, below.step ** (1.0 - share) * above.step**share

    def encode_at(self, images: Sequence[RGB], *, preset: str, step: float) -> list[Encoded]:
        """Compress a batch with one preset's model at a quantiser step of one's own (for calibration).

        Raises:
            ValueError: the preset is unknown, or an image is not uint8 (H, W, 3).
        """
        if preset not in self._weights:
            raise ValueError(f"expected a preset of {', '.join(self._weights)}; got {preset!r}")
        check_images(images)
        weights = self._weights[preset]
        exact_step = float(np.float32(step))
        symbols = self._analyse(images, weights, exact_step)
        return [
            self._pack(pixels, symbols_hwC, weights, exact_step)
            for pixels, symbols_hwC in zip(images, symbols, strict=True)
        ]

    def decode(self, payloads: Sequence[bytes]) -> list[Decoded]:
        """Decompress a batch.

        Raises:
            BitstreamError: a payload is damaged, truncated, or of another codec.
        """
        parsed = [self._parse(payload) for payload in payloads]
        images: list[RGB] = [np.empty((header.height, header.width, 3), np.uint8) for header, _, _ in parsed]
        tiles = (
            (number, rows, columns)
            for number, (header, weights, _) in enumerate(parsed)
            for rows, columns in tile_grid(*header.grid_shape(GRID), weights.model.decoder_halo)
        )
        for window in windows(tiles, self.device):
            jobs = [
                (
                    parsed[n][1],
                    self._latent_tile(parsed[n][2], parsed[n][0], rows.read, columns.read),
                    _detail(parsed[n][0].step, parsed[n][1]),
                )
                for n, rows, columns in window
            ]
            for (n, rows, columns), x_BCHW in zip(
                window, self._run(AutoEncoder.synthesise, jobs), strict=True
            ):
                down, across = rows.scaled(rows.inner, GRID), columns.scaled(columns.inner, GRID)
                pixels = planes_to_pixels(x_BCHW[:, :, down, across])
                target = images[n][rows.scaled(rows.kept, GRID), columns.scaled(columns.kept, GRID)]
                target[...] = pixels[: target.shape[0], : target.shape[1]]
        return [
            Decoded(pixels=pixels, symbols_crc32=header.symbols_crc32)
            for pixels, (header, _, _) in zip(images, parsed, strict=True)
        ]

    def latents(self, payload: bytes) -> npt.NDArray[np.float32]:
        """The dequantised latents, (C, h, w), without running the synthesis network.

        Raises:
            BitstreamError: as `decode`.
        """
        header, _, symbols_hwC = self._parse(payload)
        return np.ascontiguousarray(symbols_hwC.transpose(2, 0, 1)).astype(np.float32) * np.float32(
            header.step
        )

    def symbols_crc32(self, payload: bytes) -> int:
        """CRC of the symbols a payload decodes to here; equals `Encoded.symbols_crc32` everywhere."""
        return _crc32(self._parse(payload)[2])

    def _analyse(self, images: Sequence[RGB], weights: Weights, step: float) -> list[Symbols]:
        grids = [(-(-image.shape[0] // GRID), -(-image.shape[1] // GRID)) for image in images]
        channels = weights.config.model.latent_channels
        symbols: list[Symbols] = [np.empty((*grid, channels), np.int16) for grid in grids]
        halo, quantiser = weights.model.encoder_halo, weights.config.quantiser
        tiles = ((n, r, c) for n, grid in enumerate(grids) for r, c in tile_grid(*grid, halo))
        for window in windows(tiles, self.device):
            jobs = [
                (
                    weights,
                    pixels_to_planes(images[n][r.scaled(r.read, GRID), c.scaled(c.read, GRID)], GRID),
                    None,
                )
                for n, r, c in window
            ]
            for (n, rows, columns), y_BChw in zip(window, self._run(AutoEncoder.analyse, jobs), strict=True):
                kept_BChw = y_BChw[:, :, rows.inner, columns.inner]
                tile_hwC = to_symbols(kept_BChw, step, quantiser.dead_zone, quantiser.tail_weight)
                symbols[n][rows.kept, columns.kept] = tile_hwC
        return symbols

    def _run(
        self, network: Callable[..., Tensor], jobs: Sequence[tuple[Weights, Tensor, float | None]]
    ) -> list[Tensor]:
        """`network(model, tile)` of every job, or `network(model, tile, detail)` where it has one."""
        groups: dict[tuple[bytes, float | None], list[int]] = {}
        for number, (weights, _, detail) in enumerate(jobs):
            groups.setdefault((weights.digest, detail), []).append(number)
        results: dict[int, Tensor] = {}
        for (_, detail), members in groups.items():
            apply = partial(_apply, network, jobs[members[0]][0].model, detail)
            with torch.inference_mode():
                outputs = run_tiles(apply, [jobs[n][1] for n in members], self.device)
            results.update(zip(members, outputs, strict=True))
        return [results[number] for number in range(len(jobs))]

    def _latent_tile(
        self, symbols_hwC: Symbols, header: PayloadHeader, rows: slice, columns: slice
    ) -> Tensor:
        part_Chw = np.ascontiguousarray(symbols_hwC[rows, columns].transpose(2, 0, 1))
        return torch.from_numpy(part_Chw).float()[None] * header.step

    def _pack(self, pixels: RGB, symbols_hwC: Symbols, weights: Weights, step: float) -> Encoded:
        height, width, channels = symbols_hwC.shape
        crc32 = _crc32(symbols_hwC)
        coded_hwC = subtract_left(symbols_hwC, weights.config.quantiser.predicted_channels)
        header = PayloadHeader(
            preset=self.index.presets.index(weights.config.preset),
            weights_digest=weights.digest,
            width=pixels.shape[1],
            height=pixels.shape[0],
            channels=channels,
            step=step,
            symbols_crc32=crc32,
        )
        body = encode_symbols(coded_hwC.reshape(height * width, channels))
        return Encoded(
            payload=pack_payload(header, body), latent_shape=(channels, height, width), symbols_crc32=crc32
        )

    def _parse(self, payload: bytes) -> tuple[PayloadHeader, Weights, Symbols]:
        header, body = parse_payload(payload)
        weights = self._by_digest.get(header.weights_digest)
        if weights is None:
            known = ", ".join(f"{w.config.preset} {w.digest.hex()}" for w in self._by_digest.values())
            raise UnknownWeightsError(header.weights_digest, known)
        channels = weights.config.model.latent_channels
        if header.channels != channels:
            raise BitstreamError(f"expected {channels} latent channels, got {header.channels}")
        height, width = header.grid_shape(GRID)
        symbols_NC = decode_symbols(body, height * width, channels)
        symbols_hwC = symbols_NC.reshape(height, width, channels)
        symbols_hwC = add_left(symbols_hwC, weights.config.quantiser.predicted_channels)
        if (found := _crc32(symbols_hwC)) != header.symbols_crc32:
            raise BitstreamError(
                f"expected symbols with checksum {header.symbols_crc32:08x}, got {found:08x}: the payload "
                "is damaged, or this machine decodes ZFP differently; please report the latter"
            )
        return header, weights, symbols_hwC


def _crc32(symbols_hwC: Symbols) -> int:
    crc32 = 0
    for row_wC in symbols_hwC:  # by rows: no second copy of a large image's symbols
        crc32 = zlib.crc32(np.ascontiguousarray(row_wC, dtype="<i2").tobytes(), crc32)
    return crc32


def _detail(step: float, weights: Weights) -> float:
    return float(np.log2(step / weights.config.quantiser.step))


def _apply(
    network: Callable[..., Tensor], model: AutoEncoder, detail: float | None, tiles_BCHW: Tensor
) -> Tensor:
    if detail is None:
        return network(model, tiles_BCHW)
    return network(model, tiles_BCHW, torch.full((len(tiles_BCHW),), detail, device=tiles_BCHW.device))
