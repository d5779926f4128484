"""TIFF: every byte is picture data, structure, a tag that is carried, or lies where no directory refers to."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.image.formats.accounting import Account
from pipeline.image.formats.header import Header, orientation_of
from pipeline.image.formats.tiff_directory import (
    BYTE_LIKE,
    IFD,
    SHORT,
    Directory,
    Tag,
    TiffFile,
    open_tiff_file,
    read_directory,
)
from pipeline.image.formats.tiff_exif import (
    DESCRIPTIVE,
    EXIF_POINTER,
    GPS_POINTER,
    MAKER_NOTE,
    SubDirectory,
    exif_block,
    read_sub_directory,
)
from pipeline.image.formats.tiff_layout import LAYOUT, layout_reason, rationals, tiff_layout
from pipeline.image.formats.tiff_strips import find_strips

_SUBFILE_TYPE, _DESCRIPTION, _ORIENTATION, _SUB_IFDS, _XMP, _ICC = 254, 270, 274, 330, 700, 34675
_WHITE_POINT, _PRIMARIES = 318, 319
_CURVES = {291: "a grey response curve", 301: "a transfer function", 342: "a transfer range"}
_DNG_VERSION, _PHOTOMETRIC = 50706, 262
_RAW_PHOTOMETRICS = (32803, 34892)
"""Colour filter array, linear raw."""
_OPAQUE = (33723, 34377)
"""IPTC and Photoshop: bytes, though the first is often typed as 32-bit numbers."""
_SRGB_WHITE, _SRGB_PRIMARIES = (0.3127, 0.3290), (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_MAX_PADDING_BYTES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What the first directory leads to."""

    file: TiffFile
    directory: Directory
    tags: Mapping[int, Tag]
    subs: tuple[SubDirectory, ...]
    layout: frozenset[int]
    """Numbers of the tags that make its pixels."""

    def all_tags(self) -> Iterable[Tag]:
        """Of the first directory and of those that EXIF has."""
        yield from self.directory.tags
        for sub in self.subs:
            for directory in sub.all_directories():
                yield from directory.tags


def tiff_header(data: bytes) -> Header:
    """Read the header of a TIFF file; no pixel is decoded.

    Raises:
        SourceError: truncated, or a layout that cannot be.
    """
    file = open_tiff_file(data)
    directory = read_directory(file, file.first)
    tags = {tag.number: tag for tag in directory.tags}
    pointers = [tags[number] for number in (EXIF_POINTER, GPS_POINTER) if number in tags]
    found = (read_sub_directory(file, pointer) for pointer in pointers)
    layout = tiff_layout(tags)
    contents = _Contents(
        file=file,
        directory=directory,
        tags=tags,
        subs=tuple(sub for sub in found if sub is not None),
        layout=LAYOUT - layout.idle_tags(),
    )
    described = [tag for tag in directory.tags if tag.number in DESCRIPTIVE and tag.is_classic]
    exif = exif_block(file, described, contents.subs)
    reason = _page_reason(contents) or layout_reason(layout, tags) or _colour_reason(tags)
    reason = reason or _structure_reason(contents)
    damage: str | None = None
    account = Account(len(data))
    if reason is None:
        strips = find_strips(data, layout, tags)
        reason, damage = strips.reason, strips.damage
        if reason is None and damage is None:
            account = _account(contents, strips.pieces)
            reason = _gap_reason(contents, account)
            _carry_gaps(contents, account)
    return Header(
        width=layout.width,
        height=layout.height,
        mode=layout.mode,
        bit_depth=max(layout.bits),
        unmodelled=reason,
        damage=damage,
        exif=exif,
        icc=_field(tags.get(_ICC)),
        xmp=_field(tags.get(_XMP)),
        carried=account.carried,
        account=account,
        orientation=orientation_of(exif),
        stream=_layout_alone(file, directory),
    )


def _layout_alone(file: TiffFile, directory: Directory) -> bytes:
    """The file under one more directory, which holds nothing a decoder could stumble over or turn the picture by."""
    address, count_code, entry_bytes = ("Q", "Q", 20) if file.is_big else ("I", "H", 12)
    rows = sorted((tag.number, tag.entry_at) for tag in directory.tags if tag.number in LAYOUT)
    entries = b"".join(file.data[at : at + entry_bytes] for _, at in rows)
    at = len(file.data) + len(file.data) % 2
    start = file.header_bytes - struct.calcsize(file.order + address)
    return b"".join(
        (
            file.data[:start],
            struct.pack(file.order + address, at),
            memoryview(file.data)[file.header_bytes :],
            bytes(at - len(file.data)),
            struct.pack(file.order + count_code, len(rows)),
            entries,
            bytes(8),
        )
    )


