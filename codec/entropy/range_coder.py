"""Symbols <-> bytes: a range coder (constriction), fed table by table.

Symbols come in groups (one pass of one strip of an image), of one image or of several beside each other, each of which
has a stream of its own. Within a group they are sorted by table, stably, in one of two orders, so that each table's
symbols are coded in one call; the decoder knows the tables and sorts the same way. Groups follow one another in one
stream. Symbols that their table does not reach are escaped: written aside, as zigzag LEB128.

Narrow tables come first, or wide ones. It takes as many bytes; but the first bits of a large coefficient take most of
its error away, so what is cut short shows more where wide tables come first.

Shape legend: B images, n symbols of a group of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

import constriction
import numpy as np
import numpy.typing as npt

from codec.entropy.tables import SILENT, SYMBOL_LIMIT, TABLES, TOTAL, FrequencyTables
from codec.errors import BitstreamError

Symbols = npt.NDArray[np.int16]
Indices = npt.NDArray[np.uint8]
_EVERY_TABLE: Final = np.arange(TABLES, dtype=np.uint8)
MAX_VARINT: Final = 3
"""Bytes of an escape: magnitudes are below 2^15, with the sign 16 bits."""


class RangeCoder:
    """The tables of one model, ready for the range coder."""

    def __init__(self, tables: FrequencyTables) -> None:
        """Build the range coder's models."""
        self.tables = tables
        self._costs, self._zeros = tables.cost_bits()

    @cached_property
    def models(self) -> list[object]:
        """One model per table. Frequencies over TOTAL are exact in float64."""
        return [
            constriction.stream.model.Categorical(self.tables.table(k) / TOTAL, perfect=False, lazy=False)
            for k in range(TABLES)
        ]

    def reach_of(self, counts: npt.NDArray[np.int64], *, wide_first: bool) -> npt.NDArray[np.int32]:
        """What each symbol's table reaches, for symbols sorted by image and table, so many of each."""
        reach = self.tables.reach[_placed(_EVERY_TABLE, wide_first)]
        return np.repeat(np.tile(reach, len(counts) // TABLES), counts)

    def cost_bits(self, symbols_Bn: Symbols, indices_Bn: Indices) -> npt.NDArray[np.float64]:
        """About what a group takes of each image, in bits: (B,)."""
        coded = np.flatnonzero(indices_Bn >= SILENT)
        tables = indices_Bn.ravel()[coded]
        reach = self.tables.reach[tables]
        values = symbols_Bn.ravel()[coded].astype(np.int64)
        magnitudes = np.abs(values)
        escaped = magnitudes > reach
        values = np.where(escaped, reach + 1, values)
        escape_bits = 8 * escaped * (1 + (magnitudes >= 1 << 6) + (magnitudes >= 1 << 13))
        bits_Bn = np.zeros(indices_Bn.shape, np.float32)
        bits_Bn.ravel()[coded] = self._costs[self._zeros[tables] + values] + escape_bits
        bits_B: npt.NDArray[np.float64] = bits_Bn.sum(1, dtype=np.float64)
        return bits_B


class SymbolEncoder:
    """Writes groups of symbols, those of each image to a stream of its own."""

    def __init__(self, coder: RangeCoder, count: int = 1, *, wide_first: bool = False) -> None:
        """Begin that many streams."""
        self._coder, self._wide_first = coder, wide_first
        self._ranges = [constriction.stream.queue.RangeEncoder() for _ in range(count)]
        self._escapes = [bytearray() for _ in range(count)]

    def encode(self, symbols_Bn: Symbols, indices_Bn: Indices) -> None:
        """Append a group: symbols and their tables; those of silent tables must be zero."""
        places, counts = sorted_by_table(indices_Bn, wide_first=self._wide_first)
        values = symbols_Bn.ravel()[places].astype(np.int32)
        reach = self._coder.reach_of(counts, wide_first=self._wide_first)
        escaped = np.flatnonzero(np.abs(values) > reach)
        if len(escaped):
            for image, mine in _by_image(escaped, counts):
                self._escapes[image] += _varints(values[mine])
            values[escaped] = reach[escaped] + 1
        values += reach
        models = self._coder.models
        for image, k, part in parts_of(counts, wide_first=self._wide_first):
            self._ranges[image].encode(values[part], models[k])

    def finish(self) -> list[tuple[bytes, bytes]]:
        """(range-coded words, escapes) of each image."""
        return [
            (words.get_compressed().astype("<u4").tobytes(), bytes(escapes))
            for words, escapes in zip(self._ranges, self._escapes, strict=True)
        ]


class SymbolDecoder:
    """Reads groups in the order they were written."""

    def __init__(
        self,
        coder: RangeCoder,
        streams: Sequence[tuple[bytes, bytes]],
        *,
        wide_first: bool = False,
    ) -> None:
        """Begin at the start of each image's stream: (words, escapes).

        Raises:
            BitstreamError: the words of one are not whole.
        """
        for words, _ in streams:
            if len(words) % 4:
                raise BitstreamError(
                    f"expected range-coded words of 4 bytes, got {len(words)} bytes: damaged"
                )
        self._coder, self._wide_first = coder, wide_first
        self._ranges = [
            constriction.stream.queue.RangeDecoder(np.frombuffer(words, "<u4").astype(np.uint32))
            for words, _ in streams
        ]
        self._escapes = [parse_varints(escapes) for _, escapes in streams]

    def decode(self, indices_Bn: Indices) -> Symbols:
        """The next group, (B, n), given its tables.

        Raises:
            BitstreamError: a stream does not hold such a group.
        """
        places, counts = sorted_by_table(indices_Bn, wide_first=self._wide_first)
        found, reach = (
            np.empty(len(places), np.int32),
            self._coder.reach_of(counts, wide_first=self._wide_first),
        )
        models = self._coder.models
        try:
            for image, k, part in parts_of(counts, wide_first=self._wide_first):
                found[part] = self._ranges[image].decode(models[k], part.stop - part.start)
        except (AssertionError, ValueError) as error:
            raise BitstreamError(f"the range-coded stream is damaged: {error}") from error
        found -= reach
        escaped = np.flatnonzero(found > reach)
        for image, mine in _by_image(escaped, counts):
            found[mine] = self._take_escapes(image, beyond=reach[mine])
        values_Bn = np.zeros(indices_Bn.shape, np.int16)
        values_Bn.ravel()[places] = found
        return values_Bn

    def finish(self) -> None:
        """Check that everything was read.

        Raises:
            BitstreamError: words or escapes are left over.
        """
        for words, escapes in zip(self._ranges, self._escapes, strict=True):
            if not words.maybe_exhausted():
                raise BitstreamError("range-coded words are left over: damaged")
            if len(escapes):
                raise BitstreamError(f"{len(escapes)} escaped symbols are left over: damaged")

    def _take_escapes(self, image: int, *, beyond: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """An image's next escaped symbols, one for each table's reach."""
        count, escapes = len(beyond), self._escapes[image]
        if count > len(escapes):
            raise BitstreamError(f"expected {count} more escaped symbols, got {len(escapes)}: damaged")
        taken, self._escapes[image] = escapes[:count], escapes[count:]
        if len(needless := np.flatnonzero(np.abs(taken) <= beyond)):
            first = needless[0]
            raise BitstreamError(
                f"expected an escaped symbol beyond {beyond[first]}, got {taken[first]}: damaged"
            )
        return taken


def sorted_by_table(
    indices_Bn: Indices, *, wide_first: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions among all B n sorted by image and table, silent ones left out, and how many each table of each image
    has, in the order of tables: (B TABLES,)."""
    images, each = indices_Bn.shape
    indices = indices_Bn.ravel()
    heard = np.flatnonzero(indices >= SILENT)
    tables: npt.NDArray[np.integer[Any]] = _placed(indices[heard], wide_first)
    if images > 1:
        # numpy sorts 16 bits by radix
        kind = np.uint16 if images * TABLES <= 1 << 16 else np.uint32
        tables = tables + (heard // each * TABLES).astype(kind)
    return heard[np.argsort(tables, kind="stable")], np.bincount(tables, minlength=images * TABLES)


def parts_of(counts: npt.NDArray[np.int64], *, wide_first: bool) -> Iterator[tuple[int, int, slice]]:
    """(image, table) that have symbols, and where those lie among all that are sorted."""
    tables = _placed(_EVERY_TABLE, wide_first).tolist()
    used = np.flatnonzero(counts)
    ends = np.cumsum(counts[used]).tolist()
    start = 0
    for number, end in zip(used.tolist(), ends, strict=True):
        image, place = divmod(number, TABLES)
        yield image, tables[place], slice(start, end)
        start = end


def _placed(tables: Indices, wide_first: bool) -> Indices:
    """At which place of the order each table stands; and which table stands at each place."""
    return np.uint8(TABLES - 1) - tables if wide_first else tables


def _by_image(
    places: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Some of the sorted symbols, image by image."""
    ends = np.cumsum(counts.reshape(-1, TABLES).sum(1))
    images = np.searchsorted(ends, places, side="right")
    for image in np.unique(images).tolist():
        yield image, places[images == image]


def _varints(values: npt.NDArray[np.int32]) -> bytes:
    out = bytearray()
    for value in values.tolist():
        rest = 2 * value if value >= 0 else -2 * value - 1
        while rest >= 0x80:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return bytes(out)


def parse_varints(data: bytes) -> npt.NDArray[np.int32]:
    values: list[int] = []
    value = length = 0
    for byte in data:
        value |= (byte & 0x7F) << 7 * length
        length += 1
        if byte & 0x80:
            if length == MAX_VARINT:
                raise BitstreamError("an escaped symbol is longer than any symbol can be: damaged")
            continue
        if byte == 0 and length > 1:
            raise BitstreamError("an escaped symbol is written longer than it is: damaged")
        value = value // 2 if value % 2 == 0 else -(value // 2) - 1
        if abs(value) > SYMBOL_LIMIT:
            raise BitstreamError(f"expected escaped symbols up to {SYMBOL_LIMIT}, got {value}: damaged")
        values.append(value)
        value = length = 0
    if length:
        raise BitstreamError("the last escaped symbol is cut short: truncated")
    return np.array(values, np.int32)
