"""Where the picture of a TIFF file lies: its strips or tiles, each of which must hold samples and nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.image.formats.inflated import PIECE, inflated
from pipeline.image.formats.tiff_directory import Tag
from pipeline.image.formats.tiff_layout import (
    DEFLATE,
    JPEG,
    RAW,
    STRIP_BYTES,
    STRIP_OFFSETS,
    TILE_BYTES,
    TILE_OFFSETS,
    TiffLayout,
)

_SOS, _APP0, _APP14, _COM = 0xDA, 0xE0, 0xEE, 0xFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """The picture data of a file."""

    pieces: tuple[tuple[int, int], ...]
    """Start and end of each strip or tile."""
    reason: str | None = None
    """Why they cannot be accounted for."""
    damage: str | None = None
    """What is wrong with them."""


def find_strips(data: bytes, layout: TiffLayout, tags: Mapping[int, Tag]) -> Strips:
    """Find the strips or tiles."""
    numbers = (TILE_OFFSETS, TILE_BYTES) if layout.tile else (STRIP_OFFSETS, STRIP_BYTES)
    offsets, counts = (tags[number].numbers if number in tags else () for number in numbers)
    _, _, expected = layout.chunk()
    if layout.tile is None and (TILE_OFFSETS in tags or TILE_BYTES in tags):
        return Strips(pieces=(), reason="both strips and tiles")
    if layout.tile and (STRIP_OFFSETS in tags or STRIP_BYTES in tags):
        return Strips(pieces=(), reason="both strips and tiles")
    if len(offsets) < expected or (len(counts) < expected and layout.compression != RAW):
        damage = f"damaged TIFF: {len(offsets):,} strips or tiles, the picture has {expected:,}"
        return Strips(pieces=(), damage=damage)
    if len(offsets) > expected or len(counts) > expected:
        return Strips(pieces=(), reason=f"{len(offsets):,} strips or tiles, the picture takes {expected:,}")
    if layout.compression == RAW:
        sizes = [layout.rows_of(index) * layout.row_bytes() for index in range(expected)]
    else:
        sizes = list(counts)
    if not all(offsets) or not all(sizes):
        return Strips(pieces=(), reason="strips or tiles that the file leaves out")
    pieces = tuple((start, start + size) for start, size in zip(offsets, sizes, strict=True))
    missing = max(end for _, end in pieces) - len(data)
    if missing > 0:
        damage = f"truncated TIFF: at least {missing:,} bytes of the picture are missing"
        return Strips(pieces=(), damage=damage)
    if layout.compression in DEFLATE:
        rooms = [layout.rows_of(index) * layout.row_bytes() for index in range(expected)]
        if any(_goes_on(data[a:b], room) for (a, b), room in zip(pieces, rooms, strict=True)):
            return Strips(pieces=pieces, reason="picture data that go on after the picture is complete")
    if layout.compression == JPEG and any(_holds_more_than_a_picture(data[a:b]) for a, b in pieces):
        return Strips(pieces=pieces, reason="JPEG data with metadata of their own")
    return Strips(pieces=pieces)


def _holds_more_than_a_picture(stream: bytes) -> bool:
    """Whether JPEG data hold segments for applications, or bytes after their end."""
    at = 2
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == _SOS:
            end = stream.find(b"\xff\xd9", at)
            return end >= 0 and any(stream[end + 2 :].lstrip(b"\x00"))
        if marker == _COM or _APP0 < marker < _APP14 or marker == 0xEF:
            return True
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return False


def _goes_on(stream: bytes, room: int) -> bool:
    """Whether deflated data hold more than so many bytes of samples, or anything follows them; zeros are padding."""
    inflater, left = zlib.decompressobj(), room
    try:
        for plain in inflated(inflater, stream):
            if any(plain[max(0, left) :]):
                return True
            left -= len(plain)
            if left < -PIECE:
                return True
    except zlib.error:
        return False  # the decoder says what is wrong
    return any(inflater.unused_data)
