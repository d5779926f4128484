"""PNG: walk the chunks, check their checksums, and leave the decoder only what makes pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import Account
from pipeline.image.formats.header import (
    Header,
    animation_reason,
    bare_exif,
    depth_reason,
    inflate,
    orientation_of,
)
from pipeline.image.formats.png_chunks import SIGNATURE_BYTES, Chunk, chunks
from pipeline.image.formats.png_colours import Colours
from pipeline.image.formats.png_text import plain_xmp, text_exif

_GREY_MODES: Final = {1: "1", 16: "I;16"}
_MODES: Final = {2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE: Final = 3
_KEY_CHANNELS: Final = {0: 1, 2: 3}


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What the chunks held."""

    account: Account
    ihdr: bytes = b""
    trns: bytes | None = None
    palette_entries: int = 0
    has_pixels: bool = False
    previous: bytes = b""
    frames: int = 0
    has_default_image: bool = False
    text_exif: bytes | None = None
    colours: Colours = field(default_factory=Colours)
    problem: str | None = None
    """Why the file is kept: the first chunk that does not belong where it is."""
    for_decoder: list[memoryview] = field(default_factory=list)

    @property
    def bit_depth(self) -> int:
        return self.ihdr[8]

    @property
    def colour(self) -> int:
        return self.ihdr[9]


def png_header(data: bytes) -> Header:
    """Read the header and metadata of a PNG file, check every chunk's CRC and account for all of it.

    Raises:
        SourceError: truncated, or a chunk is damaged or missing.
    """
    account = Account(len(data))
    walk = _Walk(account=account, for_decoder=[memoryview(data)[:SIGNATURE_BYTES]])
    account.layout(0, SIGNATURE_BYTES)
    end = SIGNATURE_BYTES
    for chunk in chunks(data):
        _note_chunk(walk, chunk, data)
        walk.previous, end = chunk.kind, chunk.end
    account.carry_trailer(data, end)
    width, height = struct.unpack_from(">II", walk.ihdr)
    if not walk.has_pixels or (walk.colour == _PALETTE and not walk.palette_entries):
        raise SourceError(f"damaged PNG: no {'palette' if walk.has_pixels else 'picture data'}")
    exif = account.exif or walk.text_exif
    return Header(
        width=width,
        height=height,
        mode=_GREY_MODES.get(walk.bit_depth, "L") if walk.colour == 0 else _MODES[walk.colour],
        bit_depth=walk.bit_depth,
        unmodelled=_unmodelled(walk),
        exif=exif,
        icc=account.icc,
        xmp=account.xmp,
        carried=account.carried,
        orientation=orientation_of(exif),
        colour_key=_colour_key(walk),
        account=account,
        stream=b"".join(walk.for_decoder),
    )


def _unmodelled(walk: _Walk) -> str | None:
    if walk.bit_depth > 8:
        return depth_reason(walk.bit_depth)
    if (walk.bit_depth, walk.colour) == (1, 0):
        return "bilevel (1-bit) samples"
    if walk.frames + walk.has_default_image > 1:
        return animation_reason(walk.frames + walk.has_default_image)
    return walk.problem or _transparency_problem(walk) or walk.colours.reason()


def _note_chunk(walk: _Walk, chunk: Chunk, data: bytes) -> None:
    kind = chunk.kind
    if kind == b"CgBI":
        walk.problem = "a PNG in Apple's own form (CgBI)"
    elif kind[:1].isupper():
        _note_critical(walk, chunk, data)
    elif kind == b"tRNS":
        if walk.trns is not None or walk.has_pixels or (walk.colour == _PALETTE and not walk.palette_entries):
            walk.problem = walk.problem or "a tRNS chunk out of place"
        walk.trns = walk.trns or bytes(chunk.body)
        _for_decoder(walk, chunk, data)
    else:
        _note_ancillary(walk, chunk)


