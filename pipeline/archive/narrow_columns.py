"""Columns of the catalogue in the narrowest types that hold their values, and the values back.

An index is mapped into memory, so what it costs is how wide its rows are. Each batch is narrowed by what it holds, and
a column's type tells how to read it: whole numbers of few bytes, times as microseconds, texts and times that repeat as
dictionaries, hexadecimal digits as bytes, and of a source's URL only what comes before the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.schema import CATALOGUE_SCHEMA

BEFORE_KEY: Final = "source_url_before_key"
"""A column in the place of `source_url`, in batches where each of these ends in its row's key."""
_TIMES: Final = frozenset(field.name for field in CATALOGUE_SCHEMA if pa.types.is_timestamp(field.type))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE_NUMBERS: Final = (
    (pa.int8(), -(2**7), 2**7 - 1),
    (pa.int16(), -(2**15), 2**15 - 1),
    (pa.int32(), -(2**31), 2**31 - 1),
    (pa.uint32(), 0, 2**32 - 1),
)
_REPEATS: Final = 4
"""Values that come so often, on average, are worth a dictionary."""


def narrowed(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of CATALOGUE_SCHEMA in fewer bytes: columns that hold nothing are left out."""
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    before_key = _before_key(columns["source_url"], columns["key"])
    if before_key is not None:
        columns = {BEFORE_KEY: before_key} | {name: columns[name] for name in columns if name != "source_url"}
    filled = {name: column for name, column in columns.items() if column.null_count < len(column)}
    return pa.record_batch(
        {name: column if name == "key" else _narrow(column) for name, column in filled.items()}
    )


def widened(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Columns of narrowed rows as CATALOGUE_SCHEMA, of which `schema` is a part, has them."""
    present = dict(zip(rows.schema.names, rows.columns, strict=True))
    return pa.record_batch([_wide(present, field, len(rows)) for field in schema], schema)


def from_narrow(name: str, column: pa.Array) -> Callable[[Any], Any] | None:
    """What makes the values that `CatalogueRow` has of those in a narrowed column; None where they are the same."""
    if name in _TIMES:
        return _moment  # of a column of times, Arrow takes 0.2 ms to find the zone of each
    if pa.types.is_fixed_size_binary(column.type):
        return bytes.hex
    return tuple if pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type) else None


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _before_key(urls: pa.Array, keys: pa.Array) -> pa.Array | None:
    """What URLs say before the keys; None unless every one ends in its key."""
    pairs = list(zip(urls.to_pylist(), keys.to_pylist(), strict=True))
    if not all(url.endswith(key) for url, key in pairs):
        return None
    return pa.array([url.removesuffix(key) for url, key in pairs], pa.string())


def _narrow(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_int64(kind):
        return _narrow_numbers(column)
    if pa.types.is_float64(kind):
        return _narrow_floats(column)
    if pa.types.is_list(kind):
        return _narrow_lists(column)
    if pa.types.is_timestamp(kind):
        moments = column.cast(pa.int64())
        return _narrow_repeats(moments) or moments
    if pa.types.is_string(kind):
        return _narrow_repeats(column) or _bytes_of_digits(column)
    return column


def _narrow_repeats(column: pa.Array) -> pa.Array | None:
    """A dictionary; None where few values come twice."""
    repeated = column.dictionary_encode()
    if len(repeated.dictionary) * _REPEATS > len(column):
        return None
    return pa.DictionaryArray.from_arrays(_narrow_numbers(repeated.indices), repeated.dictionary)


def _narrow_numbers(column: pa.Array) -> pa.Array:
    least, most = pc.min_max(column).as_py().values()
    return next(
        (column.cast(kind) for kind, low, high in _WHOLE_NUMBERS if low <= least and most <= high), column
    )


def _narrow_floats(column: pa.Array) -> pa.Array:
    halved = column.cast(pa.float32(), safe=False)
    return halved if pc.all(pc.equal(halved.cast(pa.float64()), column)).as_py() else column


def _narrow_lists(column: pa.Array) -> pa.Array:
    (length, *others) = pc.unique(pc.list_value_length(column.drop_null())).to_pylist()
    if others:
        return column
    kind = pa.list_(_narrow_numbers(column.flatten()).type, length)
    return pa.array(column.to_pylist(), kind)  # a cast looks at what lies beyond a slice too


def _bytes_of_digits(column: pa.Array) -> pa.Array:
    """Texts that are all hexadecimal, and of one length, as the bytes they tell of."""
    (length, *others) = pc.unique(pc.binary_length(column.drop_null())).to_pylist()
    if (
        others
        or not length
        or length % 2
        or not pc.all(pc.match_substring_regex(column, r"\A[0-9a-f]*\z")).as_py()
    ):
        return column
    return pa.array(
        [None if text is None else bytes.fromhex(text) for text in column.to_pylist()], pa.binary(length // 2)
    )


def _wide(present: Mapping[str, pa.Array], field: pa.Field, length: int) -> pa.Array:
    if field.name == "source_url" and BEFORE_KEY in present:
        return pc.binary_join_element_wise(_plain(present[BEFORE_KEY]), present["key"], "")
    if field.name not in present:
        return pa.nulls(length, field.type)
    column = present[field.name]
    if pa.types.is_fixed_size_binary(column.type):
        return pa.array([None if value is None else value.hex() for value in column.to_pylist()], field.type)
    return _plain(column).cast(field.type)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
