"""Symbols <-> bytes: a range coder (constriction), fed table by table.

Symbols come in groups (one pass of one strip of the image). Within a group they are sorted by table, stably, so that
each table's symbols are coded in one call; the decoder knows the tables and sorts the same way. Groups follow one
another in one stream. Symbols that their table does not reach are escaped: written aside, as zigzag LEB128.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import constriction
import numpy as np
import numpy.typing as npt

from codec.entropy.tables import SILENT, SYMBOL_LIMIT, TABLES, TOTAL, FrequencyTables
from codec.errors import BitstreamError

Symbols = npt.NDArray[np.int16]
Indices = npt.NDArray[np.uint8]
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

    def reach_of(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """What each symbol's table reaches, for symbols sorted by table, so many of each."""
        return np.repeat(self.tables.reach, counts)

    def cost_bits(self, symbols: Symbols, indices: Indices) -> float:
        """About what a group takes, in bits."""
        coded = np.flatnonzero(indices >= SILENT)
        tables = indices[coded]
        reach = self.tables.reach[tables]
        values = symbols[coded].astype(np.int64)
        escaped = np.abs(values) > reach
        values = np.where(escaped, reach + 1, values)
        return float(self._costs[self._zeros[tables] + values].sum()) + 24.0 * int(escaped.sum())


class SymbolEncoder:
    """Writes groups of symbols."""

    def __init__(self, coder: RangeCoder) -> None:
        """Begin a stream."""
        self._coder = coder
        self._range = constriction.stream.queue.RangeEncoder()
        self._escapes = bytearray()

    def encode(self, symbols: Symbols, indices: Indices) -> None:
        """Append a group: (n,) symbols and their tables; those of silent tables must be zero."""
        order, counts = _sorted_by_table(indices)
        values, reach = symbols[order].astype(np.int32), self._coder.reach_of(counts)
        escaped = np.abs(values) > reach
        if escaped.any():
            self._escapes += _varints(values[escaped])
            values = np.where(escaped, reach + 1, values)
        values += reach
        for k, part in _parts(counts):
            self._range.encode(values[part], self._coder.models[k])

    def finish(self) -> tuple[bytes, bytes]:
        """(range-coded words, escapes)."""
        return self._range.get_compressed().astype("<u4").tobytes(), bytes(self._escapes)


class SymbolDecoder:
    """Reads groups in the order they were written."""

    def __init__(self, coder: RangeCoder, words: bytes, escapes: bytes) -> None:
        """Begin at the start of a stream.

        Raises:
            BitstreamError: the words are not whole.
        """
        if len(words) % 4:
            raise BitstreamError(f"expected range-coded words of 4 bytes, got {len(words)} bytes: damaged")
        self._coder = coder
        self._range = constriction.stream.queue.RangeDecoder(np.frombuffer(words, "<u4").astype(np.uint32))
        self._escapes = _parse_varints(escapes)

    def decode(self, indices: Indices) -> Symbols:
        """The next group, (n,), given its tables.

        Raises:
            BitstreamError: the stream does not hold such a group.
        """
        order, counts = _sorted_by_table(indices)
        found, reach = np.empty(len(order), np.int32), self._coder.reach_of(counts)
        for k, part in _parts(counts):
            try:
                found[part] = self._range.decode(self._coder.models[k], part.stop - part.start)
            except (AssertionError, ValueError) as error:
                raise BitstreamError(f"the range-coded stream is damaged: {error}") from error
        found -= reach
        escaped = found > reach
        if escaped.any():
            found[escaped] = self._take_escapes(beyond=reach[escaped])
        values = np.zeros(len(indices), np.int16)
        values[order] = found
        return values

    def finish(self) -> None:
        """Check that everything was read.

        Raises:
            BitstreamError: words or escapes are left over.
        """
        if not self._range.maybe_exhausted():
            raise BitstreamError("range-coded words are left over: damaged")
        if len(self._escapes):
            raise BitstreamError(f"{len(self._escapes)} escaped symbols are left over: damaged")

    def _take_escapes(self, *, beyond: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """The next escaped symbols, one for each table's reach."""
        count = len(beyond)
        if count > len(self._escapes):
            raise BitstreamError(f"expected {count} more escaped symbols, got {len(self._escapes)}: damaged")
        taken, self._escapes = self._escapes[:count], self._escapes[count:]
        if len(needless := np.flatnonzero(np.abs(taken) <= beyond)):
            first = needless[0]
            raise BitstreamError(
                f"expected an escaped symbol beyond {beyond[first]}, got {taken[first]}: damaged"
            )
        return taken


def _sorted_by_table(indices: Indices) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions sorted by table, silent ones left out, and how many each table has."""
    heard = np.flatnonzero(indices >= SILENT)
    tables = indices[heard]
    return heard[np.argsort(tables, kind="stable")], np.bincount(tables, minlength=TABLES)


def _parts(counts: npt.NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
    """Tables that have symbols, and where those lie among all that are sorted."""
    ends = np.cumsum(counts)
    for k in np.flatnonzero(counts).tolist():
        yield k, slice(int(ends[k] - counts[k]), int(ends[k]))


def _varints(values: npt.NDArray[np.int32]) -> bytes:
    out = bytearray()
    for value in values.tolist():
        rest = 2 * value if value >= 0 else -2 * value - 1
        while rest >= 0x80:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return bytes(out)


def _parse_varints(data: bytes) -> npt.NDArray[np.int32]:
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
