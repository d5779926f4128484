"""Parquet files of a source, read batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import pyarrow as pa

BATCH_ROWS: Final = 4096


def parquet_batches(file: BinaryIO, choose: Callable[[list[str]], list[str]]) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file.

    Args:
        choose: says which columns are read, of those that there are.
    Raises:
        pa.ArrowException, OSError: it is none.
    """
    from pyarrow.dataset import ParquetFileFormat  # it brings pandas

    fragment = ParquetFileFormat().make_fragment(pa.PythonFile(file, mode="r"))
    scanner = fragment.scanner(
        columns=choose(fragment.physical_schema.names),
        batch_size=BATCH_ROWS,
        batch_readahead=1,
        use_threads=False,
    )
    yield from scanner.to_batches()
