"""A PNG whose length is known before its pixels are: it stores what another one would deflate.

    signature, IHDR, iCCP, eXIf, iTXt (XMP), IDAT, IEND

The data of IDAT are a zlib stream of stored blocks, each with 5 bytes before it: any reader of PNG takes them, and
writing costs little more than copying.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEAD: Final = struct.Struct(">I4s")
_CHUNK_BYTES: Final = 12
"""Length, kind and CRC of a chunk."""
_IHDR: Final = struct.Struct(">IIBBBBB")
_COLOUR_TYPES: Final = {1: 0, 2: 4, 3: 2, 4: 6}
"""By the number of channels: grey, grey and alpha, RGB, RGBA."""
_PROFILE_HEAD: Final = b"ICC Profile\x00\x00"
_XMP_HEAD: Final = b"XML:com.adobe.xmp\x00\x00\x00\x00\x00"
_ZLIB_HEAD: Final = b"\x78\x01"
_ADLER_BYTES: Final = 4
_BLOCK_HEAD: Final = struct.Struct("<BHH")
_BLOCK: Final = 65_535
_BLOCKS_PER_IDAT: Final = 32_000
"""A chunk holds less than 2 GiB."""

_Piece = bytes | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class PngLayout:
    """All that the length of a file depends on."""

    width: int
    height: int
    channels: int
    """1 to 4: grey, grey and alpha, RGB, RGBA."""
    icc_bytes: int = 0
    exif_bytes: int = 0
    xmp_bytes: int = 0

    @property
    def size(self) -> int:
        """Of the file, in bytes."""
        idats = -(-_blocks(self._plain_bytes) // _BLOCKS_PER_IDAT)
        size = len(_SIGNATURE) + _CHUNK_BYTES * (2 + idats) + _IHDR.size + _stream_bytes(self._plain_bytes)
        if self.icc_bytes:
            size += _CHUNK_BYTES + len(_PROFILE_HEAD) + _stream_bytes(self.icc_bytes)
        if self.exif_bytes:
            size += _CHUNK_BYTES + self.exif_bytes
        if self.xmp_bytes:
            size += _CHUNK_BYTES + len(_XMP_HEAD) + self.xmp_bytes
        return size

    @property
    def beginning(self) -> bytes:
        """The first bytes of the file, up to its metadata or pixels: what a reader wants who asks how large the picture
        is."""
        opening = b"".join(_opening(self.width, self.height, self.channels))
        if self.icc_bytes or self.exif_bytes or self.xmp_bytes:
            return opening
        stream = _stream_bytes(self._plain_bytes)
        idat = min(stream, len(_ZLIB_HEAD) + _BLOCKS_PER_IDAT * (_BLOCK_HEAD.size + _BLOCK))
        return opening + _CHUNK_HEAD.pack(idat, b"IDAT")

    @property
    def _plain_bytes(self) -> int:
        """Of its lines, each with its filter."""
        return self.height * (1 + self.width * self.channels)


def write_stored_png(
    pixels: npt.NDArray[np.uint8],
    *,
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
) -> bytes:
    """The file of an image, as long as its `PngLayout` says.

    Args:
        pixels: (H, W, C), C 1 to 4: grey, grey and alpha, RGB, RGBA.
    """
    height, width, channels = pixels.shape
    lines = np.zeros((height, 1 + width * channels), np.uint8)  # each begins with its filter: 0, none
    lines[:, 1:] = pixels.reshape(height, -1)
    pieces = list(_opening(width, height, channels))
    if icc:
        pieces += _chunk(b"iCCP", [_PROFILE_HEAD, *_stored(memoryview(icc))])
    if exif:
        pieces += _chunk(b"eXIf", [exif])
    if xmp:
        pieces += _chunk(b"iTXt", [_XMP_HEAD, xmp])
    stream = list(_stored(lines.data.cast("B")))
    for start in range(0, len(stream), 2 * _BLOCKS_PER_IDAT):
        pieces += _chunk(b"IDAT", stream[start : start + 2 * _BLOCKS_PER_IDAT])
    pieces += _chunk(b"IEND", [])
    return b"".join(pieces)


def _opening(width: int, height: int, channels: int) -> Iterator[_Piece]:
    yield _SIGNATURE
    yield from _chunk(b"IHDR", [_IHDR.pack(width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)])


def _blocks(plain: int) -> int:
    return -(-plain // _BLOCK)


def _stream_bytes(plain: int) -> int:
    return len(_ZLIB_HEAD) + _BLOCK_HEAD.size * _blocks(plain) + plain + _ADLER_BYTES


def _stored(plain: memoryview) -> Iterator[_Piece]:
    """The zlib stream of some bytes, in two pieces a block."""
    before = _ZLIB_HEAD
    for start in range(0, len(plain), _BLOCK):
        block = plain[start : start + _BLOCK]
        is_last = start + _BLOCK >= len(plain)
        yield before + _BLOCK_HEAD.pack(is_last, len(block), len(block) ^ 0xFFFF)
        yield block.tobytes() + zlib.adler32(plain).to_bytes(_ADLER_BYTES, "big") if is_last else block
        before = b""


def _chunk(kind: bytes, body: Sequence[_Piece]) -> Iterator[_Piece]:
    crc = zlib.crc32(kind)
    for piece in body:
        crc = zlib.crc32(piece, crc)
    yield _CHUNK_HEAD.pack(sum(map(len, body)), kind)
    yield from body
    yield struct.pack(">I", crc)
