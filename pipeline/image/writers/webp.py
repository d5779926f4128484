"""Write WebP: everything, pixel for pixel, unless a quality is asked for (then 4:2:0 lossy colour).

Grey becomes colour with three equal channels, which is all WebP has. Chunks that a WebP file held go back as they were.
"""

from __future__ import annotations

import io
import struct
from typing import Any, Final

import PIL.Image

from pipeline.image.writers.embedded import embedded_metadata
from pipeline.types import Image

_HEAD_BYTES: Final = 12
_EXTENDED: Final = b"VP8X"
_HAS_ALPHA: Final = 0x10


def write_webp(image: Image, picture: PIL.Image.Image, quality: int | None) -> bytes:
    """The file."""
    if quality is None:  # lossless, where both mean effort: a quarter smaller than PNG in similar time
        options: dict[str, Any] = {"lossless": True, "quality": 20, "method": 1}
    else:
        options = {"quality": quality, "method": 4}
    stream = io.BytesIO()
    picture.save(stream, "WEBP", exact=True, **options, **embedded_metadata(image))
    if image.source_format != "WEBP" or not image.carried:
        return stream.getvalue()
    return _with_parts(stream.getvalue(), image, picture)


def _with_parts(data: bytes, image: Image, picture: PIL.Image.Image) -> bytes:
    """The file with these chunks at its end, which takes the extended form."""
    body = data[_HEAD_BYTES:]
    if not body.startswith(_EXTENDED):
        flags = _HAS_ALPHA if picture.mode.endswith("A") else 0
        size = (picture.width - 1).to_bytes(3, "little") + (picture.height - 1).to_bytes(3, "little")
        body = _chunk(_EXTENDED, struct.pack("<I", flags) + size) + body
    trailer = b""
    for part in image.carried:
        if part.kind == "trailer":
            trailer += part.data
        else:
            body += _chunk(part.kind.encode("latin-1"), part.data)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body + trailer


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\x00" * (len(body) % 2)
