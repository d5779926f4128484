"""All rows of a version, of files that are read whole: each in one request, and what was read is held against its seal.

To ask for all rows by SQL would be to read each file twice: whole, to see that it is what was written, and then in
three or four parts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import Final

import pyarrow as pa

from pipeline.archive.asked_columns import AskedColumns
from pipeline.archive.data_files import DataFile, Read, batches_in
from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.merging import MOST_HELD, Piece, in_order, most_rows_held
from pipeline.archive.schema import schema_of_columns

_LARGEST: Final = 16 << 20
"""Bytes of a file that is held whole. Compaction leaves 1 MB; the files of older releases have up to 100."""
_MOST_AHEAD: Final = 8
"""Files that are read at the same time."""
_BATCH_ROWS: Final = 16_384


def can_be_read_whole(table: DeltaCatalogueTable, *, by_key: bool = False) -> bool:
    """Whether all rows of the version seen now can be had so; also sorted by key, with `by_key`."""
    files = table.files()
    return (
        table.is_plain()
        and all(file.size <= _LARGEST for file in files)
        and (not by_key or most_rows_held(files) <= MOST_HELD)
    )


def all_rows(table: DeltaCatalogueTable, asked: AskedColumns) -> Iterator[pa.RecordBatch]:
    """All rows, in no particular order, in memory that does not grow with the table."""
    files = table.files()
    with closing(_contents(table.reader_of(files), files)) as contents:
        for content in contents:
            yield from map(asked.of_rows, batches_in(content, asked.read.names))


def all_rows_by_key(table: DeltaCatalogueTable, asked: AskedColumns) -> Iterator[pa.RecordBatch]:
    """The same, sorted by key: of the version that is seen now, whatever is committed meanwhile."""
    return _in_order(table, asked, sorted(table.files(), key=lambda file: file.first))


def _in_order(
    table: DeltaCatalogueTable, asked: AskedColumns, files: Sequence[DataFile]
) -> Iterator[pa.RecordBatch]:
    columns = list(dict.fromkeys([*asked.read.names, "key"]))
    schema = schema_of_columns(columns)
    with closing(_contents(table.reader_of(files), files)) as contents:

        def next_rows() -> pa.Table:
            return pa.Table.from_batches(batches_in(next(contents), columns), schema)

        pieces = [Piece(first=file.first, last=file.last, read=next_rows) for file in files]
        for part in in_order(pieces, pa.Table.from_batches([], schema)):  # `empty_table` would load pandas
            yield from map(asked.of_rows, part.to_batches(_BATCH_ROWS))


def _contents(read: Read, files: Iterable[DataFile]) -> Generator[bytes]:
    """What is in files, one after the other. The next ones are read meanwhile, ever more of them: who takes few rows
    has few files read."""
    left, most = iter(files), 1
    waiting: deque[Future[bytes]] = deque()
    pool = ThreadPoolExecutor(_MOST_AHEAD, thread_name_prefix="catalogue")
    try:
        while True:
            waiting.extend(pool.submit(read, file) for file in islice(left, most - len(waiting)))
            if not waiting:
                return
            yield waiting.popleft().result()
            most = min(2 * most, _MOST_AHEAD)
    finally:
        pool.shutdown(cancel_futures=True)
