"""Rows in the order of their keys are those that were given: by key, by position, as slices and in any order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive.keyed_rows import sorted_by_key
from pipeline.archive.narrow_columns import narrowed
from pipeline.archive.schema import CATALOGUE_SCHEMA, rows_of
from pipeline.archive.sorted_rows import SortedRows
from pipeline.types import CatalogueRow, ShardRow
from tests.support.catalogues import table_of
from tests.support.shard_rows import make_row, shard_rows

PLAIN = [
    make_row(f"{number:02d}", source_url=f"s3://b/{number:02d}", source_etag=None) for number in range(9)
]
"""Rows that narrow well: repeats, hexadecimal digits, URLs that end in their keys."""
_ODD = st.lists(shard_rows(), max_size=3, unique_by=lambda row: row.key)


@settings(max_examples=12, deadline=None)
@given(_ODD, st.integers(1, 20), st.permutations(range(9)))
def test_they_are_those_that_were_given(odd: list[ShardRow], per_part: int, order: list[int]) -> None:
    table = sorted_by_key(table_of(*{row.key: row for row in [*odd, *PLAIN]}.values()))
    index = SortedRows(map(narrowed, table.to_batches(max_chunksize=per_part)))
    names = CATALOGUE_SCHEMA.names
    expected = rows_of(table, CatalogueRow)
    keys = [row.key for row in expected]

    assert len(index) == len(expected)
    assert [index.find(key) for key in keys] == expected
    assert [index.position(key) for key in keys] == list(range(len(keys)))
    assert [index.find(f"{key}\0") for key in keys if f"{key}\0" not in keys] == [None] * len(keys)
    assert pa.Table.from_batches([index.read(range(len(index)), names)]) == table
    assert rows_of(index.read(np.array(order), names), CatalogueRow) == [expected[at] for at in order]
    for prefix in ("", "0", "05", "zz", *keys[:2]):
        assert [keys[at] for at in index.with_prefix(prefix)] == [
            key for key in keys if key.startswith(prefix)
        ]


def test_no_rows_are_rows_too() -> None:
    index = SortedRows([])
    assert (len(index), index.find("a"), index.with_prefix("a")) == (0, None, range(0))
    assert index.read(range(0), ["key"]).num_rows == index.read(np.array([], int), ["key"]).num_rows == 0
