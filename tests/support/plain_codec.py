"""A lossy codec of a few lines: quick, with a rate that grows evenly, and with weights that can be others."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.contract import RGB, Decoded, Encoded, Prepared, check_quality
from codec.errors import UnknownCodecError, UnknownWeightsError
from codec.weights_file import SUFFIX, digest_of

SHIPPED = b"the weights that PlainCodec ships with"


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


class PlainCodec:
    """Pixels rounded to multiples of a step, deflated; quality 63 loses nothing.

    A payload: digest of the weights, height, width, step, deflated symbols.
    """

    default_quality = 63

    def __init__(
        self, codec_id: str = "plain-1", *, weights: Sequence[bytes] = (), encode_with: bytes | None = None
    ) -> None:
        self.id = codec_id
        self._encode_with = SHIPPED if encode_with is None else encode_with
        self._known = {digest_of(data) for data in (SHIPPED, self._encode_with, *weights)}

    @property
    def weights(self) -> dict[str, bytes]:
        return {f"{digest_of(self._encode_with).hex()}{SUFFIX}": self._encode_with}

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        return [PlainImage(image) for image in images]

    def estimate_bytes(self, prepared: Prepared, qualities: Sequence[float]) -> list[int]:
        return [len(self.finish([prepared], [quality])[0].payload) for quality in qualities]

    def finish(self, prepared: Sequence[Prepared], qualities: Sequence[float]) -> list[Encoded]:
        return [
            self._encoded(one.pixels, quality)
            for one, quality in zip(prepared, qualities, strict=True)
            if isinstance(one, PlainImage)
        ]

    def encode(self, images: Sequence[RGB], *, quality: float) -> list[Encoded]:
        return self.finish(self.prepare(images), [quality] * len(images))

    def decode(self, payloads: Sequence[bytes]) -> list[Decoded]:
        read = [self.latents(payload) for payload in payloads]
        return [
            Decoded(pixels=latents.astype(np.uint8).transpose(1, 2, 0), symbols_crc32=_crc32(latents))
            for latents in read
        ]

    def latents(self, payload: bytes) -> npt.NDArray[np.float32]:
        if payload[:8] not in self._known:
            raise UnknownWeightsError(payload[:8], "plain")
        height, width, step = struct.unpack_from("<IIf", payload, 8)
        symbols = np.frombuffer(zlib.decompress(payload[20:]), np.uint8).reshape(height, width, 3)
        pixels = np.minimum(np.round(symbols * np.float32(step)), 255)
        return pixels.transpose(2, 0, 1).astype(np.float32)

    def symbols_crc32(self, payload: bytes) -> int:
        return _crc32(self.latents(payload))

    def _encoded(self, image: RGB, quality: float) -> Encoded:
        check_quality(quality)
        step = 2.0 ** ((63 - quality) / 10.5)  # 1 to 64
        symbols = np.round(image / np.float32(step)).astype(np.uint8)
        head = digest_of(self._encode_with) + struct.pack("<IIf", *image.shape[:2], step)
        payload = head + zlib.compress(symbols.tobytes(), 1)
        crc = self.symbols_crc32(payload)
        return Encoded(payload=payload, latent_shape=image.shape[::-1], symbols_crc32=crc)


def _crc32(latents: npt.NDArray[np.float32]) -> int:
    return zlib.crc32(latents.tobytes())


def load_plain(
    codec_id: str, *, device: str = "auto", weights: Sequence[bytes] = (), encode_with: bytes | None = None
) -> PlainCodec:
    """In the place of `load_codec`: knows every codec whose id begins with `plain`."""
    if not codec_id.startswith("plain"):
        raise UnknownCodecError(f"expected a plain codec, got {codec_id}")
    return PlainCodec(codec_id, weights=weights, encode_with=encode_with)
