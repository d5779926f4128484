"""Rows of a catalogue in the order of their keys: one found by halving, neighbours as a slice, none searched through.

A row's position is its number in that order, from 0. Rows lie in parts of some ten thousand, as an index file maps
them or memory holds them, each narrowed by what it holds (narrow_columns.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.narrow_columns import BEFORE_KEY, from_narrow, widened
from pipeline.archive.schema import CATALOGUE_SCHEMA, schema_of_columns
from pipeline.types import CatalogueRow

Positions = npt.NDArray[np.uint32]
_Column = tuple[str, pa.Array, Callable[[Any], Any] | None]
"""Its name, its values in a part, and what makes of them those of a CatalogueRow."""
_NOTHING: Final[dict[str, Any]] = dict.fromkeys(CATALOGUE_SCHEMA.names)


class SortedRows:
    """Rows of a catalogue, sorted by key. Safe to use from several threads, and by who inherits it by fork."""

    def __init__(self, parts: Iterable[pa.RecordBatch]) -> None:
        """Take all rows: narrowed, sorted by key, no part empty."""
        self._parts = list(parts)
        self._columns = list(map(_columns, self._parts))
        self._keys = [part["key"] for part in self._parts]
        self._firsts = [keys[0].as_py() for keys in self._keys]
        self._starts = [0, *accumulate(map(len, self._parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    def find(self, key: str) -> CatalogueRow | None:
        """The row of a key; None when there is none, which costs no more."""
        number = bisect_right(self._firsts, key) - 1
        if number < 0:
            return None
        keys = self._keys[number]
        at = _search(keys, key)
        return _row(self._columns[number], at) if at < len(keys) and keys[at].as_py() == key else None

    def position(self, key: str) -> int:
        """How many keys are smaller: the position of the first that is not."""
        number = bisect_right(self._firsts, key) - 1
        return 0 if number < 0 else self._starts[number] + _search(self._keys[number], key)

    def with_prefix(self, prefix: str) -> range:
        """Positions of the rows whose keys start so."""
        ((first, stop),) = KeyRanges.with_prefix(prefix).ranges
        return range(self.position(first), len(self) if stop is None else self.position(stop))

    def read(self, positions: range | Positions, columns: Sequence[str]) -> pa.RecordBatch:
        """Columns of some rows, in the order of the positions, as CATALOGUE_SCHEMA has them.

        Args:
            positions: a range of steps of one, or any, none of them twice.
        Raises:
            ValueError: no such column.
        """
        schema = schema_of_columns(columns)
        none = pa.RecordBatch.from_pylist([], schema)
        if isinstance(positions, range):
            return pa.concat_batches([none, *self._slices(positions, schema)])
        ordered = np.argsort(positions)
        found = pa.concat_batches([none, *self._picked(positions[ordered], schema)])
        return found.take(pa.array(np.argsort(ordered)))

    def row(self, position: int) -> CatalogueRow:
        """The row at a position."""
        number = bisect_right(self._starts, position) - 1
        return _row(self._columns[number], position - self._starts[number])

    def _slices(self, positions: range, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for start, part in zip(self._starts, self._parts, strict=False):
            begin, stop = max(positions.start - start, 0), min(positions.stop - start, len(part))
            if begin < stop:
                yield widened(_telling(part, schema).slice(begin, stop - begin), schema)

    def _picked(self, ascending: Positions, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        cuts = np.searchsorted(ascending, self._starts)
        for number, part in enumerate(self._parts):
            mine = ascending[cuts[number] : cuts[number + 1]]
            if len(mine):
                yield widened(
                    _telling(part, schema).take(pa.array(mine - np.uint32(self._starts[number]))), schema
                )


def _telling(part: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of a part that tell what those of a schema hold."""
    wanted = {*schema.names, BEFORE_KEY, "key"} if "source_url" in schema.names else set(schema.names)
    return part.select([name for name in part.schema.names if name in wanted])


def _search(keys: pa.Array, key: str) -> int:
    return int(pc.search_sorted(keys, pa.scalar(key)).as_py())


def _columns(part: pa.RecordBatch) -> list[_Column]:
    columns = zip(part.schema.names, part.columns, strict=True)
    return [(name, column, from_narrow(name, column)) for name, column in columns]


def _row(columns: Iterable[_Column], at: int) -> CatalogueRow:
    values = dict(_NOTHING)
    for name, column, convert in columns:
        value = column[at].as_py()
        values[name] = value if convert is None or value is None else convert(value)
    before_key = values.pop(BEFORE_KEY, None)
    if before_key is not None:
        values["source_url"] = before_key + values["key"]
    return CatalogueRow(**values)
