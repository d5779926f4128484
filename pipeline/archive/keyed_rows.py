"""Rows that have keys: in the order of their keys, with some keys, without some.

The order is that of the keys' bytes in UTF-8, which is how S3 lists, how a walk through a folder goes, how Arrow and
Delta sort, and how Python compares texts.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc


def ascends(keys: pa.Array | pa.ChunkedArray) -> bool:
    """Whether no key is smaller than the one before it."""
    return len(keys) < 2 or bool(pc.all(pc.less_equal(keys[:-1], keys[1:])).as_py())


def sorted_by_key(rows: pa.Table) -> pa.Table:
    """Rows in the order of their keys; they are left where they are when they have it already."""
    rows = rows.combine_chunks()
    return rows if ascends(rows["key"]) else rows.sort_by("key")


def keys_of(tables: Iterable[pa.Table]) -> pa.Array:
    """The keys of all rows."""
    chunks = [chunk for table in tables for chunk in table["key"].chunks]
    return pa.chunked_array(chunks, pa.string()).combine_chunks()


def share_a_key(rows: pa.Table, tables: Iterable[pa.Table]) -> bool:
    """Whether rows have a key that is in one of some tables as well."""
    return bool(pc.any(pc.is_in(rows["key"], value_set=keys_of(tables))).as_py())


def with_keys(rows: pa.Table, keys: pa.Array) -> pa.Table:
    """The rows that have one of these keys."""
    return rows.filter(pc.is_in(rows["key"], value_set=keys))


def without_keys(rows: pa.Table, keys: pa.Array) -> pa.Table:
    """The rows that have none of these keys."""
    return rows.filter(pc.invert(pc.is_in(rows["key"], value_set=keys))) if len(keys) else rows
