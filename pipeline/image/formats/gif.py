"""GIF: walk the blocks, without unpacking the picture data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import Account
from pipeline.image.formats.header import Header, animation_reason

_SCREEN_BYTES: Final = 13
_IMAGE_BYTES: Final = 10
_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_CONTROL, _COMMENT, _PLAIN_TEXT, _APPLICATION = 0xF9, 0xFE, 0x01, 0xFF
_APPLICATION_BYTES: Final = 11
_XMP: Final = b"XMP DataXMP"
_XMP_TAIL: Final = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
"""Behind a packet, which is no sub-block: who takes it for one lands on the zero at the end, wherever he is."""
_ICC: Final = b"ICCRGBG1012"


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What the blocks held."""

    account: Account
    images: list[tuple[int, ...]] = field(default_factory=list)
    """Left, top, width and height of each, in pixels."""
    controls: int = 0
    problem: str | None = None
    """Why the file is kept: the first block that does not belong where it is."""
    for_decoder: list[bytes] = field(default_factory=list)


def gif_header(data: bytes) -> Header:
    """Read the header of a GIF file and account for all of it.

    Raises:
        SourceError: truncated, or there is no picture.
    """
    if len(data) < _SCREEN_BYTES:
        raise SourceError(f"truncated GIF: only {len(data):,} bytes")
    account = Account(len(data))
    walk = _Walk(account=account)
    width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    account.carry(0, _SCREEN_BYTES, "GIF:screen", data[:_SCREEN_BYTES])
    at = _SCREEN_BYTES + _palette_bytes(data[10])
    account.picture(_SCREEN_BYTES, _within(data, at))
    walk.for_decoder.append(data[:at])
    for start, end in _blocks(data, at):
        _note_block(walk, data, start, end)
        at = end
    if data[at - 1] == _END:  # else what follows is no block and no trailer either
        account.carry_trailer(data, at)
    if not walk.images:
        raise SourceError("damaged GIF: there is no picture in it")
    if not width or not height:
        raise SourceError(f"damaged GIF: the header says {width}x{height} pixels")
    return Header(
        width=width,
        height=height,
        mode="P",
        unmodelled=animation_reason(len(walk.images))
        or _odd_place(walk.images[0], width, height)
        or walk.problem,
        icc=account.icc,
        xmp=account.xmp,
        carried=account.carried,
        account=account,
        stream=b"".join((*walk.for_decoder, b";")),
    )


def _odd_place(place: tuple[int, ...], width: int, height: int) -> str | None:
    if place == (0, 0, width, height):
        return None
    return f"a picture of {place[2]}x{place[3]} pixels on a screen of {width}x{height}"


def _blocks(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """(start, end) of every block, up to the end mark. What begins no block ends the walk."""
    while at < len(data) and data[at] in (_IMAGE, _EXTENSION, _END):
        start, kind = at, data[at]
        if kind == _IMAGE:
            at = _within(data, start + _IMAGE_BYTES)
            at = _sub_blocks_end(data, at + _palette_bytes(data[at - 1]) + 1)
        elif kind == _EXTENSION:
            at = _xmp_end(data, start) or _sub_blocks_end(data, start + 2)
        else:
            at += 1
        yield start, at
        if kind == _END:
            return


def _xmp_end(data: bytes, start: int) -> int | None:
    """Where an extension ends that holds a packet and its tail instead of sub-blocks; None for all others."""
    packet = start + 3 + _APPLICATION_BYTES
    if data[start + 1 : packet] != bytes((_APPLICATION, _APPLICATION_BYTES)) + _XMP:
        return None
    found = data.find(_XMP_TAIL, packet)
    return found + len(_XMP_TAIL) if found > packet and b"\x00" not in data[packet:found] else None


def _sub_blocks_end(data: bytes, at: int) -> int:
    while length := data[_within(data, at + 1) - 1]:
        at += 1 + length
    return at + 1


def _within(data: bytes, end: int) -> int:
    """The offset itself.

    Raises:
        SourceError: it lies behind the end of the file.
    """
    if end > len(data):
        raise SourceError(f"truncated GIF: the data end too early (the file has {len(data):,} bytes)")
    return end


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _note_block(walk: _Walk, data: bytes, start: int, end: int) -> None:
    if data[start] == _END:
        walk.account.layout(start, end)
    elif data[start] == _IMAGE:
        numbers = data[start + 1 : start + 9]
        walk.images.append(tuple(int.from_bytes(numbers[at : at + 2], "little") for at in range(0, 8, 2)))
        walk.for_decoder.append(data[start:end])
        walk.account.picture(start, end)
        if data[start + 9] & 0x80 and data[10] & 0x80:
            walk.problem = walk.problem or "a palette beside that of the picture"
    else:
        _note_extension(walk, data, start, end)


def _note_extension(walk: _Walk, data: bytes, start: int, end: int) -> None:
    label, blocks = data[start + 1], data[start + 2 : end]
    if label == _CONTROL:
        walk.controls += 1
        if walk.images or walk.controls > 1:
            walk.problem = walk.problem or "a graphic control without a picture of its own"
        walk.for_decoder.append(data[start:end])
        walk.account.carry(start, end, *_part("graphic control", blocks))
    elif label == _PLAIN_TEXT:
        walk.problem = walk.problem or "text that a viewer draws onto the picture"
    elif label == _COMMENT:
        walk.account.carry(start, end, *_part("comment", blocks))
    elif label == _APPLICATION and blocks[0] == _APPLICATION_BYTES:
        _note_application(walk, blocks[1 : 1 + _APPLICATION_BYTES], data, start, end)
    else:
        walk.account.carry(start, end, *_part(f"extension {label:02X}", blocks))


def _note_application(walk: _Walk, name: bytes, data: bytes, start: int, end: int) -> None:
    account, blocks = walk.account, data[start + 3 + _APPLICATION_BYTES : end]
    if name == _XMP and _xmp_end(data, start) == end:
        packet = blocks.removesuffix(_XMP_TAIL)
        if account.xmp is None:
            account.take_xmp(start, end, packet)
        else:
            account.carry(start, end, "GIF:XMP DataXMP", packet)
    elif name == _ICC and (icc := _joined(blocks)):
        if account.icc is None:
            account.take_icc([(start, end)], icc)
        else:
            walk.problem = walk.problem or "several colour profiles"
    else:
        account.carry(start, end, *_part(name.decode("latin-1"), blocks, is_joined=name != _XMP))


def _part(name: str, blocks: bytes, *, is_joined: bool = True) -> tuple[str, bytes]:
    """Kind and data of a part: what the sub-blocks hold, or the sub-blocks as they are when they could be fuller."""
    data = _joined(blocks)
    return (f"GIF:{name}", data) if is_joined and _split(data) == blocks else (f"GIF blocks:{name}", blocks)


def _joined(blocks: bytes) -> bytes:
    pieces, at = [], 0
    while length := blocks[at]:
        pieces.append(blocks[at + 1 : at + 1 + length])
        at += 1 + length
    return b"".join(pieces)


def _split(data: bytes) -> bytes:
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\x00"
