"""What an image's carried parts say that other formats can say too: resolution, comments and IPTC."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.types import CarriedPart, Image

JFIF: Final = b"JFIF\x00"
PHOTOSHOP: Final = b"Photoshop 3.0\x00"
_RESOURCE: Final = b"8BIM"
_IPTC_RESOURCE: Final = 0x0404
_METRES_PER_INCH: Final = 0.0254
_BMP_HEADER_BYTES: Final = 54
_RAW_IPTC: Final = b"Raw profile type iptc"
_MAX_TEXT_BYTES: Final = 2**24
_LATIN_TEXT: Final = b"\x00\x01"
_TIFF_IPTC: Final = "33723"
_TIFF_VALUE_AT: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What can be told in the words of more than one format."""

    dots_per_inch: tuple[float, float] | None = None
    comments: tuple[bytes, ...] = ()
    iptc: bytes | None = None
    """The datasets, without what a format puts around them."""


def described(image: Image) -> Described:
    """Read it from the carried parts; what is malformed says nothing."""
    dots: tuple[float, float] | None = None
    iptc: bytes | None = None
    comments: list[bytes] = []
    for part in image.carried:
        dots = dots or _dots_per_inch(part)
        iptc = iptc or _iptc(part)
        comments += _comments(part)
    return Described(dots_per_inch=dots, comments=tuple(comments), iptc=iptc)


def _dots_per_inch(part: CarriedPart) -> tuple[float, float] | None:
    if part.kind == "APP0" and part.data.startswith(JFIF) and len(part.data) >= 12:
        unit, x, y = struct.unpack_from(">BHH", part.data, 7)
        factor = {1: 1.0, 2: 2.54}.get(unit, 0.0)
        return (x * factor, y * factor) if factor and x and y else None
    if part.kind == "pHYs" and len(part.data) == 9 and part.data[8] == 1:
        x, y = struct.unpack_from(">II", part.data)
        return (x * _METRES_PER_INCH, y * _METRES_PER_INCH) if x and y else None
    if part.kind == "BMP:header" and len(part.data) >= _BMP_HEADER_BYTES:
        x, y = struct.unpack_from("<ii", part.data, 38)
        return (x * _METRES_PER_INCH, y * _METRES_PER_INCH) if x > 0 and y > 0 else None
    return None


def _comments(part: CarriedPart) -> Iterator[bytes]:
    if part.kind in ("COM", "GIF:comment", "comment"):
        yield part.data
    elif part.kind == "JP2:COM" and part.data.startswith(_LATIN_TEXT):
        yield part.data[len(_LATIN_TEXT) :].decode("latin-1").encode()
    elif part.kind in ("tEXt", "zTXt", "iTXt"):
        keyword, _, rest = part.data.partition(b"\x00")
        text = _text(part.kind, rest)
        if text is not None and not keyword.startswith(b"Raw profile type "):
            yield text if keyword == b"Comment" else keyword + b": " + text


def _text(kind: str, rest: bytes) -> bytes | None:
    """In UTF-8."""
    if kind == "tEXt":
        return rest.decode("latin-1").encode()
    if kind == "zTXt":
        plain = _inflated(rest[1:])
        return None if plain is None else plain.decode("latin-1").encode()
    flags, _, text = rest[:2], *_after_two_texts(rest[2:])
    return text if flags == b"\x00\x00" else _inflated(text) if flags == b"\x01\x00" else None


def _after_two_texts(rest: bytes) -> tuple[bytes, bytes]:
    language, _, rest = rest.partition(b"\x00")
    return language, rest.partition(b"\x00")[2]


def _iptc(part: CarriedPart) -> bytes | None:
    if part.kind == "APP13" and part.data.startswith(PHOTOSHOP):
        return _iptc_resource(part.data[len(PHOTOSHOP) :])
    if part.kind == _TIFF_IPTC:
        return part.data[_TIFF_VALUE_AT:] or None
    if part.kind in ("tEXt", "zTXt") and part.data.startswith(_RAW_IPTC + b"\x00"):
        return _raw_profile(part.kind, part.data[len(_RAW_IPTC) + 1 :])
    return None


def _iptc_resource(data: bytes) -> bytes | None:
    """Resources are: 8BIM, number, name (padded to even), length, data (padded to even)."""
    at = 0
    while data[at : at + 4] == _RESOURCE and at + 12 <= len(data):
        number, name_bytes = struct.unpack_from(">HB", data, at + 4)
        length_at = at + 6 + name_bytes + 1 + (name_bytes + 1) % 2
        if length_at + 4 > len(data):
            return None
        start = length_at + 4
        end = start + int.from_bytes(data[length_at:start], "big")
        if number == _IPTC_RESOURCE:
            return data[start:end] or None
        at = end + end % 2 if start % 2 == 0 else end + (end - start) % 2
    return None


def _raw_profile(kind: str, rest: bytes) -> bytes | None:
    """As ImageMagick writes it: name, length and hexadecimal digits, each in lines of their own."""
    plain = _inflated(rest[1:]) if kind == "zTXt" else rest
    lines = (plain or b"").strip().split(b"\n")
    try:
        data = bytes.fromhex(b"".join(lines[2:]).decode("ascii"))
    except ValueError:
        return None
    return _iptc_resource(data) or data or None


def _inflated(data: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(data, _MAX_TEXT_BYTES)
    except zlib.error:
        return None


def iptc_as_photoshop(iptc: bytes) -> bytes:
    """A segment's body that holds IPTC, as JPEG files have it."""
    padding = b"\x00" * (len(iptc) % 2)
    head = _RESOURCE + struct.pack(">HHI", _IPTC_RESOURCE, 0, len(iptc))
    return PHOTOSHOP + head + iptc + padding


def iptc_as_text(iptc: bytes) -> bytes:
    """A zTXt chunk's body that holds IPTC, as ImageMagick writes and exiftool reads it."""
    digits = iptc.hex().encode()
    lines = b"\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    plain = b"\niptc\n%8d\n%s\n" % (len(iptc), lines)
    return _RAW_IPTC + b"\x00\x00" + zlib.compress(plain)