def _note_critical(walk: _Walk, chunk: Chunk, data: bytes) -> None:
    body = bytes(chunk.body) if chunk.kind != b"IDAT" else b""
    if chunk.kind == b"IHDR" and not walk.ihdr:
        walk.ihdr = body
        _check_ihdr(body)
        _for_decoder(walk, chunk, data)
    elif chunk.kind == b"PLTE" and walk.colour in (2, 6):
        walk.account.carry(chunk.start, chunk.end, "PLTE", body)
    elif chunk.kind == b"PLTE" and walk.colour == _PALETTE and not walk.palette_entries:
        walk.palette_entries = len(body) // 3
        if walk.palette_entries > 2**walk.bit_depth or len(body) % 3 or walk.has_pixels:
            walk.problem = (
                walk.problem or "a palette of odd form (out of place, or colours that no pixel can have)"
            )
        _for_decoder(walk, chunk, data)
    elif chunk.kind == b"IDAT":
        if walk.has_pixels and walk.previous != b"IDAT":
            walk.problem = walk.problem or "picture data with other chunks in between"
        walk.has_pixels = True
        _for_decoder(walk, chunk, data)
    elif chunk.kind == b"IEND" and not body:
        _for_decoder(walk, chunk, data)
    else:
        name = chunk.kind.decode()
        walk.problem = walk.problem or f"a critical chunk of unknown meaning ({name} at byte {chunk.start:,})"


def _note_ancillary(walk: _Walk, chunk: Chunk) -> None:
    """Take what one chunk holds into a field of its own, if that field is free and holds all of it; else carry it."""
    account, body, span = walk.account, bytes(chunk.body), (chunk.start, chunk.end)
    walk.colours.note(chunk.kind, body)
    match chunk.kind:
        case b"acTL" if len(body) >= 8:
            walk.frames += int.from_bytes(body[:4], "big")
            walk.has_default_image = True  # until a frame control before the picture data says it is frame 1
        case b"fcTL" if not walk.has_pixels:
            walk.has_default_image = False
        case b"fdAT":
            walk.problem = walk.problem or "a picture beside the first (an animation?)"
        case b"eXIf" if account.exif is None and (exif := bare_exif(body)):
            account.take_exif(*span, exif)
            return
        case b"iCCP":
            _note_profile(walk, chunk, body)
            return
        case b"iTXt" if account.xmp is None and (xmp := plain_xmp(body)):
            account.take_xmp(*span, xmp)
            return
        case b"zTXt" | b"tEXt" if walk.text_exif is None:
            walk.text_exif = text_exif(chunk.kind, body)
    account.carry(*span, chunk.kind.decode(), body)


def _note_profile(walk: _Walk, chunk: Chunk, body: bytes) -> None:
    """The profile, and beside it the name that the chunk gives it."""
    name, _, rest = body.partition(b"\x00")
    icc = inflate(rest[1:]) if name and rest[:1] == b"\x00" else None
    if walk.colours.has_profile or (icc and walk.has_pixels):
        walk.problem = walk.problem or "several colour profiles, or one out of place"
    if icc and not walk.colours.has_profile:
        walk.colours.has_profile = True
        name_end = chunk.start + 8 + len(name)
        walk.account.carry(chunk.start, name_end, "iCCP name", name)
        walk.account.take_icc([(name_end, chunk.end)], icc)
    else:
        walk.account.carry(chunk.start, chunk.end, "iCCP", body)


def _for_decoder(walk: _Walk, chunk: Chunk, data: bytes) -> None:
    walk.account.picture(chunk.start, chunk.end)
    walk.for_decoder.append(memoryview(data)[chunk.start : chunk.end])


def _check_ihdr(ihdr: bytes) -> None:
    width, height, bit_depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", ihdr)
    if bit_depth not in _DEPTHS.get(colour, ()) or not width or not height:
        raise SourceError(
            f"damaged PNG: the header says {width}x{height} pixels, {bit_depth} bits, colour type {colour}"
        )
    if compression or filtering or interlace > 1:
        raise SourceError(
            f"damaged PNG: the header says compression {compression}, filter {filtering}, interlace {interlace}"
        )


def _transparency_problem(walk: _Walk) -> str | None:
    trns = walk.trns
    if trns is None:
        return None
    if walk.colour == _PALETTE:
        is_odd = len(trns) > walk.palette_entries
    else:
        channels = _KEY_CHANNELS.get(walk.colour, 0)
        is_odd = len(trns) != 2 * channels or any(
            sample >= 2**walk.bit_depth for sample in struct.unpack(f">{channels}H", trns)
        )
    return "a tRNS chunk of odd form" if is_odd else None


def _colour_key(walk: _Walk) -> tuple[int, ...] | None:
    """The transparent colour in 8-bit samples."""
    channels = _KEY_CHANNELS.get(walk.colour)
    if walk.trns is None or channels is None or _transparency_problem(walk):
        return None
    top = 2**walk.bit_depth - 1
    return tuple(sample * 255 // top for sample in struct.unpack(f">{channels}H", walk.trns))
