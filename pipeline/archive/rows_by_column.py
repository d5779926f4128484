"""The catalogue's rows in the order of any column: first the keys are put in order, then their rows are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.schema import schema_of_columns


def rows_by_column(
    catalogue: Catalogue,
    columns: Sequence[str],
    *,
    by: str,
    is_descending: bool,
    most: int | None,
    where: str | None = None,
    glob: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """Rows sorted by a column, and by key where it is equal; those that have none of it come last.

    Args:
        columns: `key` among them.
        most: how many; no more are held in memory. None for all, which are.
        where, glob: as for `Catalogue.scan`.
    """
    order = [(by, "descending" if is_descending else "ascending"), ("key", "ascending")]
    keys = _first(catalogue.scan(list(dict.fromkeys(["key", by])), where=where, glob=glob), order, most)
    found = pa.Table.from_batches(
        catalogue.of_keys(KeyRanges.of_keys(keys.to_pylist()), columns), schema_of_columns(columns)
    )
    yield from found.take(pc.index_in(keys, value_set=found["key"])).to_batches()


def _first(
    batches: Iterable[pa.RecordBatch], order: Sequence[tuple[str, str]], most: int | None
) -> pa.ChunkedArray:
    """The keys of the rows that come first."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if most is not None and sum(map(len, held)) > 4 * most + 65_536:
            together = pa.Table.from_batches(held)
            held = together.take(pc.select_k_unstable(together, k=most, sort_keys=order)).to_batches()
    if not held:
        return pa.chunked_array([], pa.string())
    table = pa.Table.from_batches(held)
    return table["key"].take(pc.sort_indices(table, sort_keys=order)[:most])