def _page_reason(contents: _Contents) -> str | None:
    tags = contents.tags
    photometric = tags[_PHOTOMETRIC].numbers if _PHOTOMETRIC in tags else ()
    is_preview = _SUBFILE_TYPE in tags and any(number & 1 for number in tags[_SUBFILE_TYPE].numbers)
    if _DNG_VERSION in tags:
        return "a camera raw file (DNG)"
    if set(photometric) & set(_RAW_PHOTOMETRICS) or (_SUB_IFDS in tags and is_preview):
        return "a camera raw file (TIFF based: NEF, ARW, ...)"
    if contents.directory.next:
        return "a TIFF of several pages"
    if _SUB_IFDS in tags:
        return "a TIFF with sub-images"
    description = tags[_DESCRIPTION].value if _DESCRIPTION in tags else b""
    images = re.search(rb"\bimages=(\d+)", description) if description.startswith(b"ImageJ=") else None
    if images is not None and int(images[1]) > 1:
        return "a TIFF of several pages (an ImageJ stack)"
    return None


def _colour_reason(tags: Mapping[int, Tag]) -> str | None:
    """Why the colours are not those that viewers show; a profile overrides what tags say of them."""
    if _ICC in tags:
        return None
    for number, words in _CURVES.items():
        if number in tags:
            return f"{words} (tag {number})"
    for number, plain in ((_WHITE_POINT, _SRGB_WHITE), (_PRIMARIES, _SRGB_PRIMARIES)):
        values = rationals(tags[number]) if number in tags else plain
        if len(values) != len(plain) or max(abs(a - b) for a, b in zip(values, plain, strict=True)) > 0.002:
            return f"colours that only tag {number} describes"
    return None


def _structure_reason(contents: _Contents) -> str | None:
    """Why directories cannot be taken apart and put together again."""
    if contents.file.is_big and contents.file.mark == b"MM":
        return "a big-endian BigTIFF, which is not decoded here"
    counts = Counter(tag.number for tag in contents.directory.tags)
    if twice := [number for number, count in counts.items() if count > 1]:
        return f"tag {twice[0]} is there twice"
    turn = contents.tags.get(_ORIENTATION)
    if turn is not None and (turn.type != SHORT or turn.count != 1):
        return "an orientation of an unusual type"
    for tag in contents.all_tags():
        if tag.type in (IFD, 18) and tag.number not in (EXIF_POINTER, GPS_POINTER):
            return f"tag {tag.number} points to a directory of unknown meaning"
    return None


def _account(contents: _Contents, strips: Iterable[tuple[int, int]]) -> Account:
    """Claim all that the directories say: picture, structure, and the tags that no other field holds."""
    file, directory = contents.file, contents.directory
    account = Account(len(file.data))
    carried = {tag.entry_at: tag for tag in directory.tags if _is_carried(tag, contents)}
    if carried:
        account.carry(0, 2, "byte order", file.mark)
    account.layout(2 if carried else 0, file.header_bytes)
    for start, end in set(strips):
        account.picture(start, end)
    for start, end in directory.spans():
        if (tag := carried.get(start)) is not None:
            account.carry(start, end, str(tag.number), tag.packed())
        else:
            account.layout(start, end)
    notes = {tag.value_at: tag for tag in contents.all_tags() if tag.number == MAKER_NOTE}
    for start, end in {
        span for sub in contents.subs for one in sub.all_directories() for span in one.spans()
    }:
        if start in notes:
            account.carry(start, end, "maker note offset", struct.pack(f"{file.order}Q", start))
        else:
            account.layout(start, end)
    return account


def _is_carried(tag: Tag, contents: _Contents) -> bool:
    """Whether neither the picture nor another field holds the tag."""
    if tag.number in contents.layout or tag.number in {sub.pointer for sub in contents.subs}:
        return False
    if tag.number in (_ICC, _XMP):
        return _field(tag) is None
    if tag.number == _SUBFILE_TYPE:
        return any(tag.numbers)
    return tag.number not in DESCRIPTIVE or not tag.is_classic


def _carry_gaps(contents: _Contents, account: Account) -> None:
    """Carry what lies where no directory refers to, but for a few zeros that align what follows."""
    data = contents.file.data
    for start, end in account.gaps():
        if end - start <= _MAX_PADDING_BYTES and not any(data[start:end]):
            account.layout(start, end)
        elif end == len(data):
            account.carry_trailer(data, start)
        else:
            account.carry(start, end, "unreferenced", data[start:end])


def _gap_reason(contents: _Contents, account: Account) -> str | None:
    """Why bytes that no directory refers to cannot be carried: something refers to them, or they are most of it."""
    data = contents.file.data
    gaps = [(start, end) for start, end in account.gaps() if any(data[start:end])]
    if not gaps:
        return None
    total = sum(end - start for start, end in gaps)
    if 2 * total > len(data):
        return f"{total:,} bytes of other content beside the picture"
    for tag in contents.all_tags():
        if tag.number == MAKER_NOTE:
            return "a maker note that may refer to other parts of the file"
        if tag.number in LAYOUT or tag.number in _OPAQUE:
            continue
        places = tag.addresses if tag.count <= 65_536 else ()
        if any(start <= place < end for place in places for start, end in gaps):
            return f"tag {tag.number} refers to data of unknown structure"
    return None


def _field(tag: Tag | None) -> bytes | None:
    """The value of a tag of bytes; None where it is of another type, and is carried as it is."""
    return tag.value or None if tag is not None and tag.type in BYTE_LIKE else None
