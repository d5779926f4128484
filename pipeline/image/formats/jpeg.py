"""JPEG: walk the marker segments and the scans, without decoding."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from pipeline.errors import SourceError
from pipeline.image.formats.header import Header, bare_exif, depth_reason, orientation_of, tail_reason

_EXIF = b"Exif\x00\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_ICC = b"ICC_PROFILE\x00"
_MPF = b"MPF\x00"
_GAIN_MAPS = (b"hdrgm:Version", b"urn:iso:std:iso:ts:21496")

_SOI, _EOI, _SOS, _COM, _APP0, _APP14 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
_BETWEEN_SCANS = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, _COM, *range(0xE0, 0xF0)})
_IN_SCAN_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_HOLE = bytes(16)
"""A decoder takes zeros for picture data; real data do not end so."""

_MAX_SCANS = 100
"""Encoders write about ten; thousands make a small file that takes minutes to decode."""


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What the segments before the first scan held."""

    frame: bytes | None = None
    exif: bytes = b""
    xmp: bytes | None = None
    icc_parts: list[bytes] = field(default_factory=list)
    pictures: list[tuple[int, int]] = field(default_factory=list)
    """(MP type, size in bytes) of each picture after the first."""
    has_gain_map: bool = False
    is_ycck: bool = False
    kept: list[memoryview] = field(default_factory=list)
    """Segments the decoder needs."""


def jpeg_header(data: bytes) -> Header:
    """Read the header of a JPEG file and find where its picture ends.

    Raises:
        SourceError: truncated, or no frame is described.
    """
    walk = _Walk()
    first_scan = _walk_segments(data, walk)
    if walk.frame is None or len(walk.frame) < 6:
        raise SourceError("damaged JPEG: no frame header before the picture data")
    end, scans = _walk_scans(data, first_scan)
    bit_depth, height, width, channels = struct.unpack_from(">BHHB", walk.frame)
    if not width or not height:
        raise SourceError(f"damaged JPEG: the header says {width}x{height} pixels")
    exif = bare_exif(walk.exif)
    return Header(
        width=width,
        height=height,
        mode={1: "L", 3: "RGB", 4: "CMYK"}.get(channels, f"{channels} channels"),
        bit_depth=bit_depth,
        unmodelled=_unmodelled(walk, bit_depth, channels, scans, len(data) - end),
        exif=exif,
        icc=_joined_icc(walk.icc_parts),
        xmp=walk.xmp,
        orientation=orientation_of(exif),
        stream=b"".join((b"\xff\xd8", *walk.kept, memoryview(data)[first_scan:])),
    )


def _unmodelled(walk: _Walk, bit_depth: int, channels: int, scans: int, after_end: int) -> str | None:
    others = [kind for kind, _ in walk.pictures if kind >> 16 != 1]  # 1: a preview of the first picture
    if channels == 4:
        return "YCCK colour (four channels)" if walk.is_ycck else "CMYK colour (four channels)"
    if channels not in (1, 3):
        return f"{channels} colour channels"
    if bit_depth > 8:
        return depth_reason(bit_depth)
    if walk.has_gain_map and others:
        return "an HDR gain map beside the picture (Ultra HDR)"
    if others:
        return f"{len(others) + 1} pictures in one file (MPO)"
    if scans > _MAX_SCANS:
        return f"{scans:,} progressive scans (at most {_MAX_SCANS} are decoded)"
    previews = sum(size for _, size in walk.pictures)
    return tail_reason(after_end - previews)


def _walk_segments(data: bytes, walk: _Walk) -> int:
    """Read the segments before the first scan; returns where it starts."""
    view = memoryview(data)
    at = 2
    while True:
        at = data.find(b"\xff", at)
        while at >= 0 and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at < 0 or at + 4 > len(data):
            raise SourceError(f"truncated JPEG: the header is cut off after {len(data):,} bytes")
        marker = data[at + 1]
        if marker == _SOS:
            return at
        if marker == _EOI:
            raise SourceError("damaged JPEG: it ends before any picture data")
        if marker == 0 or marker in _BARE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            raise SourceError(
                f"truncated JPEG: the header is cut off after {len(data):,} bytes, "
                f"at least {end - len(data):,} are missing"
            )
        if _note_segment(walk, marker, data[at + 4 : end]):
            walk.kept.append(view[at:end])
        at = max(end, at + 2)


def _note_segment(walk: _Walk, marker: int, body: bytes) -> bool:
    """Note what one segment says that we need; returns whether the decoder needs it too."""
    if marker in _FRAMES and walk.frame is None:
        walk.frame = body
    if marker == _APP0:
        return body.startswith(b"JFIF\x00") and len(body) >= 14
    if marker == _APP14:
        walk.is_ycck = body[:5] == b"Adobe" and body[11:12] == b"\x02"
        return body.startswith(b"Adobe") and len(body) >= 12
    if body.startswith(_GAIN_MAPS[1]) or _GAIN_MAPS[0] in body[:4096]:
        walk.has_gain_map = True
    if marker == 0xE1 and body.startswith(_EXIF):
        walk.exif += body[len(_EXIF) :]
    elif marker == 0xE1 and body.startswith(_XMP):
        walk.xmp = body[len(_XMP) :] or walk.xmp
    elif marker == 0xE2 and body.startswith(_ICC):
        walk.icc_parts.append(body[len(_ICC) :])
    elif marker == 0xE2 and body.startswith(_MPF):
        walk.pictures = _other_pictures(body[len(_MPF) :])
    return not (0xE0 <= marker <= 0xEF or marker == _COM)


def _walk_scans(data: bytes, at: int) -> tuple[int, int]:
    """Find the end of the picture; returns it and the number of scans."""
    scans = 0
    while True:
        found = _IN_SCAN_MARKER.search(data, at)
        if found is None and data.endswith(_HOLE):
            raise SourceError("truncated JPEG: the file ends in zeros (a transfer that never finished?)")
        if found is None:
            return len(data), scans  # without its end marker, which costs no pixel; the decoder misses others
        marker = data[found.start() + 1]
        at = found.end()
        if marker == _EOI:
            return at, scans
        if marker == _SOS:
            scans += 1
        if marker == _SOS or marker in _BETWEEN_SCANS:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))


def _joined_icc(parts: list[bytes]) -> bytes | None:
    """The profile from its parts (number, count, data): in their order when numbered well, else as found."""
    numbers = [part[0] if len(part) > 1 else 0 for part in parts]
    if sorted(numbers) == list(range(1, len(parts) + 1)):
        parts = [part for _, part in sorted(zip(numbers, parts, strict=True))]
    return b"".join(part[2:] for part in parts) or None


def _other_pictures(index: bytes) -> list[tuple[int, int]]:
    """(type, size in bytes) of every picture but the first in an MPF index; [] when it is broken."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(index[:4])
    try:
        if order is None:
            return []
        (ifd,) = struct.unpack_from(f"{order}I", index, 4)
        (count,) = struct.unpack_from(f"{order}H", index, ifd)
        for entry in range(ifd + 2, ifd + 2 + 12 * count, 12):
            tag, _, num_bytes, offset = struct.unpack_from(f"{order}HHII", index, entry)
            if tag == 0xB002:
                starts = range(offset, offset + num_bytes - 15, 16)
                entries = [struct.unpack_from(f"{order}II", index, start) for start in starts]
                return [(attribute & 0xFFFFFF, size) for attribute, size in entries[1:]]
    except struct.error:  # the index runs past its end
        return []
    return []
