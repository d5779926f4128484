"""XMP and EXIF that lie in text chunks of PNG files."""

from __future__ import annotations

from typing import Final

from pipeline.image.formats.header import bare_exif, inflate

_XMP_HEAD: Final = b"XML:com.adobe.xmp\x00"
_RAW_EXIF_KEYWORDS: Final = (b"Raw profile type exif", b"Raw profile type APP1")


def plain_xmp(body: bytes) -> bytes | None:
    """The packet of an iTXt chunk that holds XMP and nothing else: no language, no translated keyword."""
    if not body.startswith(_XMP_HEAD):
        return None
    rest = body[len(_XMP_HEAD) :]
    if rest[:4] == bytes(4):
        return rest[4:] or None
    return inflate(rest[4:]) or None if rest[:4] == b"\x01\x00\x00\x00" else None


def text_exif(kind: bytes, body: bytes) -> bytes | None:
    """The EXIF that ImageMagick writes as hexadecimal text."""
    keyword, _, rest = body.partition(b"\x00")
    if keyword not in _RAW_EXIF_KEYWORDS:
        return None
    plain = inflate(rest[1:]) if kind == b"zTXt" else rest
    lines = (plain or b"").strip().split(b"\n")  # name, length, then the hexadecimal digits
    try:
        return bare_exif(bytes.fromhex(b"".join(lines[2:]).decode("ascii")))
    except ValueError:
        return None
