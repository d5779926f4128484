"""The catalogue in the order of its keys, a part at a time, so that not all of it is sorted at once.

Who wants all rows reads files whole (whole_files.py); who wants some of them asks by SQL, a range of keys at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import pyarrow as pa

from pipeline.archive.asked_columns import AskedColumns
from pipeline.archive.data_files import DataFile, touched_by
from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.queries import Snapshot
from pipeline.archive.whole_files import all_rows_by_key, can_be_read_whole

_FIRST_ROWS: Final = 2**11
_RANGE_ROWS: Final = 2**16
"""Rows of a range: the first has few, for whoever asks for no more; each next one has twice as many, up to 40 MB."""


def select_by_key(
    table: DeltaCatalogueTable,
    columns: Sequence[str] | None = None,
    *,
    where: str | None = None,
    keys: KeyRanges | None = None,
) -> Iterator[pa.RecordBatch]:
    """As `queries.select`, sorted by key: of the version that is seen now, whatever is committed meanwhile.

    Memory grows with the rows of files that lie over one another: compaction leaves few.

    Raises:
        ValueError: no such column.
    """
    if where is None and keys is None and can_be_read_whole(table, by_key=True):
        return all_rows_by_key(table, AskedColumns.of(columns))
    wanted = keys or KeyRanges.with_prefix("")
    files = touched_by(wanted, table.files())
    return _ranges(table, Snapshot(table, columns), files, wanted, where)


def _ranges(
    table: DeltaCatalogueTable,
    snapshot: Snapshot,
    files: Sequence[DataFile],
    wanted: KeyRanges,
    where: str | None,
) -> Iterator[pa.RecordBatch]:
    """Rows of a range of keys at a time. Files that hold ranges of keys, as compaction leaves them, make ranges of some
    ten thousand rows; where a file spans all keys, the range that it opens is as long as what overlaps. No file is
    looked at before its range comes."""
    for first, stop in pairwise(["", *_cuts(files), None]):
        keys = wanted.common(KeyRanges(ranges=((first or "", stop),)))
        if len(keys):
            table.check(touched_by(keys, files))
            yield from snapshot.rows(where=where, order=["key"], keys=keys)


def _cuts(files: Sequence[DataFile]) -> Iterator[str]:
    """Keys at which files begin, so many rows apart. Any key would do: these let Delta's statistics skip files."""
    rows, enough, cut = 0, min(_FIRST_ROWS, _RANGE_ROWS), ""
    for file in sorted(files, key=lambda file: file.first):
        if rows >= enough and file.first > cut:
            cut = file.first
            yield cut
            rows, enough = 0, min(2 * enough, _RANGE_ROWS)
        rows += file.rows
