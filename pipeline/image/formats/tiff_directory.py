"""The structure of a TIFF file: its byte order, its directories and their entries, byte for byte."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from pipeline.errors import SourceError

_ORDERS = {b"II": "<", b"MM": ">"}
_CLASSIC, _BIG = 42, 43
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BIG_TYPE_BYTES = {16: 8, 17: 8, 18: 8}

ASCII, SHORT, LONG, UNDEFINED, IFD = 2, 3, 4, 7, 13
BYTE_LIKE = (1, UNDEFINED)
_ADDRESSES = (LONG, IFD, 16, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One entry of a directory."""

    number: int
    type: int
    count: int
    value: bytes
    """In the byte order of the file."""
    entry_at: int
    """Where the entry lies in the file."""
    value_at: int | None
    """Where the value lies; None when it is inside the entry."""
    order: str
    """`<` or `>`."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values of an integer tag; none of another."""
        code = _FORMATS.get(self.type)
        return struct.unpack(f"{self.order}{self.count}{code}", self.value) if code else ()

    @property
    def addresses(self) -> tuple[int, ...]:
        """The values of a tag of a type that can hold places in the file."""
        return self.numbers if self.type in _ADDRESSES else ()

    @property
    def is_classic(self) -> bool:
        """Whether the type exists outside BigTIFF, and so in EXIF."""
        return self.type in _TYPE_BYTES

    def packed(self) -> bytes:
        """Type (2 bytes), count (4 bytes) and value, in the byte order of the file."""
        return struct.pack(f"{self.order}HI", self.type, self.count) + self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One image file directory."""

    tags: tuple[Tag, ...]
    start: int
    entries_end: int
    end: int
    next: int
    """Where the next directory lies; 0 for none."""

    def spans(self) -> set[tuple[int, int]]:
        """The byte ranges of its ends, of each entry and of each value; tags may share a value."""
        edges = [self.start, *(tag.entry_at for tag in self.tags), self.entries_end, self.end]
        values = {
            (tag.value_at, tag.value_at + len(tag.value)) for tag in self.tags if tag.value_at is not None
        }
        return values | set(pairwise(edges))


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffFile:
    """A file that begins like a TIFF."""

    data: bytes
    mark: bytes
    """`II` or `MM`."""
    is_big: bool
    first: int
    """Where the first directory lies."""

    @property
    def order(self) -> str:
        """`<` or `>`, as `struct` takes it."""
        return _ORDERS[self.mark]

    @property
    def header_bytes(self) -> int:
        """Length of what is before everything else."""
        return 16 if self.is_big else 8


def open_tiff_file(data: bytes) -> TiffFile:
    """Read the header.

    Raises:
        SourceError: truncated, or not what TIFF files begin with.
    """
    order = _ORDERS[data[:2]]
    try:
        (version,) = struct.unpack_from(f"{order}H", data, 2)
        if version == _CLASSIC:
            (first,) = struct.unpack_from(f"{order}I", data, 4)
            return TiffFile(data=data, mark=data[:2], is_big=False, first=first)
        offset_bytes, zero, first = struct.unpack_from(f"{order}HHQ", data, 4)
    except struct.error as error:
        raise SourceError(f"truncated TIFF: the file has {len(data):,} bytes") from error
    if (version, offset_bytes, zero) != (_BIG, 8, 0):
        raise SourceError(f"damaged TIFF: version {version} with offsets of {offset_bytes} bytes")
    return TiffFile(data=data, mark=data[:2], is_big=True, first=first)


def read_directory(file: TiffFile, at: int) -> Directory:
    """Read the directory at an offset.

    Raises:
        SourceError: it is no directory, or runs past the end of the file.
    """
    data, order = file.data, file.order
    count_code, entry_code, entry_bytes, offset_code = (
        ("Q", "HHQ", 20, "Q") if file.is_big else ("H", "HHI", 12, "I")
    )
    if at < file.header_bytes:
        raise SourceError(f"damaged TIFF: a directory at byte {at:,}")
    if at >= len(data):
        raise SourceError(f"truncated TIFF: a directory at byte {at:,} of {len(data):,}")
    try:
        (count,) = struct.unpack_from(order + count_code, data, at)
        entries = at + struct.calcsize(order + count_code)
        end = entries + entry_bytes * count
        (following,) = struct.unpack_from(order + offset_code, data, end)
    except (struct.error, OverflowError) as error:
        raise SourceError(
            f"truncated TIFF: the directory at byte {at:,} runs past the end of the file"
        ) from error
    if not count:
        raise SourceError(f"damaged TIFF: the directory at byte {at:,} is empty")
    tags = tuple(
        _tag(file, entry, entry_code, struct.calcsize(order + offset_code))
        for entry in range(entries, end, entry_bytes)
    )
    return Directory(
        tags=tags,
        start=at,
        entries_end=end,
        end=end + struct.calcsize(order + offset_code),
        next=following,
    )


def _tag(file: TiffFile, at: int, code: str, field_bytes: int) -> Tag:
    number, kind, count = struct.unpack_from(file.order + code, file.data, at)
    size = _TYPE_BYTES.get(kind) or (_BIG_TYPE_BYTES.get(kind) if file.is_big else None)
    if size is None:
        raise SourceError(f"damaged TIFF: tag {number} has the unknown type {kind}")
    field = at + struct.calcsize(file.order + code)
    start: int = field
    if size * count > field_bytes:
        (start,) = struct.unpack_from(file.order + ("Q" if file.is_big else "I"), file.data, field)
        if start + size * count > len(file.data):
            raise SourceError(f"truncated TIFF: tag {number} lies beyond the end of the file")
    return Tag(
        number=number,
        type=kind,
        count=count,
        value=file.data[start : start + size * count],
        entry_at=at,
        value_at=None if start == field else start,
        order=file.order,
    )
