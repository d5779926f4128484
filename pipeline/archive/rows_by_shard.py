"""Catalogue rows, one shard after the other.

The catalogue lies in the order of its keys. Many rows are dealt to files on the local disk first, all of a shard to the
same one, so that no more than one file's rows are ever sorted in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.schema import CATALOGUE_SCHEMA

_ROWS_HELD: Final = 65_536
"""Rows that are sorted in memory at once: about 40 MB."""
_MOST_FILES: Final = 256
"""Files that are open at once. Beyond 16 million rows each of them has more than `_ROWS_HELD`."""
_COMPRESSED: Final = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardContent:
    """What the catalogue says of all images of one shard together."""

    shard: str
    images: int
    """The failed ones included."""
    stored: int
    """Those that did not fail."""
    end: int
    """The byte behind the last payload or metadata."""


def rows_by_shard(
    batches: Iterable[pa.RecordBatch], count: int, schema: pa.Schema = CATALOGUE_SCHEMA
) -> Iterator[tuple[str, pa.Table]]:
    """(shard, its rows in their order) of catalogue rows in any order.

    Args:
        count: about how many come, or more.
        schema: of the rows: some columns of CATALOGUE_SCHEMA, `shard` and `row` among them.
    """
    files = min(_MOST_FILES, -(-count // _ROWS_HELD))
    if files <= 1:
        yield from table_by_shard(pa.Table.from_batches(batches, schema))
        return
    with TemporaryDirectory(prefix="tenfold-") as folder:
        paths = [Path(folder) / f"{number}.arrow" for number in range(files)]
        _deal(batches, paths, schema)
        for path in paths:
            with pa.ipc.open_stream(path.read_bytes()) as reader:
                rows = reader.read_all()
            path.unlink()
            yield from table_by_shard(rows)


def table_by_shard(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """(shard, its rows in their order) of catalogue rows in any order."""
    ordered = rows.sort_by([("shard", "ascending"), ("row", "ascending")]).combine_chunks()
    shards = ordered["shard"].combine_chunks()
    edges = np.flatnonzero(pc.not_equal(shards[1:], shards[:-1]).to_numpy(zero_copy_only=False)) + 1
    for start, stop in zip([0, *edges.tolist()], [*edges.tolist(), len(shards)], strict=True):
        if stop > start:
            yield shards[start].as_py(), ordered.slice(start, stop - start)


def _deal(batches: Iterable[pa.RecordBatch], paths: list[Path], schema: pa.Schema) -> None:
    with ExitStack() as opened:
        writers = [
            opened.enter_context(pa.ipc.new_stream(str(path), schema, options=_COMPRESSED)) for path in paths
        ]
        for batch in batches:
            shards = batch["shard"].dictionary_encode()
            dealt = np.array(
                [_file_of(shard, len(paths)) for shard in shards.dictionary.to_pylist()], np.intp
            )
            numbers = dealt[shards.indices.to_numpy(zero_copy_only=False)]
            for number in np.unique(numbers):
                writers[number].write_batch(batch.filter(pa.array(numbers == number)))


def _file_of(shard: str, files: int) -> int:
    return zlib.crc32(shard.encode()) % files
