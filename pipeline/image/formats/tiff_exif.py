"""EXIF of a TIFF file: its descriptive tags and its EXIF, GPS and interoperability directories as one block.

A TIFF file has the structure of an EXIF block and contains none, so the block is built: every value is copied byte for
byte, in the byte order of the file; only the places of values change.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import SourceError
from pipeline.image.formats.tiff_directory import LONG, Directory, Tag, TiffFile, read_directory

DESCRIPTIVE = frozenset(
    (269, 270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 316, 33432, 40091, 40092, 40093, 40094, 40095)
)
"""Tags that describe the picture rather than lay out the file: what EXIF takes over."""
EXIF_POINTER, GPS_POINTER, INTEROP_POINTER = 0x8769, 0x8825, 0xA005
MAKER_NOTE = 0x927C
_HEADER_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SubDirectory:
    """A directory that a tag of another points to."""

    pointer: int
    """The tag."""
    directory: Directory
    children: tuple[SubDirectory, ...] = ()

    def all_directories(self) -> tuple[Directory, ...]:
        """This one and those below it."""
        return (self.directory, *(one for child in self.children for one in child.all_directories()))


def read_sub_directory(file: TiffFile, pointer: Tag) -> SubDirectory | None:
    """What a pointer tag points to; None when that is no sound directory of types that EXIF has."""
    children: list[SubDirectory] = []
    if pointer.type not in (LONG, 13) or pointer.count != 1:
        return None
    try:
        directory = read_directory(file, pointer.numbers[0])
    except SourceError:
        return None
    if directory.next or not all(tag.is_classic for tag in directory.tags):
        return None
    if pointer.number == EXIF_POINTER:
        below = (read_sub_directory(file, tag) for tag in directory.tags if tag.number == INTEROP_POINTER)
        children = [child for child in below if child is not None]
    return SubDirectory(pointer=pointer.number, directory=directory, children=tuple(children))


def exif_block(file: TiffFile, tags: Sequence[Tag], sub_directories: Sequence[SubDirectory]) -> bytes | None:
    """Those tags and directories as EXIF; None when there is nothing."""
    if not tags and not sub_directories:
        return None
    head = file.mark + struct.pack(f"{file.order}HI", 42, _HEADER_BYTES)
    return head + _directory(file.order, tags, sub_directories, _HEADER_BYTES)


def _directory(order: str, tags: Sequence[Tag], sub_directories: Sequence[SubDirectory], start: int) -> bytes:
    """One directory as it lies at `start`, its values and the directories below it after it."""
    pointers = {sub.pointer: sub for sub in sub_directories}
    plain = [tag for tag in tags if tag.number not in pointers]
    rows: list[tuple[int, Tag | SubDirectory]] = sorted(
        [*((tag.number, tag) for tag in plain), *pointers.items()], key=lambda row: row[0]
    )
    at = start + 2 + 12 * len(rows) + 4
    entries, values = b"", b""
    for number, row in rows:
        if isinstance(row, SubDirectory):
            body = _directory(order, row.directory.tags, row.children, at + len(values))
            entries += struct.pack(f"{order}HHII", number, LONG, 1, at + len(values))
        elif len(row.value) <= 4:
            entries += struct.pack(f"{order}HHI", number, row.type, row.count) + row.value.ljust(4, b"\x00")
            continue
        else:
            body = row.value
            entries += struct.pack(f"{order}HHII", number, row.type, row.count, at + len(values))
        values += body + b"\x00" * (len(body) % 2)
    return struct.pack(f"{order}H", len(rows)) + entries + bytes(4) + values
