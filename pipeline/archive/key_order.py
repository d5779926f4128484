"""The catalogue in the order of its keys, range by range, so that not all of it is sorted at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
from deltalake import QueryBuilder

from pipeline.archive.data_files import in_types_of
from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.queries import columns_of, quoted, schema_of_columns

_RANGE_ROWS: Final = 2**17


def by_key(table: DeltaCatalogueTable, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Stream the rows of the version that is seen now, sorted by key.

    A range of keys is sorted at a time. Files that hold ranges of keys, as compaction leaves them, make ranges of a
    hundred thousand rows; where a file spans all keys, the range that it opens is as long as what overlaps.

    Raises:
        ValueError: no such column.
    """
    schema = schema_of_columns(columns)
    with table.translated():
        opened = table.opened_for()
        query = QueryBuilder().register("t", opened)
        actions = pa.RecordBatchReader.from_stream(opened.get_add_actions(flatten=True)).read_all()
        cuts = _cuts(actions)
        present = columns_of(table)
    named = ", ".join(quoted(name) for name in columns if name in present)
    return _ranges(table, query, f"SELECT {named} FROM t", cuts, schema)


def _ranges(
    table: DeltaCatalogueTable, query: QueryBuilder, select: str, cuts: list[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    with table.translated():
        for extent in zip(["", *cuts], [*cuts, None], strict=True):
            where = KeyRanges(ranges=(extent,)).condition()
            found = query.execute(f"{select} WHERE {where} ORDER BY key")
            for batch in pa.RecordBatchReader.from_stream(found):
                if len(batch):
                    yield in_types_of(schema, batch)


def _cuts(actions: pa.Table) -> list[str]:
    """Keys at which files begin, so many rows apart. Any key would do: these let Delta's statistics skip files."""
    if not {"min.key", "num_records"} <= set(actions.column_names):
        return []
    cuts: list[str] = []
    rows = 0
    for action in actions.select(["min.key", "num_records"]).sort_by("min.key").to_pylist():
        first, count = action["min.key"], action["num_records"] or 0
        if first is not None and rows >= _RANGE_ROWS and first not in cuts[-1:]:
            cuts.append(first)
            rows = 0
        rows += count
    return cuts
