"""JPEG: what each segment is for, without decoding."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import Account
from pipeline.image.formats.header import Header, depth_reason, orientation_of
from pipeline.image.formats.jpeg_index import MPF, further_pictures, tells_of_gain_map
from pipeline.image.formats.jpeg_segments import (
    APP0,
    APP15,
    COM,
    DNL,
    EOI,
    FRAMES,
    JPEG_LS,
    SOI,
    SOS,
    TABLES,
    JpegSegment,
    segments,
)

_EXIF: Final = b"Exif\x00\x00"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\x00"
_ICC: Final = b"ICC_PROFILE\x00"
_ADOBE: Final = b"Adobe"
_ADOBE_BYTES: Final = 12
_JFIF: Final = b"JFIF\x00"
_JFIF_BYTES: Final = 14
_APP1, _APP2, _APP14 = 0xE1, 0xE2, 0xEE
_ICC_HEADER_BYTES: Final = 128

_DECODED_FRAMES: Final = (0xC0, 0xC1, 0xC2)
"""Sequential and progressive, in Huffman codes."""
_OTHER_FRAMES: Final = {
    0xC3: "lossless",
    0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded",
    JPEG_LS: "JPEG-LS",
}

_MAX_SCANS: Final = 100
"""Encoders write about ten; thousands make a small file that takes minutes to decode."""
_WHOLE_CODE_BYTES: Final = 8
"""As many zeros after picture data that have no end marker complete the last code, and make up no picture."""


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What the segments held."""

    account: Account
    frame: bytes = b""
    frame_markers: list[int] = field(default_factory=list)
    lines: int | None = None
    """The height that is told after the first scan."""
    scans: int = 0
    first_scan: int = 0
    end: int = 0
    """Of the picture: behind its end marker, or the end of the file."""
    has_end: bool = False
    icc_parts: list[tuple[JpegSegment, bytes]] = field(default_factory=list)
    further_pictures: int = 0
    has_gain_map: bool = False
    adobe: list[bytes] = field(default_factory=list)
    has_jfif: bool = False
    has_late_field: bool = False
    """Metadata that say how to show the picture lie behind the first scan, where most decoders do not look."""
    has_late_exif: bool = False
    """EXIF is among them: nobody turns the picture by it."""
    for_decoder: list[memoryview] = field(default_factory=list)
    """Segments before the first scan that the decoder needs."""


def jpeg_header(data: bytes) -> Header:
    """Read the header of a JPEG file and account for all of it.

    Raises:
        SourceError: truncated, or no frame is described.
    """
    walk = _Walk(account=Account(len(data)))
    for segment in segments(data):
        _note_segment(walk, segment, data)
        walk.end, walk.has_end = segment.end, segment.marker == EOI
        if walk.frame_markers == [
            JPEG_LS
        ]:  # its picture data are stuffed otherwise: markers cannot be found in them
            break
    walk.account.carry_trailer(data, walk.end)
    icc_problem = _settle_icc(walk)
    if len(walk.frame) < 6:
        raise SourceError("damaged JPEG: no frame header before the picture data")
    bit_depth, height, width, channels = struct.unpack_from(">BHHB", walk.frame)
    if not width or not (height or walk.lines):
        raise SourceError(f"damaged JPEG: the header says {width}x{height} pixels")
    account = walk.account
    code = data[walk.first_scan : walk.end] + (b"" if walk.has_end else bytes(_WHOLE_CODE_BYTES))
    return Header(
        width=width,
        height=height or walk.lines or 0,
        mode={1: "L", 3: "RGB", 4: "CMYK"}.get(channels, f"{channels} channels"),
        bit_depth=bit_depth,
        unmodelled=_unmodelled_samples(walk, bit_depth, channels)
        or _unmodelled_content(walk, data)
        or icc_problem,
        is_doubtful=not walk.has_end and walk.frame_markers[0] in _DECODED_FRAMES,
        exif=account.exif,
        icc=account.icc,
        xmp=account.xmp,
        carried=account.carried,
        orientation=None if walk.has_late_exif else orientation_of(account.exif),
        account=account,
        stream=b"".join((b"\xff\xd8", *walk.for_decoder, code)),
    )


def _unmodelled_samples(walk: _Walk, bit_depth: int, channels: int) -> str | None:
    adobe = walk.adobe[-1][_ADOBE_BYTES - 1] if walk.adobe else None
    if channels == 4:
        return "YCCK colour (four channels)" if adobe == 2 else "CMYK colour (four channels)"
    if channels not in (1, 3):
        return f"{channels} colour channels"
    if bit_depth > 8:
        return depth_reason(bit_depth)
    if len(walk.frame_markers) > 1:
        return "several frames (a hierarchical JPEG, or a second picture before the first has ended)"
    if walk.frame_markers[0] not in _DECODED_FRAMES:
        kind = _OTHER_FRAMES.get(walk.frame_markers[0], "hierarchical or lossless")
        return f"a JPEG of a kind that is not decoded here ({kind})"
    if len(set(walk.adobe)) > 1:
        return "several Adobe segments that tell different colours"
    if channels == 3 and adobe is not None and (adobe not in (0, 1) or (adobe == 0 and walk.has_jfif)):
        return "colours that decoders take for different ones (an odd Adobe segment)"
    return None


