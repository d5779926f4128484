"""PNG: walk the chunks, check their checksums, and leave the decoder only what makes pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.errors import SourceError
from pipeline.image.formats.header import (
    Header,
    animation_reason,
    bare_exif,
    depth_reason,
    inflate,
    orientation_of,
    tail_reason,
)

_SIGNATURE_BYTES = 8
_GREY_MODES = {1: "1", 16: "I;16"}
_MODES = {2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_FOR_DECODER = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_RAW_EXIF_KEYWORDS = (b"Raw profile type exif", b"Raw profile type APP1")
_SRGB_GAMMA = 45455
_PLAIN_CICP = {(1, 13), (1, 1), (1, 6), (2, 2)}
"""(primaries, transfer) that ordinary viewers show as sRGB."""


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What the chunks held."""

    ihdr: bytes = b""
    trns: bytes | None = None
    has_palette: bool = False
    has_pixels: bool = False
    frames: int = 0
    has_default_image: bool = False
    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    gamma: int | None = None
    is_srgb: bool = False
    cicp: tuple[int, int] | None = None
    kept: list[memoryview] = field(default_factory=list)
    end: int = 0


def png_header(data: bytes) -> Header:
    """Read the header and metadata of a PNG file and check every chunk's CRC.

    Raises:
        SourceError: truncated, or a chunk is damaged or missing.
    """
    walk = _Walk(kept=[memoryview(data)[:_SIGNATURE_BYTES]])
    for kind, body, whole in _chunks(data):
        if kind in _FOR_DECODER:
            walk.kept.append(whole)
        _note_chunk(walk, kind, body)
        walk.end += len(whole)
    walk.end += _SIGNATURE_BYTES
    width, height, bit_depth, colour = struct.unpack_from(">IIBB", walk.ihdr)
    if bit_depth not in _DEPTHS.get(colour, ()) or not width or not height:
        raise SourceError(
            f"damaged PNG: the header says {width}x{height} pixels, {bit_depth} bits, colour type {colour}"
        )
    if not walk.has_pixels or (colour == 3 and not walk.has_palette):
        raise SourceError(f"damaged PNG: no {'palette' if walk.has_pixels else 'picture data'}")
    exif = bare_exif(walk.exif)
    return Header(
        width=width,
        height=height,
        mode=_GREY_MODES.get(bit_depth, "L") if colour == 0 else _MODES[colour],
        bit_depth=bit_depth,
        unmodelled=_unmodelled(walk, bit_depth, colour, len(data)),
        exif=exif,
        icc=walk.icc,
        xmp=walk.xmp,
        orientation=orientation_of(exif),
        colour_key=_colour_key(walk.trns, bit_depth, colour),
        stream=b"".join(walk.kept),
    )


def _unmodelled(walk: _Walk, bit_depth: int, colour: int, num_bytes: int) -> str | None:
    if bit_depth > 8:
        return depth_reason(bit_depth)
    if (bit_depth, colour) == (1, 0):
        return "bilevel (1-bit) samples"
    if walk.frames + walk.has_default_image > 1:
        return animation_reason(walk.frames + walk.has_default_image)
    if walk.cicp is not None and walk.cicp not in _PLAIN_CICP:
        return f"colours that only a cICP chunk describes (primaries {walk.cicp[0]}, transfer {walk.cicp[1]})"
    if walk.gamma and not (walk.is_srgb or walk.icc) and abs(walk.gamma / _SRGB_GAMMA - 1) > 0.1:
        return f"a gamma that only a gAMA chunk describes ({walk.gamma / 100_000:.3f}, not sRGB's 0.455)"
    return tail_reason(num_bytes - walk.end)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Each chunk's type, its body, and the whole of it; every CRC is checked."""
    view = memoryview(data)
    at = _SIGNATURE_BYTES
    kind = b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise SourceError(
                f"truncated PNG: cut off after {len(data):,} bytes, before the IEND chunk; "
                f"at least {at + 12 - len(data):,} bytes are missing"
            )
        length = int.from_bytes(view[at : at + 4], "big")
        previous, kind = kind, bytes(view[at + 4 : at + 8])
        if not (kind.isalpha() and kind.isascii()) or (not previous and (kind, length) != (b"IHDR", 13)):
            raise SourceError(f"damaged PNG: byte {at:,} should start a chunk and is {kind!r}")
        end = at + 12 + length
        if end > len(data):
            raise SourceError(
                f"truncated PNG: cut off after {len(data):,} bytes, inside the {kind.decode()} chunk; "
                f"at least {end - len(data):,} bytes are missing"
            )
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            chunk = f"{kind.decode()} chunk at byte {at:,}"
            raise SourceError(f"damaged PNG: the checksum of the {chunk} is wrong")
        yield kind, view[at + 8 : end - 4], view[at:end]
        at = end


def _note_chunk(walk: _Walk, kind: bytes, body: memoryview) -> None:
    match kind:
        case b"IDAT":
            walk.has_pixels = True
        case b"IHDR":
            walk.ihdr = walk.ihdr or bytes(body)
        case b"PLTE":
            walk.has_palette = True
        case b"tRNS":
            walk.trns = bytes(body)
        case b"acTL" if len(body) >= 8:
            walk.frames = int.from_bytes(body[:4], "big")
            walk.has_default_image = True  # until a frame control before the picture data says it is frame 1
        case b"fcTL" if not walk.has_pixels:
            walk.has_default_image = False
        case b"eXIf":
            walk.exif = bytes(body)
        case b"gAMA" if len(body) == 4:
            walk.gamma = int.from_bytes(body, "big")
        case b"sRGB":
            walk.is_srgb = True
        case b"cICP" if len(body) >= 2:
            walk.cicp = (body[0], body[1])
        case b"iCCP":
            name, _, rest = bytes(body).partition(b"\x00")
            walk.icc = (inflate(rest[1:]) or None) if name and rest[:1] == b"\x00" else None
        case b"iTXt" | b"zTXt" | b"tEXt":
            _note_text(walk, kind, bytes(body))


def _note_text(walk: _Walk, kind: bytes, body: bytes) -> None:
    """XMP lies in an iTXt chunk; ImageMagick writes EXIF as hexadecimal text."""
    keyword, _, rest = body.partition(b"\x00")
    if kind == b"iTXt" and keyword == _XMP_KEYWORD and len(rest) > 2:
        is_deflated, rest = rest[0] == 1, rest[2:]
        text = rest.split(b"\x00", 2)[-1]
        walk.xmp = (inflate(text) if is_deflated else text) or None
    elif kind in (b"zTXt", b"tEXt") and keyword in _RAW_EXIF_KEYWORDS and walk.exif is None:
        plain = inflate(rest[1:]) if kind == b"zTXt" else rest
        lines = (plain or b"").strip().split(b"\n")  # name, length, then the hexadecimal digits
        try:
            walk.exif = bytes.fromhex(b"".join(lines[2:]).decode("ascii"))
        except ValueError:
            walk.exif = None


def _colour_key(trns: bytes | None, bit_depth: int, colour: int) -> tuple[int, ...] | None:
    """The transparent colour in 8-bit samples; only the low `bit_depth` bits of tRNS count."""
    channels = {0: 1, 2: 3}.get(colour)
    if trns is None or channels is None or bit_depth > 8 or len(trns) < 2 * channels:
        return None
    top = 2**bit_depth - 1
    return tuple((sample & top) * 255 // top for sample in struct.unpack_from(f">{channels}H", trns))
