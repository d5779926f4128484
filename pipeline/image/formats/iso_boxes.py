"""AVIF and JPEG 2000: both are trees of boxes (ISO base media, JP2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import SourceError
from pipeline.image.formats.header import Header, bare_exif, depth_reason, orientation_of

_CODESTREAM = b"\xff\x4f\xff\x51"
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_UUID = b"JpgTiffExif->JP2"
_PLAIN_COLOURS = {1, 2, 5, 6}
"""CICP primaries that ordinary viewers show as sRGB or that say nothing."""
_PLAIN_TRANSFERS = {1, 2, 6, 13}


@dataclass(frozen=True, slots=True, kw_only=True)
class AvifFacts:
    """What the boxes of an AVIF file say and its decoder does not report."""

    bit_depth: int
    is_grey: bool
    unmodelled: str | None
    exif_items: tuple[int, ...]
    """Offsets of the item types `Exif` in the file."""


def avif_facts(data: bytes) -> AvifFacts:
    """Read the properties of an AVIF file.

    Raises:
        SourceError: truncated.
    """
    top = list(_boxes(data, 0, len(data), "AVIF"))
    depths: list[int] = [8]
    grey: list[bool] = []
    exif_items: list[int] = []
    has_gain_map = any(kind == b"ftyp" and b"tmap" in data[start:end] for kind, start, end in top)
    unmodelled = "an HDR gain map beside the picture" if has_gain_map else None
    for kind, start, end in _meta_boxes(data, top):
        body = data[start:end]
        if kind == b"av1C" and len(body) > 2:
            depths.append(12 if body[2] & 0x20 else 10 if body[2] & 0x40 else 8)
            grey.append(bool(body[2] & 0x10))
        elif kind == b"colr" and body[:4] == b"nclx" and len(body) >= 8:
            primaries, transfer = struct.unpack_from(">HH", body, 4)
            if primaries not in _PLAIN_COLOURS or transfer not in _PLAIN_TRANSFERS:
                unmodelled = f"colours that only CICP describes (primaries {primaries}, transfer {transfer})"
        elif kind == b"infe":
            type_at = 10 if body[:1] == b"\x03" else 8  # version 3 has 32-bit item numbers
            if body[type_at : type_at + 4] == b"Exif":
                exif_items.append(start + type_at)
    depth = max(depths)
    return AvifFacts(
        bit_depth=depth,
        is_grey=bool(grey) and all(grey),
        unmodelled=depth_reason(depth) or unmodelled,
        exif_items=tuple(exif_items),
    )


def without_exif(data: bytes, facts: AvifFacts) -> bytes:
    """The AVIF file with its EXIF item renamed, so that a decoder passes it over."""
    patched = bytearray(data)
    for at in facts.exif_items:
        patched[at : at + 4] = b"exif"
    return bytes(patched)


def jpeg2000_header(data: bytes) -> Header:
    """Read the header of a JP2 file or a bare JPEG 2000 codestream.

    Raises:
        SourceError: truncated, or there is no codestream.
    """
    codestream, exif, icc, xmp = 0, None, None, None
    if not data.startswith(_CODESTREAM):
        top = list(_boxes(data, 0, len(data), "JPEG 2000"))
        codestream = next((start for kind, start, _ in top if kind == b"jp2c"), -1)
        for kind, start, end in top:
            body = data[start:end] if kind in (b"uuid", b"jp2h") else b""
            if body.startswith(_XMP_UUID):
                xmp = body[16:] or None
            elif body.startswith(_EXIF_UUID):
                exif = bare_exif(body[16:])
            elif kind == b"jp2h":
                icc = _jp2_icc(data, start, end)
    if codestream < 0 or data[codestream : codestream + 4] != _CODESTREAM:
        raise SourceError("damaged JPEG 2000: no codestream")
    width, height, depths = _siz(data, codestream + 4)
    modes = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
    reason = depth_reason(max(depths)) or (f"{min(depths)}-bit samples" if min(depths) < 8 else None)
    if len(depths) not in modes:
        reason = f"{len(depths)} colour channels"
    return Header(
        width=width,
        height=height,
        mode=modes.get(len(depths), f"{len(depths)} channels"),
        bit_depth=max(depths),
        unmodelled=reason,
        exif=exif,
        icc=icc,
        xmp=xmp,
        orientation=orientation_of(exif),
        stream=data,
    )


def _siz(data: bytes, at: int) -> tuple[int, int, list[int]]:
    """Width, height and the bit depth of each channel, from the SIZ segment."""
    try:
        right, bottom, left, top = struct.unpack_from(">IIII", data, at + 4)
        (channels,) = struct.unpack_from(">H", data, at + 36)
        depths = [(depth & 0x7F) + 1 for depth in data[at + 38 : at + 38 + 3 * channels : 3]]
    except struct.error as error:
        raise SourceError("truncated JPEG 2000: the header is cut off") from error
    if right <= left or bottom <= top or not depths or len(depths) != channels:
        size = f"{right - left}x{bottom - top}"
        raise SourceError(f"damaged JPEG 2000: the header says {size} pixels, {channels} channels")
    return right - left, bottom - top, depths


def _jp2_icc(data: bytes, start: int, end: int) -> bytes | None:
    for kind, body, body_end in _boxes(data, start, end, "JPEG 2000"):
        if kind == b"colr" and data[body : body + 1] in (b"\x02", b"\x03"):
            return data[body + 3 : body_end] or None
    return None


def _meta_boxes(data: bytes, top: list[tuple[bytes, int, int]]) -> Iterator[tuple[bytes, int, int]]:
    """Item infos and properties of an AVIF file, flattened."""
    for kind, start, end in top:
        if kind != b"meta":
            continue
        for inner, inner_start, inner_end in _boxes(data, start + 4, end, "AVIF"):
            if inner == b"iinf":
                skip = 6 if data[inner_start : inner_start + 1] == b"\x00" else 8
                yield from _boxes(data, inner_start + skip, inner_end, "AVIF")
            elif inner == b"iprp":
                for group, group_start, group_end in _boxes(data, inner_start, inner_end, "AVIF"):
                    if group == b"ipco":
                        yield from _boxes(data, group_start, group_end, "AVIF")


def _boxes(data: bytes, at: int, end: int, what: str) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the body, end) of each box between two offsets."""
    while at + 8 <= end:
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = end - at
        if size < header:
            raise SourceError(f"damaged {what}: the box {kind!r} at byte {at:,} has length {size}")
        if at + size > end:
            raise SourceError(
                f"truncated {what}: cut off inside the box {kind!r}; "
                f"at least {at + size - end:,} bytes are missing"
            )
        yield kind, at + header, at + size
        at += size
