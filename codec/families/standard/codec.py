"""`standard-1`, resident on a device: the network before the file, the file, and the network after it.

The symbols of this family are the bytes of the file: how those become a picture is settled by the file's own standard
(docs/decisions/0018-symbols-of-an-ordinary-file.md).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from codec.bitstream import Envelope, check_size, pack_envelope, parse_envelope
from codec.checks import check_images
from codec.codec import Codec
from codec.colour import pixels_to_planes
from codec.contract import FAITHFUL, RGB, SIXTEENTHS, Decoder, Encoded, EncodeOptions, Latents, Prepared
from codec.errors import BitstreamError, UnknownWeightsError
from codec.families.standard import FAMILY
from codec.families.standard.ordinary_file import check_sides, read_file, write_file
from codec.families.standard.resident_model import ResidentModel
from codec.families.standard.weights import Weights
from codec.parts.quality import sixteenths_of
from codec.parts.waiting_image import WaitingImage, pixels_of
from codec.weights_file import weights_name

DEFAULT_QUALITY = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FilePicture:
    """What a payload holds: the picture that its file shows."""

    pixels: RGB
    """Of the file: perhaps half as many rows and columns as the image."""
    width: int
    height: int
    quality: float
    weights_digest: bytes
    symbols_crc32: int

    def y_hat(self) -> npt.NDArray[np.float32]:
        """Its YCbCr planes, (3, h, w): luma first."""
        planes: npt.NDArray[np.float32] = pixels_to_planes(self.pixels, 1)[0].numpy()
        return planes


class FileEncoder:
    """Encodes with one model."""

    def __init__(self, model: ResidentModel) -> None:
        """Take the model."""
        self._model = model

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Check the images.

        Raises:
            ValueError: an image is not uint8 (H, W, 3), or larger than a payload or its file can hold.
        """
        check_images(images)
        for image in images:
            height, width = image.shape[:2]
            check_size(width, height)
            check_sides(self._model.config.file, *self._model.file_size(width, height))
        return [WaitingImage(image) for image in images]

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        """The payloads' lengths, by encoding."""
        return [len(encoded.payload) for encoded in self.finish(prepared, options)]

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        """Compress each image at its quality, alone."""
        return [self._encoded(*pair) for pair in zip(pixels_of(prepared), options, strict=True)]

    def _encoded(self, pixels: RGB, options: EncodeOptions) -> Encoded:
        sixteenths = sixteenths_of(options.quality)
        quality = sixteenths / SIXTEENTHS
        picture = self._model.before(pixels, quality)
        file = write_file(picture, self._model.config.file, quality)
        symbols_crc32 = zlib.crc32(file)
        payload = pack_envelope(
            Envelope(
                family=FAMILY.id,
                weights_digest=self._model.digest,
                width=pixels.shape[1],
                height=pixels.shape[0],
                sixteenths=sixteenths,
                symbols_crc32=symbols_crc32,
                body=file,
            )
        )
        return Encoded(payload=payload, latent_shape=(3, *picture.shape[:2]), symbols_crc32=symbols_crc32)


class FileReader:
    """Reads what any of some models made."""

    def __init__(self, models: Mapping[bytes, ResidentModel]) -> None:
        """Take the models by their digests."""
        self._models = models

    def read(self, payload: bytes) -> FilePicture:
        """Decode the file of one payload. None of its bytes reaches a picture library before the checksum was right.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec.
            UnknownWeightsError: it was made with a model that is not at hand.
        """
        envelope = parse_envelope(payload)
        if envelope.family != FAMILY.id:
            raise BitstreamError(f"expected a payload of {FAMILY.id}, got one of {envelope.family}")
        model = self._models.get(envelope.weights_digest)
        if model is None:
            at_hand = ", ".join(f"{one.name} {one.digest.hex()}" for one in self._models.values())
            raise UnknownWeightsError(envelope.weights_digest, at_hand)
        if (found := zlib.crc32(envelope.body)) != envelope.symbols_crc32:
            raise BitstreamError(
                f"expected a file with checksum {envelope.symbols_crc32:08x}, got {found:08x}: damaged"
            )
        width, height = model.file_size(envelope.width, envelope.height)
        return FilePicture(
            pixels=read_file(envelope.body, model.config.file, width=width, height=height),
            width=envelope.width,
            height=envelope.height,
            quality=envelope.sixteenths / SIXTEENTHS,
            weights_digest=envelope.weights_digest,
            symbols_crc32=found,
        )

    def read_all(self, payloads: Sequence[bytes]) -> Iterator[list[tuple[int, FilePicture]]]:
        """The pictures of a batch, one payload at a time.

        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        for number, payload in enumerate(payloads):
            yield [(number, self.read(payload))]


class FileDecoder(Decoder):
    """The faithful decoder: the network after the file, of the model that made the payload."""

    def __init__(self, models: Mapping[bytes, ResidentModel]) -> None:
        """Take the models by their digests."""
        self._models = models

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images, one after the other."""
        return [
            self._models[one.weights_digest].after(
                one.pixels, one.quality, width=one.width, height=one.height
            )
            for one in latents
            if isinstance(one, FilePicture)
        ]


class StandardCodec(Codec):
    """`standard-1` with the weights of one preset to encode with."""

    def __init__(self, own: Weights, others: Sequence[Weights] = (), *, device: torch.device) -> None:
        """Encode with one model; decode what it or one of the others made."""
        models = {one.digest: ResidentModel(one, device) for one in (*others, own)}
        super().__init__(
            id=FAMILY.id,
            default_quality=DEFAULT_QUALITY,
            weights={weights_name(own.digest): own.data},
            encoder=FileEncoder(models[own.digest]),
            reader=FileReader(models),
            decoders={FAITHFUL: FileDecoder(models)},
        )
