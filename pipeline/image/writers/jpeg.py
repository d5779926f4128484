"""Write JPEG: quality 95, 4:4:4 (4:2:0 below quality 85). Segments that a JPEG file held go back as they were."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from typing import Final

import PIL.Image

from pipeline.errors import RestoreError
from pipeline.image.writers.described import JFIF, described, iptc_as_photoshop
from pipeline.image.writers.embedded import EXIF_PREFIX, embedded_metadata, xmp_of
from pipeline.types import CarriedPart, Image

_FULL_COLOUR_FROM: Final = 85
"""The quality below which bits are better spent on luma."""
_MAX_SEGMENT_BYTES: Final = 65_533
_XMP_OVERHEAD_BYTES: Final = 29
_SOI: Final = b"\xff\xd8"
_APP0, _APP15, _COM = 0xE0, 0xEF, 0xFE
_OWN_KINDS: Final = ("JPEG", "MPO")


def write_jpeg(image: Image, picture: PIL.Image.Image, quality: int | None) -> bytes:
    """The file.

    Raises:
        RestoreError: EXIF or XMP that no segment can hold.
    """
    for name, metadata, room in (
        ("EXIF", image.exif, _MAX_SEGMENT_BYTES - len(EXIF_PREFIX)),
        ("XMP", xmp_of(image), _MAX_SEGMENT_BYTES - _XMP_OVERHEAD_BYTES),
    ):
        if len(metadata or b"") > room:
            raise RestoreError(
                f"JPEG holds at most {room:,} bytes of {name}, this image has {len(metadata or b''):,}; "
                "use png, webp or avif."
            )
    quality = quality or 95
    subsampling = "4:4:4" if quality >= _FULL_COLOUR_FROM else "4:2:0"
    stream = io.BytesIO()
    picture.save(
        stream, "JPEG", quality=quality, subsampling=subsampling, optimize=True, **embedded_metadata(image)
    )
    is_jpeg = image.source_format in _OWN_KINDS
    parts = image.carried if is_jpeg else _translated(image)
    return _with_parts(stream.getvalue(), parts, keep_head=not is_jpeg) if parts else stream.getvalue()


def _translated(image: Image) -> tuple[CarriedPart, ...]:
    """What other formats told, in the words of this one."""
    description = described(image)
    parts = [CarriedPart(kind="COM", data=text) for text in description.comments]
    if description.iptc:
        parts.append(CarriedPart(kind="APP13", data=iptc_as_photoshop(description.iptc)))
    parts = [part for part in parts if len(part.data) <= _MAX_SEGMENT_BYTES]
    dots = tuple(min(65_535, round(value)) for value in description.dots_per_inch or ())
    if dots and all(dots):
        density = struct.pack(">BHH", 1, *dots)
        parts.insert(0, CarriedPart(kind="APP0", data=JFIF + b"\x01\x01" + density + b"\x00\x00"))
    return tuple(parts)


def _with_parts(data: bytes, parts: Iterable[CarriedPart], *, keep_head: bool) -> bytes:
    """The file with these segments: a JFIF header in the place of its own, others behind its metadata.

    Args:
        keep_head: leave the file's own JFIF header where the parts have none.
    """
    head, others, trailer = b"", b"", b""
    for part in parts:
        if part.kind == "APP0" and part.data.startswith(JFIF) and not head:
            head = _segment(_APP0, part.data)
        elif part.kind == "COM":
            others += _segment(_COM, part.data)
        elif part.kind.startswith("APP"):
            others += _segment(_APP0 + int(part.kind.removeprefix("APP")), part.data)
        elif part.kind == "trailer":
            trailer += part.data
    own_head_end = _segment_end(data, len(_SOI))
    end = own_head_end
    while _APP0 <= data[end + 1] <= _APP15:
        end = _segment_end(data, end)
    own_head = data[len(_SOI) : own_head_end] if keep_head else b""
    return b"".join((_SOI, head or own_head, data[own_head_end:end], others, data[end:], trailer))


def _segment_end(data: bytes, start: int) -> int:
    return start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
