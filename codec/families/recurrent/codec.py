"""`recurrent-1`, resident on one device: encoder, reader and decoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch

from codec.bitstream import Envelope, check_size, pack_envelope, parse_envelope
from codec.checks import check_images
from codec.codec import Codec
from codec.contract import FAITHFUL, RGB, SIXTEENTHS, Decoder, Encoded, EncodeOptions, Latents, Prepared
from codec.errors import BitstreamError, UnknownWeightsError
from codec.families.recurrent import FAMILY
from codec.families.recurrent.body import longest_prefix, pack_body, parse_body
from codec.families.recurrent.config import GRID
from codec.families.recurrent.levels import TARGET, level_of
from codec.families.recurrent.symbols import Symbols, read_symbols
from codec.families.recurrent.tiles import encoded, shown
from codec.families.recurrent.weights import Weights
from codec.parts.company import company_on
from codec.parts.quality import sixteenths_of
from codec.parts.tile_loop import latent_grid
from codec.parts.waiting_image import WaitingImage, pixels_of
from codec.weights_file import weights_name


class ResidentModel:
    """One weights file on a device."""

    def __init__(self, weights: Weights, device: torch.device) -> None:
        """Move the model there."""
        self.digest, self.file, self.counts = weights.digest, weights.data, weights.counts
        self.model, self.device = weights.model.to(device), device
        config = weights.config.model
        self.active: list[int] = weights.model.active_T.tolist()
        steps_T1 = np.array([[config.step(iteration)] for iteration in range(config.iterations)], np.float32)
        self.move_TM: npt.NDArray[np.float32] = weights.model.move_TM.cpu().numpy() * steps_T1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecurrentLatents:
    """What a payload holds."""

    symbols: Symbols
    own: ResidentModel
    width: int
    height: int
    symbols_crc32: int

    @property
    def weights_digest(self) -> bytes:
        """Of the weights that made the payload."""
        return self.own.digest

    def y_hat(self) -> npt.NDArray[np.float32]:
        """The linear path's coefficients, (M, h, w)."""
        return self.symbols.coefficients(self.own.move_TM)


class RecurrentEncoder:
    """Encodes with one model."""

    def __init__(self, own: ResidentModel, *, target: float) -> None:
        """Take the model, and what `level_of` takes as target."""
        self._own, self._target = own, target

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Check the images.

        Raises:
            ValueError: an image is not uint8 (H, W, 3), or larger than a payload can hold.
        """
        check_images(images)
        for image in images:
            check_size(image.shape[1], image.shape[0])
        return [WaitingImage(pixels) for pixels in images]

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        """The payloads' lengths, by encoding."""
        return [len(one.payload) for one in self.finish(prepared, options)]

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        """Compress each image at its quality."""
        own, images = self._own, pixels_of(prepared)
        sixteenths = [sixteenths_of(one.quality) for one in options]
        levels = [level_of(one / SIXTEENTHS, own.model.config, target=self._target) for one in sixteenths]
        symbols = encoded(own.model, images, levels, own.device)
        return [self._packed(*one) for one in zip(prepared, symbols, sixteenths, strict=True)]

    def _packed(self, prepared: Prepared, symbols: Symbols, sixteenths: int) -> Encoded:
        segments = symbols.write(self._own.active, self._own.counts)
        crc32 = segments[-1].symbols_crc32
        envelope = Envelope(
            family=FAMILY.id,
            weights_digest=self._own.digest,
            width=prepared.width,
            height=prepared.height,
            sixteenths=sixteenths,
            symbols_crc32=crc32,
            body=pack_body(segments),
        )
        shape = (self._own.model.config.coefficients, *symbols.grid)
        return Encoded(payload=pack_envelope(envelope), latent_shape=shape, symbols_crc32=crc32)


class RecurrentReader:
    """Reads what any of some models made."""

    def __init__(self, models: Mapping[bytes, ResidentModel], device: torch.device) -> None:
        """Take the models by the digests of their weights files."""
        self._models, self._company = models, company_on(device)

    def read(self, payload: bytes) -> RecurrentLatents:
        """Entropy-decode one payload.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec; or its symbols are not those encoded.
            UnknownWeightsError: it was made with a model that is not at hand.
        """
        envelope = parse_envelope(payload)
        if envelope.family != FAMILY.id:
            raise BitstreamError(f"expected a payload of {FAMILY.id}, got one of {envelope.family}")
        own = self._models.get(envelope.weights_digest)
        if own is None:
            raise UnknownWeightsError(
                envelope.weights_digest, ", ".join(digest.hex() for digest in self._models)
            )
        symbols = read_symbols(
            parse_body(envelope.body, symbols_crc32=envelope.symbols_crc32),
            latent_grid(envelope.height, envelope.width, GRID),
            own.active,
            own.model.config.coefficients,
            own.counts,
        )
        return RecurrentLatents(
            symbols=symbols,
            own=own,
            width=envelope.width,
            height=envelope.height,
            symbols_crc32=envelope.symbols_crc32,
        )

    def read_prefix(self, prefix: bytes) -> tuple[RecurrentLatents, float]:
        """Of the iterations that are whole, and their share of all: each has a checksum of its own, which is compared.

        Raises:
            BitstreamError: not even the first iteration is whole; else as `read`.
            UnknownWeightsError: as `read`.
        """
        sound, share = longest_prefix(prefix)
        return self.read(sound), share

    def read_all(self, payloads: Sequence[bytes]) -> Iterator[list[tuple[int, RecurrentLatents]]]:
        """Entropy-decode a batch: as many images together as a decoder takes at a time.

        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        part: list[tuple[int, RecurrentLatents]] = []
        blocks = 0
        for number, payload in enumerate(payloads):
            part.append((number, self.read(payload)))
            height, width = part[-1][1].symbols.grid
            blocks += height * width
            if blocks >= self._company.positions:
                yield part
                part, blocks = [], 0
        if part:
            yield part


class RecurrentDecoder(Decoder):
    """The faithful decoder: the picture that all iterations of a payload show."""

    def __init__(self, device: torch.device) -> None:
        """Run there."""
        self._device = device

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images; those of one model together."""
        images = [cast(RecurrentLatents, one) for one in latents]
        found: dict[int, RGB] = {}
        for digest in dict.fromkeys(one.weights_digest for one in images):
            numbers = [number for number, one in enumerate(images) if one.weights_digest == digest]
            chosen = [images[number] for number in numbers]
            pictures = shown(
                chosen[0].own.model,
                [one.symbols for one in chosen],
                [(one.height, one.width) for one in chosen],
                self._device,
            )
            found.update(zip(numbers, pictures, strict=True))
        return [found[number] for number in range(len(images))]


class RecurrentCodec(Codec):
    """`recurrent-1` on a device."""

    def __init__(
        self, own: Weights, others: Sequence[Weights] = (), *, device: torch.device, target: float = TARGET
    ) -> None:
        """Encode with one model; decode what it or one of the others made.

        Args:
            own: the model to encode with.
            others: further models to decode with.
            target: where blocks stop, see `codec.families.recurrent.levels`; 0 for nowhere.
        """
        resident = ResidentModel(own, device)
        models = {one.digest: ResidentModel(one, device) for one in others} | {resident.digest: resident}
        super().__init__(
            id=FAMILY.id,
            default_quality=34,
            weights={weights_name(resident.digest): resident.file},
            encoder=RecurrentEncoder(resident, target=target),
            reader=RecurrentReader(models, device),
            decoders={FAITHFUL: RecurrentDecoder(device)},
        )
