"""Write AVIF: quality 90, 4:4:4; alpha exact. EXIF that does not begin like a TIFF file is refused by its writer.

Boxes of an AVIF file that stand by themselves, and what followed them, go back behind the picture; items and properties
beside it refer to others of that file, and do not.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from typing import Final

import PIL.Image

from pipeline.image.formats.header import orientation_of
from pipeline.image.writers.embedded import embedded_metadata
from pipeline.types import CarriedPart, Image

_ORIENTATION: Final = 0x0112
_STANDING_ALONE: Final = ("uuid", "free", "skip")


def write_avif(image: Image, picture: PIL.Image.Image, quality: int | None) -> bytes:
    """The file."""
    options = embedded_metadata(image)
    if image.exif:
        options["exif"] = _ExactExif(image.exif)
    if picture.mode == "LA":
        picture = picture.convert("RGBA")
    if picture.mode == "RGBA":
        options["advanced"] = {"alpha:lossless": "1"}  # an option of aom, the encoder in Pillow's wheels
    subsampling = "4:0:0" if image.is_grey else "4:4:4"
    stream = io.BytesIO()
    picture.save(stream, "AVIF", quality=quality or 90, subsampling=subsampling, speed=8, **options)
    return stream.getvalue() + (_behind(image.carried) if image.source_format == "AVIF" else b"")


def _behind(parts: Iterable[CarriedPart]) -> bytes:
    boxes, trailer = b"", b""
    for part in parts:
        if part.kind == "trailer":
            trailer += part.data
        elif part.kind in _STANDING_ALONE:
            boxes += struct.pack(">I", 8 + len(part.data)) + part.kind.encode() + part.data
    return boxes + trailer


class _ExactExif(PIL.Image.Exif):
    """EXIF that Pillow's AVIF writer leaves alone: it takes the orientation out of all others.

    The orientation is still told to the writer, which also puts it where AVIF viewers look for it.
    """

    def __init__(self, exif: bytes) -> None:
        super().__init__()
        self._exact = exif
        orientation = orientation_of(exif)
        if orientation is not None:
            self[_ORIENTATION] = orientation

    def tobytes(self, offset: int = 8) -> bytes:
        return self._exact

    def __bool__(self) -> bool:
        return True