def _unmodelled_content(walk: _Walk, data: bytes) -> str | None:
    has_trailer = walk.end < len(data)
    if (walk.has_gain_map and (walk.further_pictures or has_trailer)) or (
        data.startswith(b"\xff\xd8", walk.end) and tells_of_gain_map(data[walk.end :])
    ):
        return "an HDR gain map beside the picture (Ultra HDR)"
    if walk.further_pictures:
        return f"{walk.further_pictures + 1} pictures in one file (MPO)"
    if walk.scans > _MAX_SCANS:
        return f"{walk.scans:,} progressive scans (at most {_MAX_SCANS} are decoded)"
    if walk.has_late_field:
        return "metadata behind the first scan, where only some decoders look for them"
    if walk.lines is not None and walk.lines != struct.unpack_from(">BH", walk.frame)[1]:
        return "a height that is told after the picture data"
    if not walk.has_end:
        return "no end marker: whatever follows the picture cannot be told apart from it"
    return None


def _note_segment(walk: _Walk, segment: JpegSegment, data: bytes) -> None:
    """Claim one segment, unless it is of a kind that has no business there."""
    marker, span = segment.marker, (segment.start, segment.end)
    body = data[segment.body : segment.body_end]
    if marker == EOI or (marker == SOI and segment.start == 0):
        walk.account.layout(*span)
    elif marker == SOS:
        walk.account.picture(*span)
        walk.first_scan = walk.first_scan or segment.start
        walk.scans += 1
    elif marker in FRAMES or (marker == JPEG_LS and len(body) > 5 and len(body) == 6 + 3 * body[5]):
        walk.frame = walk.frame or body
        walk.frame_markers.append(marker)
        _for_decoder(walk, segment, data)
    elif marker in TABLES:
        _for_decoder(walk, segment, data)
    elif marker == DNL and walk.scans and len(body) == 2:
        walk.account.picture(*span)
        walk.lines = int.from_bytes(body, "big")
    elif marker == COM:
        walk.account.carry(*span, "COM", body)
    elif APP0 <= marker <= APP15:
        _note_application(walk, segment, body, data)


def _note_application(walk: _Walk, segment: JpegSegment, body: bytes, data: bytes) -> None:
    marker, span, account = segment.marker, (segment.start, segment.end), walk.account
    walk.has_gain_map |= tells_of_gain_map(body)
    walk.has_late_field |= walk.scans > 0 and body.startswith((_EXIF, _XMP, _ICC, _ADOBE, MPF))
    if marker == _APP14 and body.startswith(_ADOBE) and len(body) >= _ADOBE_BYTES:
        if len(body) == _ADOBE_BYTES:  # a longer one is left unclaimed: it cannot go into another picture
            walk.adobe.append(body)
            _for_decoder(walk, segment, data)
    elif marker == _APP1 and body.startswith(_EXIF) and len(body) > len(_EXIF) and account.exif is None:
        account.take_exif(*span, body[len(_EXIF) :])
        walk.has_late_exif = walk.scans > 0
    elif marker == _APP1 and body.startswith(_XMP) and len(body) > len(_XMP) and account.xmp is None:
        account.take_xmp(*span, body[len(_XMP) :])
    elif marker == _APP2 and body.startswith(_ICC):
        walk.icc_parts.append((segment, body[len(_ICC) :]))
    else:
        if marker == _APP2 and body.startswith(MPF):
            walk.further_pictures += further_pictures(body[len(MPF) :])
        if marker == APP0 and body.startswith(_JFIF) and len(body) >= _JFIF_BYTES and not walk.scans:
            walk.has_jfif = True
            walk.for_decoder.append(memoryview(data)[segment.start : segment.end])
        account.carry(*span, f"APP{marker - APP0}", body)


def _for_decoder(walk: _Walk, segment: JpegSegment, data: bytes) -> None:
    walk.account.picture(segment.start, segment.end)
    if not walk.scans:
        walk.for_decoder.append(memoryview(data)[segment.start : segment.end])


def _settle_icc(walk: _Walk) -> str | None:
    """Join the parts (number, count, data) to the profile; else carry them, or say why they tell of colours unread."""
    parts = sorted(walk.icc_parts, key=lambda part: part[1][:1])
    count = len(parts)
    icc = b"".join(body[2:] for _, body in parts)
    if icc and [body[:2] for _, body in parts] == [bytes((n + 1, count % 256)) for n in range(count % 256)]:
        walk.account.take_icc([(segment.start, segment.end) for segment, _ in parts], icc)
        return None
    for segment, body in parts:
        walk.account.carry(segment.start, segment.end, "APP2", _ICC + body)
    return "a colour profile whose parts do not join" if len(icc) >= _ICC_HEADER_BYTES else None
