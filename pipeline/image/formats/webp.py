"""WebP: walk the RIFF chunks. The decoder reserves the canvas on opening a file, so sizes come first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import Account
from pipeline.image.formats.header import Header, animation_reason, bare_exif, orientation_of

_CONTAINER_BYTES: Final = 12
_CHUNK_BYTES: Final = 8
_EXTENDED_BYTES: Final = 10
_PICTURES: Final = (b"VP8 ", b"VP8L")
_HAS_EXIF, _HAS_ALPHA, _HAS_ICC = 0x08, 0x10, 0x20
_UNANNOUNCED: Final = "an orientation in EXIF that no flag announces"
_RESERVED_FLAGS: Final = 0xC1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """One chunk; offsets are bytes from the start of the file, `end` is behind the padding byte of an odd body."""

    kind: bytes
    start: int
    body: int
    body_end: int
    end: int


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What the chunks held."""

    account: Account
    extended: bytes | None = None
    """The flags and the canvas; None for a file of one chunk."""
    pictures: list[bytes] = field(default_factory=list)
    frames: int = 0
    is_animation: bool = False
    problem: str | None = None
    """Why the file is kept: the first chunk that does not belong where it is."""


def webp_header(data: bytes) -> Header:
    """Read the header of a WebP file and account for all of it.

    Raises:
        SourceError: truncated, or the first chunk describes no picture.
    """
    account = Account(len(data))
    walk = _Walk(account=account)
    account.layout(0, min(_CONTAINER_BYTES, len(data)))
    announced = 8 + int.from_bytes(data[4:8], "little")
    if announced > len(data):
        raise SourceError(
            f"truncated WebP: the header announces {announced:,} bytes, the file has {len(data):,} "
            f"({announced - len(data):,} missing)"
        )
    width, height, has_alpha = _canvas(data[12:16], data[20:30])
    for chunk in _chunks(data, announced):
        _note_chunk(walk, chunk, data)
    account.carry_trailer(data, max(announced, _CONTAINER_BYTES))
    return Header(
        width=width,
        height=height,
        mode="RGBA" if has_alpha else "RGB",
        unmodelled=_unmodelled(walk),
        exif=account.exif,
        icc=account.icc,
        xmp=account.xmp,
        carried=account.carried,
        orientation=None if walk.problem == _UNANNOUNCED else orientation_of(account.exif),
        account=account,
        stream=data[:announced],
    )


def _unmodelled(walk: _Walk) -> str | None:
    if walk.is_animation:
        return animation_reason(walk.frames) or "an animation of one frame"
    if len(walk.pictures) > 1:
        return f"{len(walk.pictures)} pictures in one file"
    return walk.problem


def _chunks(data: bytes, announced: int) -> Iterator[_Chunk]:
    """Every chunk. Bytes at the end that are too few for one are passed over."""
    at = _CONTAINER_BYTES
    while at + _CHUNK_BYTES <= announced:
        kind, body = data[at : at + 4], at + _CHUNK_BYTES
        body_end = body + int.from_bytes(data[at + 4 : body], "little")
        if body_end > announced:
            raise SourceError(
                f"truncated WebP: cut off inside the chunk {kind!r}, "
                f"at least {body_end - announced:,} bytes are missing"
            )
        has_padding = (body_end - body) % 2 and data[body_end : min(body_end + 1, announced)] == b"\x00"
        end = body_end + 1 if has_padding else body_end
        yield _Chunk(kind=kind, start=at, body=body, body_end=body_end, end=end)
        at = body_end + (body_end - body) % 2


def _note_chunk(walk: _Walk, chunk: _Chunk, data: bytes) -> None:
    account, kind, span = walk.account, chunk.kind, (chunk.start, chunk.end)
    body = data[chunk.body : chunk.body_end] if kind not in (*_PICTURES, b"ALPH", b"ANMF") else b""
    flags = walk.extended[0] if walk.extended else 0
    if kind == b"VP8X" and chunk.start == _CONTAINER_BYTES and len(body) == _EXTENDED_BYTES:
        walk.extended = body
        if body[0] & _RESERVED_FLAGS or any(body[1:4]):
            walk.problem = "a VP8X chunk of a later version"
        account.picture(*span)
    elif kind in _PICTURES:
        walk.pictures.append(kind)
        account.picture(*span)
    elif kind == b"ALPH" and flags & _HAS_ALPHA and not walk.pictures:
        account.picture(*span)
    elif kind in (b"ANIM", b"ANMF"):
        walk.is_animation = True
        walk.frames += kind == b"ANMF"
    elif kind == b"EXIF" and account.exif is None and (exif := bare_exif(body)):
        account.take_exif(*span, exif)
        if not flags & _HAS_EXIF and (orientation_of(exif) or 1) > 1:
            walk.problem = walk.problem or _UNANNOUNCED
    elif kind == b"XMP " and account.xmp is None and body:
        account.take_xmp(*span, body)
    elif kind == b"ICCP":
        _note_profile(walk, chunk, body, is_announced=bool(flags & _HAS_ICC))
    elif kind in (b"VP8X", b"ALPH"):
        walk.problem = walk.problem or f"a {kind.decode()} chunk out of place"
    else:
        account.carry(*span, kind.decode("latin-1"), body)


def _note_profile(walk: _Walk, chunk: _Chunk, body: bytes, *, is_announced: bool) -> None:
    if walk.account.icc is None and body and is_announced and not walk.pictures:
        walk.account.take_icc([(chunk.start, chunk.end)], body)
    elif body:
        walk.problem = walk.problem or "several colour profiles, or one out of place"
    else:
        walk.account.carry(chunk.start, chunk.end, "ICCP", body)


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
