"""WebP: walk the RIFF chunks. The decoder reserves the canvas on opening a file, so sizes come first."""

from __future__ import annotations

from pipeline.errors import SourceError
from pipeline.image.formats.header import Header, animation_reason, bare_exif, orientation_of

_CONTAINER_BYTES = 12
_CHUNK_BYTES = 8


def webp_header(data: bytes) -> Header:
    """Read the header of a WebP file.

    Raises:
        SourceError: truncated, or the first chunk describes no picture.
    """
    announced = 8 + int.from_bytes(data[4:8], "little")
    if announced > len(data):
        raise SourceError(
            f"truncated WebP: the header announces {announced:,} bytes, the file has {len(data):,} "
            f"({announced - len(data):,} missing)"
        )
    chunks: dict[bytes, bytes] = {}
    first, frames, at = data[12:16], 0, _CONTAINER_BYTES
    while at + _CHUNK_BYTES <= announced:
        kind = data[at : at + 4]
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        body = at + _CHUNK_BYTES
        frames += kind == b"ANMF"
        if kind in (b"EXIF", b"ICCP", b"XMP ") and kind not in chunks:
            chunks[kind] = data[body : body + length]
        at = body + length + length % 2
    width, height, has_alpha = _canvas(first, data[20:30])
    exif = bare_exif(chunks.get(b"EXIF"))
    return Header(
        width=width,
        height=height,
        mode="RGBA" if has_alpha else "RGB",
        unmodelled=animation_reason(frames),
        exif=exif,
        icc=chunks.get(b"ICCP") or None,
        xmp=chunks.get(b"XMP ") or None,
        orientation=orientation_of(exif),
        stream=data,
    )


def _canvas(first: bytes, body: bytes) -> tuple[int, int, bool]:
    """Width and height in pixels, and whether there is alpha, from the first chunk."""
    if len(body) < 10:
        raise SourceError("truncated WebP: the header is cut off")
    if first == b"VP8X":
        width, height = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        return width, height, bool(body[0] & 0x10)
    if first == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    if first == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
        return width & 0x3FFF, height & 0x3FFF, False
    raise SourceError(f"damaged WebP: the first chunk is {first!r} and describes no picture")
