"""Rows of the catalogue, written anew: sorted by key, in files of one size, in memory that does not grow with them.

Files that lie side by side are taken one after the other, so that no more is held than lies over one another. Where
that is too much, as with the large unsorted files of older releases, the rows are first put in order by ranges of keys
on the local disk.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa

from pipeline.archive.data_files import DataFile, Read, batches_in
from pipeline.archive.keyed_rows import sorted_by_key, without_keys
from pipeline.archive.merging import MOST_HELD, Piece, in_order, most_rows_held
from pipeline.archive.schema import CATALOGUE_SCHEMA

_FEWEST_ROWS: Final = 8_192
_MOST_FILES: Final = 4_096
_MOST_RANGES: Final = 256
_SAMPLED: Final = 64
"""One key in so many is looked at to find ranges that hold about as many rows each."""
NO_ROWS: Final = pa.Table.from_batches([], CATALOGUE_SCHEMA)
_NO_KEYS: Final = pa.nulls(0, pa.string())
_SPILLED: Final = pa.ipc.IpcWriteOptions(compression="lz4")


def rows_per_file(rows: int) -> int:
    """How many rows a file of a table should have.

    Small files make a change small, and many files make every commit and every opening long: 1 MB, until there are
    so many of them that their list costs more than they do.
    """
    return max(_FEWEST_ROWS, rows // _MOST_FILES)


def rewritten(
    files: Sequence[DataFile],
    read: Read,
    *,
    others: Iterable[DataFile] = (),
    gone: pa.Array = _NO_KEYS,
    come: pa.Table = NO_ROWS,
    size: int,
) -> Iterator[pa.Table]:
    """The rows of files, sorted by key, cut as new files are to be.

    Args:
        others: files that stay. None of them lies between two rows of a new file, where that can be helped.
        gone: keys of rows that are left out.
        come: rows that are put in.
        size: rows of a file.
    """
    come = sorted_by_key(come)
    groups = list(groups_of_neighbours(files, others)) or [[]]
    ends = [bisect_left(come["key"].to_pylist(), group[0].first) for group in groups[1:]]
    for group, (start, stop) in zip(groups, pairwise([0, *ends, come.num_rows]), strict=True):
        yield from _run_of(group, read, gone, come[start:stop], size)


def groups_of_neighbours(files: Iterable[DataFile], others: Iterable[DataFile]) -> Iterator[list[DataFile]]:
    """Groups of files, in the order of their keys, between which one of the others begins."""
    starts = sorted(file.first for file in others)
    group: list[DataFile] = []
    end: str | None = ""
    for file in sorted(files, key=lambda file: file.first):
        is_apart = end is not None and file.first > end
        if group and is_apart and bisect_right(starts, end or "") != bisect_left(starts, file.first):
            yield group
            group, end = [], ""
        group.append(file)
        end = None if end is None or file.last is None else max(end, file.last)
    if group:
        yield group


def _run_of(
    files: Sequence[DataFile], read: Read, gone: pa.Array, come: pa.Table, size: int
) -> Iterator[pa.Table]:
    with ExitStack() as stack:
        if most_rows_held(files) <= MOST_HELD:
            pieces = [
                Piece(first=file.first, last=file.last, read=partial(_rows_in, file, read, gone))
                for file in files
            ]
        else:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="tenfold-")))
            pieces = _by_ranges(files, read, gone, size, folder)
        yield from cut_to_size(in_order(pieces, come), size)


def _rows_in(file: DataFile, read: Read, gone: pa.Array) -> pa.Table:
    return without_keys(pa.Table.from_batches(batches_in(read(file)), CATALOGUE_SCHEMA), gone)


def cut_to_size(parts: Iterable[pa.Table], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of `size`; the last one has up to one and a half of it."""
    waiting = NO_ROWS
    for part in parts:
        waiting = pa.concat_tables([waiting, part])
        while waiting.num_rows > size + size // 2:
            yield waiting[:size]
            waiting = waiting[size:]
    if waiting.num_rows:
        yield waiting


def _by_ranges(files: Sequence[DataFile], read: Read, gone: pa.Array, size: int, folder: Path) -> list[Piece]:
    """The rows of files in files of a local folder, each of which holds a range of keys that is its own."""
    edges = _edges(files, read, size)
    paths = [folder / f"{number}.arrow" for number in range(len(edges) + 1)]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(pa.ipc.new_file(path, CATALOGUE_SCHEMA, options=_SPILLED)) for path in paths
        ]
        for file in files:
            for batch in batches_in(read(file)):
                rows = sorted_by_key(without_keys(pa.Table.from_batches([batch]), gone))
                keys = rows["key"].to_pylist()
                cuts = [0, *(bisect_left(keys, edge) for edge in edges), len(keys)]
                for writer, (start, stop) in zip(writers, pairwise(cuts), strict=True):
                    writer.write_table(rows[start:stop])
    firsts, lasts = ["", *edges], [*edges, None]
    return [
        Piece(first=first, last=last, read=partial(_spilled, path))
        for path, first, last in zip(paths, firsts, lasts, strict=True)
    ]


def _edges(files: Sequence[DataFile], read: Read, size: int) -> list[str]:
    """Keys that cut all keys into ranges of about as many rows as a file is to have."""
    sample: list[str] = []
    for file in files:
        for batch in batches_in(read(file), ["key"]):
            sample += batch["key"][::_SAMPLED].to_pylist()
    ranges = min(_MOST_RANGES, len(sample) * _SAMPLED // size + 1)
    sample.sort()
    return sorted({sample[len(sample) * number // ranges] for number in range(1, ranges)})


def _spilled(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
