"""Where values lie inside a Parquet file: a reader of page headers, nothing more.

No Parquet library says at which byte of a file a value begins. For a BYTE_ARRAY column that is PLAIN and
uncompressed the answer is exact: a page is a header (Thrift, compact protocol), in data pages of version 1
the definition levels (4 bytes length, then the levels), then every value as 4 bytes length and its bytes.
Lengths are little-endian. See https://parquet.apache.org/docs/file-format/data-pages/.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class PageKind(IntEnum):
    """Parquet's PageType, as far as we write it."""

    DATA = 0
    DICTIONARY = 2


_PLAIN = 0
_PLAIN_DICTIONARY = 2  # the same bytes as PLAIN in a dictionary page; the older name of it


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetPage:
    """One page of a column chunk; offsets are bytes from the start of the file."""

    kind: PageKind
    num_values: int
    """Values and nulls."""
    is_plain: bool
    start: int
    """First byte after the header."""
    end: int

    def value_spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """(offset, length) of every value that is not null, in order.

        Raises:
            ValueError: the page is not PLAIN, or its lengths do not add up.
        """
        if not self.is_plain:
            raise ValueError(f"Expected PLAIN values in the page at byte {self.start}, got another encoding.")
        at = self.start
        if self.kind is PageKind.DATA:
            at += 4 + int.from_bytes(data[at : at + 4], "little")
        while at < self.end:
            length = int.from_bytes(data[at : at + 4], "little")
            at += 4
            if at + length > self.end:
                break
            yield at, length
            at += length
        if at != self.end:
            raise ValueError(f"Expected values to fill the page at byte {self.start}, got a length too long.")


def read_pages(data: bytes, start: int, end: int) -> Iterator[ParquetPage]:
    """The pages of one uncompressed column chunk of a nullable column without lists.

    Args:
        data: the whole file.
        start: offset of the chunk's first page.
        end: offset after the chunk's last page.
    Raises:
        ValueError: the bytes are not such pages.
    """
    at = start
    while at < end:
        try:
            header, body = _Struct(data, at).read()
            kind = PageKind(header[1])
            details = header[5 if kind is PageKind.DATA else 7]
            num_values, encoding = details[1], details[2]
            uncompressed_bytes, stored_bytes = header[2], header[3]
        except (KeyError, IndexError, ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"Expected a Parquet page header at byte {at}, got {error!r}.") from error
        if stored_bytes != uncompressed_bytes or stored_bytes < 0 or body + stored_bytes > end:
            raise ValueError(f"Expected an uncompressed page of a chunk at byte {at}, got another size.")
        plain = encoding == _PLAIN or (kind is PageKind.DICTIONARY and encoding == _PLAIN_DICTIONARY)
        at = body + stored_bytes
        yield ParquetPage(kind=kind, num_values=num_values, is_plain=plain, start=body, end=at)


def spans_in_pages(
    data: bytes, chunk: range, values: Sequence[bytes | None]
) -> Iterator[tuple[int, int] | None]:
    """(offset, length) of each value of a PLAIN, uncompressed column chunk; None for nulls.

    Args:
        data: the whole file.
        chunk: the bytes of the chunk's pages.
        values: what the chunk holds, one for each row.
    Raises:
        ValueError: the chunk is laid out otherwise, or does not hold as many values.
    """
    rest = iter(values)
    for page in read_pages(data, chunk.start, chunk.stop):
        if page.kind is not PageKind.DATA:
            raise ValueError("Expected a payload column without dictionary, got one with it.")
        spans = page.value_spans(data)
        for value in itertools.islice(rest, page.num_values):
            yield None if value is None else next(spans, None)
        if next(spans, None) is not None:
            raise ValueError("Expected a value for each row that has a payload, got more.")


def spans_in_dictionary(
    data: bytes, chunk: range, values: Sequence[bytes | None]
) -> Iterator[tuple[int, int] | None]:
    """The same for a dictionary-encoded, uncompressed chunk: equal values share one place."""
    first = next(read_pages(data, chunk.start, chunk.stop))
    spans = first.value_spans(data) if first.kind is PageKind.DICTIONARY else iter(())
    by_value = {data[offset : offset + length]: (offset, length) for offset, length in spans}
    for value in values:
        if value is not None and value not in by_value:
            raise ValueError("Expected every metadata value in the dictionary page, got one elsewhere.")
        yield None if value is None else by_value[value]


class _Struct:
    """One Thrift struct in the compact protocol: {field id: value}, nested structs likewise."""

    _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def read(self) -> tuple[dict[int, Any], int]:
        """The struct, and the offset after it."""
        return self._struct(), self._at

    def _struct(self) -> dict[int, Any]:
        values: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != 0:
            step = head >> 4
            number = number + step if step else self._zigzag()
            values[number] = self._value(head & 0x0F)
        return values

    def _value(self, kind: int) -> Any:
        if kind in (self._TRUE, self._FALSE):
            return kind == self._TRUE
        if kind == self._BYTE:
            return self._byte()
        if kind in (self._I16, self._I32, self._I64):
            return self._zigzag()
        if kind == self._DOUBLE:
            return self._take(8)
        if kind == self._BINARY:
            return self._take(self._varint())
        if kind == self._STRUCT:
            return self._struct()
        raise ValueError(f"Thrift type {kind}, which no page header has")

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _take(self, count: int) -> bytes:
        value = self._data[self._at : self._at + count]
        self._at += count
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
