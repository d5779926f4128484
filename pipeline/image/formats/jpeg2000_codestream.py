"""The codestream of JPEG 2000: its components, and where its markers and tile parts lie."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import Account

START = b"\xff\x4f\xff\x51"
_COMMENT, _TILE, _TILE_DATA, _END = 0xFF64, 0xFF90, 0xFF93, 0xFFD9
_CODING = frozenset((*range(0xFF50, 0xFF54), 0xFF55, *range(0xFF57, 0xFF5A), *range(0xFF5C, 0xFF62), 0xFF63))
"""CAP, SIZ, COD, COC, TLM, PLM, PLT, CPF, QCD, QCC, RGN, POC, PPM, PPT, CRG: what the decoder needs or may skip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """What the SIZ segment says."""

    width: int
    height: int
    depths: tuple[int, ...]
    """Bits of each component."""
    is_signed: bool
    is_subsampled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """A marker and what belongs to it."""

    marker: int
    start: int
    body: int
    end: int


def read_components(data: bytes, at: int) -> Components:
    """Read the SIZ segment of the codestream at an offset.

    Raises:
        SourceError: truncated, or a size that cannot be.
    """
    siz = at + 4
    try:
        right, bottom, left, top = struct.unpack_from(">IIII", data, siz + 4)
        (count,) = struct.unpack_from(">H", data, siz + 36)
        parts = list(struct.iter_unpack("BBB", data[siz + 38 : siz + 38 + 3 * count]))
    except struct.error as error:
        raise SourceError("truncated JPEG 2000: the header is cut off") from error
    if right <= left or bottom <= top or not parts or len(parts) != count:
        size = f"{right - left}x{bottom - top}"
        raise SourceError(f"damaged JPEG 2000: the header says {size} pixels, {count} channels")
    return Components(
        width=right - left,
        height=bottom - top,
        depths=tuple((depth & 0x7F) + 1 for depth, _, _ in parts),
        is_signed=any(depth & 0x80 for depth, _, _ in parts),
        is_subsampled=any((across, down) != (1, 1) for _, across, down in parts),
    )


def claim_codestream(data: bytes, start: int, end: int, account: Account) -> str | None:
    """Claim the bytes of a codestream; comments are carried.

    Returns:
        Why it cannot be accounted for.

    Raises:
        SourceError: truncated or damaged.
    """
    at, tile_end = start + 2, 0
    account.picture(start, at)
    while at + 2 <= end:
        segment = _segment(data, at, end)
        if segment.marker == _END:
            account.picture(at, at + 2)
            if at + 2 < end and end < len(data):
                account.carry(at + 2, end, "unreferenced", data[at + 2 : end])
            return None
        if segment.marker == _TILE:
            tile_end = _tile_end(data, segment, end)
            account.picture(segment.start, segment.end)
        elif segment.marker == _TILE_DATA:
            account.picture(segment.start, tile_end)
            at = tile_end
            continue
        elif segment.marker == _COMMENT:
            account.carry(segment.start, segment.end, "JP2:COM", data[segment.body : segment.end])
        elif segment.marker in _CODING:
            account.picture(segment.start, segment.end)
        else:
            return f"a segment of unknown purpose (marker {segment.marker:#06x})"
        at = segment.end
    if not tile_end:
        raise SourceError("truncated JPEG 2000: the header is cut off")
    return None


def _segment(data: bytes, at: int, end: int) -> _Segment:
    (marker,) = struct.unpack_from(">H", data, at)
    if marker < 0xFF00:
        raise SourceError(f"damaged JPEG 2000: no marker at byte {at:,}")
    if marker in (_END, _TILE_DATA):
        return _Segment(marker=marker, start=at, body=at + 2, end=at + 2)
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    if length < 2 or at + 2 + length > end:
        raise SourceError(f"truncated JPEG 2000: cut off inside the marker {marker:#06x}")
    return _Segment(marker=marker, start=at, body=at + 4, end=at + 2 + length)


def _tile_end(data: bytes, segment: _Segment, end: int) -> int:
    if segment.end - segment.body < 8:
        raise SourceError("damaged JPEG 2000: a tile part without its length")
    length = int.from_bytes(data[segment.body + 2 : segment.body + 6], "big")
    if not length:  # the last part goes to the end of the codestream
        return end - 2 if data[end - 2 : end] == b"\xff\xd9" else end
    if length < 14 or segment.start + length > end:
        missing = segment.start + length - end
        raise SourceError(f"truncated JPEG 2000: at least {missing:,} bytes of the picture are missing")
    return segment.start + length
