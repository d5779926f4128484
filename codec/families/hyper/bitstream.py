"""The payload of one image: a header of 30 bytes, escaped symbols, range-coded words; one checksum over everything.

`docs/formats/hyper-1.md` has it byte by byte. The checksum is tested before anything is decoded.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from codec.errors import BitstreamError
from codec.parts.quality import SIXTEENTHS, TOP

MAGIC: Final = b"TFH1"
MAX_PIXELS: Final = 2**30
"""Largest image a payload may announce: a gigapixel."""
MAX_SIDE: Final = 2**20
_LIMITS: Final = f"sides to {MAX_SIDE}, {MAX_PIXELS} pixels"
_HEADER: Final = struct.Struct("<4sH8sIIII")
HEADER_BYTES: Final = _HEADER.size
_LENGTH: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A payload, taken apart."""

    sixteenths: int
    """Quality in sixteenths of a level."""
    weights_digest: bytes
    """First 8 bytes of the sha256 of the weights file that made it."""
    width: int
    height: int
    """Of the image, in pixels."""
    symbols_crc32: int
    """zlib.crc32 of all symbols as little-endian int16, in the order of decoding."""
    escapes: bytes
    words: bytes

    def pack(self) -> bytes:
        """As bytes."""
        body = _LENGTH.pack(len(self.escapes)) + self.escapes + self.words
        fields = (MAGIC, self.sixteenths, self.weights_digest, self.width, self.height, self.symbols_crc32)
        crc32 = zlib.crc32(body, zlib.crc32(_HEADER.pack(*fields, 0)))
        return _HEADER.pack(*fields, crc32) + body


def check_size(width: int, height: int) -> None:
    """Refuse an image that no payload can hold.

    Raises:
        ValueError: it is larger than a payload may announce.
    """
    if not _fits(width, height):
        raise ValueError(f"expected an image within what a payload holds ({_LIMITS}), got {width} x {height}")


def parse_payload(data: bytes | memoryview) -> Payload:
    """A payload, checked.

    Raises:
        BitstreamError: it is truncated, damaged, too large, or not of this format.
    """
    view = memoryview(data)
    if len(view) < HEADER_BYTES + _LENGTH.size:
        raise BitstreamError(
            f"expected a payload of at least {HEADER_BYTES + _LENGTH.size} bytes, got {len(view)}: truncated"
        )
    magic, sixteenths, digest, width, height, symbols_crc32, crc32 = _HEADER.unpack_from(view)
    if magic != MAGIC:
        raise BitstreamError(
            f"expected a payload that begins with {MAGIC!r}, got {bytes(magic)!r}: damaged, of another codec, "
            "or written by a newer tenfold"
        )
    body = view[HEADER_BYTES:]
    head = bytes(view[: HEADER_BYTES - 4]) + bytes(4)
    if (found := zlib.crc32(body, zlib.crc32(head))) != crc32:
        raise BitstreamError(
            f"expected checksum {crc32:08x}, got {found:08x}: the payload is damaged or truncated"
        )
    if not _fits(width, height):
        raise BitstreamError(
            f"a payload announces {width} x {height} pixels, outside what this build decodes ({_LIMITS})"
        )
    if sixteenths > TOP * SIXTEENTHS:
        raise BitstreamError(f"a payload announces quality {sixteenths / SIXTEENTHS}, expected at most {TOP}")
    (length,) = _LENGTH.unpack_from(body)
    if length > len(body) - _LENGTH.size:
        raise BitstreamError(
            f"a payload announces {length} bytes of escapes and has {len(body) - _LENGTH.size}"
        )
    return Payload(
        sixteenths=sixteenths,
        weights_digest=bytes(digest),
        width=width,
        height=height,
        symbols_crc32=symbols_crc32,
        escapes=bytes(body[_LENGTH.size : _LENGTH.size + length]),
        words=bytes(body[_LENGTH.size + length :]),
    )


def _fits(width: int, height: int) -> bool:
    return 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS
