"""The payload of one image: a header that describes it, a checksum over everything, ZFP-coded symbols.

Little-endian throughout; `docs/formats/ae-zfp-1.md` has it byte by byte. The checksum covers header and body
and is tested before any byte of the body reaches a decoder.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from codec.errors import BitstreamError

MAGIC: Final = b"TFZ1"
VERSION: Final = 1
MAX_PIXELS: Final = 2**31
"""Largest image a payload may announce: 2.1 gigapixels."""
MAX_SIDE: Final = 2**20
MAX_STEP: Final = 2.0**20
"""No coefficient is as large; of larger steps a decoder would make numbers that are none."""

_HEADER: Final = struct.Struct("<4sBBH8sIIfIII")
HEADER_BYTES: Final = _HEADER.size


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadHeader:
    """What a payload says about itself."""

    preset: int
    """Index of the preset in its family, 255 for other weights; for messages: the digest is what decides."""
    weights_digest: bytes
    """First 8 bytes of the sha256 of the weights file that made it."""
    width: int
    height: int
    """Of the image, in pixels, before padding."""
    channels: int
    """Latent channels."""
    step: float
    """Quantiser step, a float32: latents are symbols times this."""
    symbols_crc32: int
    """zlib.crc32 of the symbols as little-endian int16, (h, w, C) order."""


def pack_payload(header: PayloadHeader, body: bytes) -> bytes:
    """Header, body and their checksum as one payload."""
    fields = (
        MAGIC,
        VERSION,
        header.preset,
        header.channels,
        header.weights_digest,
        header.width,
        header.height,
        header.step,
        header.symbols_crc32,
        len(body),
    )
    crc32 = zlib.crc32(body, zlib.crc32(_HEADER.pack(*fields, 0)))
    return _HEADER.pack(*fields, crc32) + body


def parse_payload(payload: bytes | memoryview) -> tuple[PayloadHeader, memoryview]:
    """Header and body, checked.

    Raises:
        BitstreamError: it is truncated, damaged, too large, or not of this format.
    """
    view = memoryview(payload)
    if len(view) < HEADER_BYTES:
        raise BitstreamError(
            f"expected a payload of at least {HEADER_BYTES} bytes, got {len(view)}: truncated"
        )
    magic, version, preset, channels, digest, width, height, step, symbols_crc32, length, crc32 = (
        _HEADER.unpack_from(view)
    )
    if magic != MAGIC:
        raise BitstreamError(
            f"expected a payload that begins with {MAGIC!r}, got {bytes(magic)!r}: damaged, or of another codec"
        )
    if version != VERSION:
        raise BitstreamError(
            f"expected payload format {VERSION}, got {version}: damaged, or written by a newer "
            "tenfold; upgrade to read it"
        )
    body = view[HEADER_BYTES:]
    if len(body) != length:
        raise BitstreamError(
            f"expected {length} bytes after the header, got {len(body)}: truncated or padded"
        )
    head = bytes(view[: HEADER_BYTES - 4]) + bytes(4)
    if (found := zlib.crc32(body, zlib.crc32(head))) != crc32:
        raise BitstreamError(f"expected checksum {crc32:08x}, got {found:08x}: the payload is damaged")
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise BitstreamError(
            f"a payload announces {width} x {height} pixels, outside what this build decodes"
        )
    if not channels or not 0.0 < step <= MAX_STEP:
        raise BitstreamError(f"a payload announces {channels} channels and a step of {step}")
    header = PayloadHeader(
        preset=preset,
        weights_digest=bytes(digest),
        width=width,
        height=height,
        channels=channels,
        step=step,
        symbols_crc32=symbols_crc32,
    )
    return header, body
