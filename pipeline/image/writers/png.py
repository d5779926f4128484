"""Write PNG: everything, pixel for pixel. Chunks that a PNG file held go back as they were."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import PIL.Image

from pipeline.image.writers.described import described, iptc_as_text
from pipeline.image.writers.embedded import embedded_metadata, xmp_option
from pipeline.types import CarriedPart, Image

_SIGNATURE_BYTES: Final = 8
_DOTS_PER_METRE: Final = 1 / 0.0254
_BACKGROUND_BYTES: Final = {"P": 1, "L": 2, "LA": 2, "RGB": 6, "RGBA": 6}
_SIGNIFICANT_BYTES: Final = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_FIRST: Final = ("cHRM", "gAMA", "sBIT", "sRGB", "cICP", "mDCV", "cLLI")
"""These stand before a palette."""
_OF_THE_OLD_DATA: Final = "iDOT"
"""Apple's decoders would look by it for halves of the picture where they no longer are."""


def write_png(image: Image, picture: PIL.Image.Image, quality: int | None) -> bytes:
    """The file."""
    options = embedded_metadata(image)
    if xmp := options.pop("xmp"):
        options |= xmp_option("png", xmp)
    stream = io.BytesIO()
    # level 4: within a tenth of level 6 in size, in less than half the time
    picture.save(stream, "PNG", compress_level=4, **options)
    parts = image.carried if image.source_format == "PNG" else _translated(image)
    return _with_parts(stream.getvalue(), parts, picture.mode) if parts else stream.getvalue()


def _translated(image: Image) -> tuple[CarriedPart, ...]:
    """What other formats told, in the words of this one."""
    description = described(image)
    parts = [
        CarriedPart(kind="iTXt", data=b"Comment\x00\x00\x00\x00\x00" + _utf8(text))
        for text in description.comments
    ]
    if description.iptc:
        parts.append(CarriedPart(kind="zTXt", data=iptc_as_text(description.iptc)))
    if description.dots_per_inch:
        x, y = (min(2**31 - 1, round(value * _DOTS_PER_METRE)) for value in description.dots_per_inch)
        parts.append(CarriedPart(kind="pHYs", data=struct.pack(">IIB", x, y, 1)))
    return tuple(parts)


def _utf8(text: bytes) -> bytes:
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode("latin-1").encode()
    return text.replace(b"\x00", b"")


def _with_parts(data: bytes, parts: Iterable[CarriedPart], mode: str) -> bytes:
    """The file with these chunks before its picture data, but for those that say nothing of a picture of this mode."""
    profile_name, first, others, trailer = b"", b"", b"", b""
    has_palette = False
    for part in parts:
        if part.kind == "iCCP name":
            profile_name = part.data
        elif part.kind == "trailer":
            trailer += part.data
        elif part.kind == "PLTE" and mode in ("RGB", "RGBA"):
            has_palette = True
            first += _chunk(b"PLTE", part.data)
        elif part.kind in _FIRST and _fits(part, mode):
            first = _chunk(part.kind.encode(), part.data) + first
        elif _fits(part, mode) and (part.kind != "hIST" or has_palette):
            others += _chunk(part.kind.encode("latin-1"), part.data)
    pieces = [data[:_SIGNATURE_BYTES]]
    is_before_picture = True
    for kind, body in _chunks(data):
        if kind == b"IDAT" and is_before_picture:
            is_before_picture = False
            pieces += (first, others)
        if kind == b"iCCP" and profile_name:
            body = profile_name + body[body.index(b"\x00") :]
        pieces.append(_chunk(kind, body))
    return b"".join((*pieces, trailer))


def _fits(part: CarriedPart, mode: str) -> bool:
    """Whether a chunk is not one for a picture of another mode, as its length tells: that of a palette, above all."""
    if part.kind == _OF_THE_OLD_DATA:
        return False
    lengths = {"bKGD": _BACKGROUND_BYTES, "sBIT": _SIGNIFICANT_BYTES}.get(part.kind, {})
    return len(part.data) not in {*lengths.values()} - {lengths.get(mode)}


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _SIGNATURE_BYTES
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
