"""A lossy codec of a few lines: quick, with a rate that grows evenly, and with weights that can be others."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.bitstream import Envelope, pack_envelope, parse_envelope
from codec.codec import Codec
from codec.contract import (
    FAITHFUL,
    RGB,
    SIXTEENTHS,
    Decoder,
    Encoded,
    EncodeOptions,
    Latents,
    Prepared,
    Reader,
)
from codec.errors import NoHeadError, UnknownCodecError, UnknownWeightsError
from codec.head import Head, Seen
from codec.weights_file import digest_of, weights_name

SHIPPED = b"the weights that PlainCodec ships with"
NEGATIVE = "sampled"
"""Its other decoder, under the name of one that a family here has."""


@dataclass(frozen=True)
class PlainImage:
    """Nothing is analysed: the pixels wait."""

    pixels: RGB

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainLatents:
    """Pixels, in the order of latents."""

    pixels_3HW: npt.NDArray[np.float32]
    weights_digest: bytes
    symbols_crc32: int

    @property
    def width(self) -> int:
        return int(self.pixels_3HW.shape[2])

    @property
    def height(self) -> int:
        return int(self.pixels_3HW.shape[1])

    def y_hat(self) -> npt.NDArray[np.float32]:
        return self.pixels_3HW


class PlainDecoder(Decoder):
    """Shows the pixels that a payload holds."""

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        return [one.y_hat().astype(np.uint8).transpose(1, 2, 0) for one in latents]


class NegativeDecoder(PlainDecoder):
    """Shows what none holds: what is dark is bright. Of the payloads of some weights."""

    generates = True

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def shows(self, weights_digest: bytes) -> bool:
        return weights_digest == self._digest

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        return [255 - pixels for pixels in super().synthesise(latents)]


class PlainHead(Head):
    """Sees how much there is of each colour, and names the one that there is most of; it looks at nothing whose weights
    are not those that the codec ships with."""

    labels = ("red things", "green things", "blue things")
    digest = digest_of(b"the head of PlainCodec")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def see(self, payloads: Sequence[bytes], orientations: Sequence[int | None]) -> list[Seen]:
        return [self._seen(self._reader.read(payload)) for payload in payloads]

    def _seen(self, latents: Latents) -> Seen:
        if latents.weights_digest != digest_of(SHIPPED):
            raise NoHeadError(f"expected the weights {digest_of(SHIPPED).hex()}")
        mean_3 = latents.y_hat().mean((1, 2)) + 1.0
        return Seen(embedding=mean_3 - mean_3.mean(), scores=mean_3 / mean_3.sum())


class PlainCodec(Codec):
    """Pixels rounded to multiples of a step, deflated; quality 63 loses nothing. It is its own encoder and reader.

    The body of a payload: step, deflated symbols.
    """

    default_quality = 63

    def __init__(
        self, codec_id: str = "plain-1", *, weights: Sequence[bytes] = (), encode_with: bytes | None = None
    ) -> None:
        own = SHIPPED if encode_with is None else encode_with
        self._digest = digest_of(own)
        self._weights_at_hand = {digest_of(data) for data in (SHIPPED, own, *weights)}
        super().__init__(
            id=codec_id,
            default_quality=self.default_quality,
            weights={weights_name(self._digest): own},
            encoder=self,
            reader=self,
            decoders={FAITHFUL: PlainDecoder(), NEGATIVE: NegativeDecoder(digest_of(SHIPPED))},
            head=PlainHead(self),
        )

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        return [PlainImage(image) for image in images]

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        return [len(encoded.payload) for encoded in self.finish(prepared, options)]

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        return [
            self._encoded(one.pixels, asked.quality)
            for one, asked in zip(prepared, options, strict=True)
            if isinstance(one, PlainImage)
        ]

    def read(self, payload: bytes) -> PlainLatents:
        envelope = parse_envelope(payload)
        if envelope.weights_digest not in self._weights_at_hand:
            raise UnknownWeightsError(envelope.weights_digest, "plain")
        (step,) = struct.unpack_from("<f", envelope.body)
        flat = np.frombuffer(zlib.decompress(envelope.body[4:]), np.uint8)
        pixels = _pixels(flat.reshape(envelope.height, envelope.width, 3), step)
        return PlainLatents(
            pixels_3HW=pixels, weights_digest=envelope.weights_digest, symbols_crc32=_crc32(pixels)
        )

    def read_all(self, payloads: Sequence[bytes]) -> Iterator[list[tuple[int, PlainLatents]]]:
        for number, payload in enumerate(payloads):
            yield [(number, self.read(payload))]

    def _encoded(self, image: RGB, quality: float) -> Encoded:
        step = 2.0 ** ((63 - quality) / 10.5)  # 1 to 64
        symbols = np.round(image / np.float32(step)).astype(np.uint8)
        crc32 = _crc32(_pixels(symbols, step))
        envelope = Envelope(
            family=self.id,
            weights_digest=self._digest,
            width=image.shape[1],
            height=image.shape[0],
            sixteenths=round(quality * SIXTEENTHS),
            symbols_crc32=crc32,
            body=struct.pack("<f", step) + zlib.compress(symbols.tobytes(), 1),
        )
        return Encoded(payload=pack_envelope(envelope), latent_shape=image.shape[::-1], symbols_crc32=crc32)


def _pixels(symbols_HW3: npt.NDArray[np.uint8], step: float) -> npt.NDArray[np.float32]:
    pixels = np.minimum(np.round(symbols_HW3 * np.float32(step)), 255)
    return pixels.transpose(2, 0, 1).astype(np.float32)


def _crc32(pixels_3HW: npt.NDArray[np.float32]) -> int:
    return zlib.crc32(pixels_3HW.tobytes())


def load_plain(
    codec_id: str, *, device: str = "auto", weights: Sequence[bytes] = (), encode_with: bytes | None = None
) -> PlainCodec:
    """In the place of `load_codec`: knows every codec whose id begins with `plain`."""
    if not codec_id.startswith("plain"):
        raise UnknownCodecError(f"expected a plain codec, got {codec_id}")
    return PlainCodec(codec_id, weights=weights, encode_with=encode_with)
