"""The first codec family: a convolutional autoencoder whose latents are coded by ZFP.

Presets, each a model trained for one ratio against raw 24-bit RGB, share the 64 qualities between them, or one model
serves them all: `ladder.py`.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents; symbols_hwC integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.checks import check_images
from codec.codec import Codec
from codec.contract import FAITHFUL, RGB, Decoder, Encoded, EncodeOptions, Latents, Prepared
from codec.errors import BitstreamError, UnknownWeightsError
from codec.families.ae_zfp import FAMILY
from codec.families.ae_zfp.bitstream import PayloadHeader, pack_payload, parse_payload
from codec.families.ae_zfp.config import GRID
from codec.families.ae_zfp.ladder import Ladder, OwnLadder, SharedLadder
from codec.families.ae_zfp.latents import ZfpLatents, crc32_of
from codec.families.ae_zfp.model import AutoEncoder
from codec.families.ae_zfp.quantise import add_left, subtract_left, to_symbols
from codec.families.ae_zfp.weights import FamilyIndex, Weights, load_index, load_weights, understand
from codec.families.ae_zfp.zfp import Symbols, decode_symbols, encode_symbols
from codec.family_weights import weights_beside
from codec.parts.tile_loop import AnalysedTile, Synthesised, Tiling, analysed_tiles, latent_grid, synthesised
from codec.parts.waiting_image import WaitingImage, pixels_of
from codec.weights_file import SHIPPED, SUFFIX, weights_name


class ZfpEncoder:
    """Each preset has an analysis transform of its own, so that images wait for their quality."""

    def __init__(self, ladder: Ladder, device: torch.device) -> None:
        """Take models that are on the device."""
        self.ladder, self._device = ladder, device

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Check the images.

        Raises:
            ValueError: an image is not uint8 (H, W, 3).
        """
        check_images(images)
        return [WaitingImage(pixels) for pixels in images]

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        """The payloads' lengths, by encoding."""
        return [len(encoded.payload) for encoded in self.finish(prepared, options)]

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        """Compress each image at its quality."""
        encoded: dict[int, Encoded] = {}
        for asked in dict.fromkeys(options):
            members = [n for n, one in enumerate(options) if one == asked]
            images = pixels_of([prepared[n] for n in members])
            encoded.update(zip(members, self._encoded(images, *self.ladder.at(asked.quality)), strict=True))
        return [encoded[n] for n in range(len(prepared))]

    def analysed(self, images: Sequence[RGB], weights: Weights) -> Iterator[AnalysedTile]:
        """Latents that are not yet rounded, tile by tile."""
        tiling = Tiling(grid=GRID, halo=weights.model.encoder_halo, device=self._device)
        return analysed_tiles(weights.model.analyse, images, tiling)

    def _encoded(self, images: Sequence[RGB], weights: Weights, step: float) -> list[Encoded]:
        step = float(np.float32(step))
        symbols = self._symbols(images, weights, step)
        return [self._packed(*one, weights, step) for one in zip(images, symbols, strict=True)]

    def _symbols(self, images: Sequence[RGB], weights: Weights, step: float) -> list[Symbols]:
        channels, quantiser = weights.config.model.latent_channels, weights.config.quantiser
        grids = [latent_grid(image.shape[0], image.shape[1], GRID) for image in images]
        symbols: list[Symbols] = [np.empty((*grid, channels), np.int16) for grid in grids]
        for tile in self.analysed(images, weights):
            symbols[tile.image][tile.place] = to_symbols(
                tile.y_1Chw, step, quantiser.dead_zone, quantiser.tail_weight
            )
        return symbols

    def _packed(self, pixels: RGB, symbols_hwC: Symbols, weights: Weights, step: float) -> Encoded:
        height, width, channels = symbols_hwC.shape
        crc32 = crc32_of(symbols_hwC)
        coded_hwC = subtract_left(symbols_hwC, weights.config.quantiser.predicted_channels)
        header = PayloadHeader(
            preset=self.ladder.number_of(weights),
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


class ZfpReader:
    """Reads what any of some models made."""

    def __init__(self, models: Mapping[bytes, Weights]) -> None:
        """Take the models by their digests."""
        self._models = models

    def read(self, payload: bytes) -> ZfpLatents:
        """Decode the symbols of one payload.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec; or its symbols are not those encoded.
            UnknownWeightsError: it was made with a model that is not at hand.
        """
        header, body = parse_payload(payload)
        weights = self._models.get(header.weights_digest)
        if weights is None:
            at_hand = ", ".join(f"{w.config.preset} {w.digest.hex()}" for w in self._models.values())
            raise UnknownWeightsError(header.weights_digest, at_hand)
        channels = weights.config.model.latent_channels
        if header.channels != channels:
            raise BitstreamError(f"expected {channels} latent channels, got {header.channels}")
        height, width = latent_grid(header.height, header.width, GRID)
        symbols_NC = decode_symbols(body, height * width, channels)
        symbols_hwC = symbols_NC.reshape(height, width, channels)
        symbols_hwC = add_left(symbols_hwC, weights.config.quantiser.predicted_channels)
        if (found := crc32_of(symbols_hwC)) != header.symbols_crc32:
            raise BitstreamError(
                f"expected symbols with checksum {header.symbols_crc32:08x}, got {found:08x}: the payload "
                "is damaged, or this machine decodes ZFP differently; please report the latter"
            )
        return ZfpLatents(
            symbols_hwC=symbols_hwC,
            step=header.step,
            width=header.width,
            height=header.height,
            weights_digest=header.weights_digest,
            symbols_crc32=found,
        )

    def read_all(self, payloads: Sequence[bytes]) -> Iterator[list[tuple[int, ZfpLatents]]]:
        """The symbols of a batch, one payload at a time.

        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        for number, payload in enumerate(payloads):
            yield [(number, self.read(payload))]


class ZfpDecoder(Decoder):
    """The faithful decoder: the synthesis transform of the model that made the payload."""

    def __init__(self, models: Mapping[bytes, Weights], device: torch.device) -> None:
        """Take the models by their digests, on the device."""
        self._models, self._device = models, device

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images, one after the other."""
        return [self._shown(one) for one in latents if isinstance(one, ZfpLatents)]

    def _shown(self, latents: ZfpLatents) -> RGB:
        shown = Synthesised(tile=latents.tile, width=latents.width, height=latents.height)
        return self.shown(shown, self._models[latents.weights_digest], latents.step)

    def shown(self, image: Synthesised, weights: Weights, step: float) -> RGB:
        """The picture that a model makes of latents, however they were rounded.

        Args:
            step: of the quantiser that the model is to expect.
        """
        detail = float(np.log2(step / weights.config.quantiser.step))
        tiling = Tiling(grid=GRID, halo=weights.model.decoder_halo, device=self._device)
        return synthesised(partial(_at_step, weights.model, detail), [image], tiling)[0]


class AutoEncoderZfp(Codec):
    """`ae-zfp-1`, resident on one device."""

    encoder: ZfpEncoder

    def __init__(
        self,
        folder: Path = SHIPPED / FAMILY.id,
        *,
        device: torch.device | None = None,
        own: Weights | None = None,
        others: Sequence[bytes] = (),
    ) -> None:
        """Load the presets of a family folder.

        Args:
            folder: where index and presets are.
            device: where to run; None for the CPU.
            own: a model to encode with at all qualities; None for the presets that the index names.
            others: further weights files that payloads may have been made with.
        Raises:
            WeightsError: the index is missing or damaged, or a preset to encode with is.
        """
        where = device or torch.device("cpu")
        self.index: FamilyIndex = load_index(folder)
        ladder = (
            OwnLadder(own=own) if own else SharedLadder(index=self.index, presets=_named(self.index, folder))
        )
        further = weights_beside(folder, others, understand, loaded={one.digest for one in ladder.models})
        models = {weights.digest: weights for weights in (*ladder.models, *further)}
        for weights in models.values():
            weights.model.to(where)
        self.decoder = ZfpDecoder(models, where)
        super().__init__(
            id=FAMILY.id,
            default_quality=ladder.default_quality,
            weights={weights_name(weights.digest): weights.data for weights in ladder.models},
            encoder=ZfpEncoder(ladder, where),
            reader=ZfpReader(models),
            decoders={FAITHFUL: self.decoder},
        )

    @property
    def preset_quality(self) -> dict[str, int]:
        """The quality at which each preset's nominal ratio was met on held-back crops."""
        return dict(self.index.preset_quality)


def _named(index: FamilyIndex, folder: Path) -> dict[str, Weights]:
    """The presets that an index names."""
    return {name: load_weights(folder / f"{name}{SUFFIX}") for name in index.presets}


def _at_step(model: AutoEncoder, detail: float, y_BChw: Tensor) -> Tensor:
    """`detail` is log2 of the step over the one the model was trained around."""
    return model.synthesise(y_BChw, torch.full((len(y_BChw),), detail, device=y_BChw.device))
