"""Batches of rows in the order of their keys (keyed_rows.py): as long as they come so, else sorted on disk."""

from __future__ import annotations

import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import IO, Any, Final

import pyarrow as pa

from pipeline.archive.keyed_rows import ascends, sorted_by_key

_SORTED_AT_ONCE: Final = 2**19
"""Rows that are sorted in memory; a listing of more is sorted in such parts, which are merged."""
_BATCH: Final = 2**13
_HELD: Final = 2**16
"""Rows that are put aside in memory, before others go to the disk."""


class Ascending:
    """The batches of a stream for as long as their keys ascend."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take nothing yet."""
        self._batches = iter(batches)
        self.rest: Iterator[pa.RecordBatch] | None = None
        """After the end: what follows the first key that does not ascend; None when all did."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        last: str | None = None
        for batch in self._batches:
            if not len(batch):
                continue
            if not ascends(batch["key"]) or (last is not None and batch["key"][0].as_py() < last):
                self.rest = chain([batch], self._batches)
                return
            last = batch["key"][-1].as_py()
            yield batch


def sorted_on_disk(
    batches: Iterable[pa.RecordBatch], *, tell: Callable[[int], None]
) -> Iterator[pa.RecordBatch]:
    """The same rows, sorted by key. More than fit in memory lie in temporary files meanwhile.

    Args:
        tell: is told now and then how many rows were taken so far.
    """
    runs: list[Iterator[pa.RecordBatch]] = []
    waiting: list[pa.RecordBatch] = []
    rows = taken = 0
    for batch in batches:
        waiting.append(batch)
        rows += len(batch)
        if rows >= _SORTED_AT_ONCE:
            taken += rows
            spilled = SpilledBatches(held=0)
            for part in _sorted(waiting):
                spilled.put(part)
            runs.append(spilled.taken())
            waiting, rows = [], 0
            tell(taken)
    tell(taken + rows)
    runs += [_sorted(waiting)] if waiting else []
    yield from runs[0] if len(runs) == 1 else _merged(runs)


def side_by_side(
    one: Iterable[pa.RecordBatch], other: Iterable[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch | None, pa.RecordBatch | None]]:
    """Two ascending streams in pieces: both parts of a piece hold all that the streams have of a range of keys."""
    ones, others = iter(one), iter(other)
    left = right = None
    while True:
        left = next(ones, None) if left is None else left
        right = next(others, None) if right is None else right
        heads = [batch for batch in (left, right) if batch is not None]
        if not heads:
            return
        bound = _first_end(heads)
        mine, left = _cut(left, bound)
        its, right = _cut(right, bound)
        yield mine, its


class SpilledBatches:
    """Batches of one schema that are put away and taken again in the same order: a few in memory, the rest on disk."""

    def __init__(self, *, held: int = _HELD) -> None:
        """Hold nothing yet; at most about `held` rows in memory."""
        self._left = held
        self._here: list[pa.RecordBatch] = []
        self._stored: tuple[IO[bytes], Any] | None = None
        """A file, and what writes to it."""

    def put(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""
        if not len(batch):
            return
        if self._left > 0:
            self._here.append(batch)
            self._left -= len(batch)
            return
        if self._stored is None:
            file = tempfile.TemporaryFile(prefix="tenfold-rows-")  # noqa: SIM115 closed below
            weakref.finalize(self, file.close)
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._stored = file, pa.ipc.new_stream(file, batch.schema, options=options)
        self._stored[1].write_batch(batch)

    def taken(self) -> Iterator[pa.RecordBatch]:
        """All batches, once; none may be put away any more."""
        while self._here:
            yield self._here.pop(0)
        if self._stored is not None:
            file, writer = self._stored
            writer.close()
            file.seek(0)
            yield from pa.ipc.open_stream(file)


def _merged(runs: list[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Several sorted streams as one."""
    heads = [next(run, None) for run in runs]
    while any(head is not None for head in heads):
        bound = _first_end([head for head in heads if head is not None])
        cuts = [_cut(head, bound) for head in heads]
        yield from _sorted([part for part, _ in cuts if part is not None])
        heads = [next(run, None) if rest is None else rest for (_, rest), run in zip(cuts, runs, strict=True)]


def _first_end(batches: list[pa.RecordBatch]) -> str:
    """Up to this key nothing can follow these batches that belongs before it."""
    end: str = min(batch["key"][-1].as_py() for batch in batches)
    return end


def _cut(batch: pa.RecordBatch | None, bound: str) -> tuple[pa.RecordBatch | None, pa.RecordBatch | None]:
    """What a batch has of the keys up to a bound, and what is left of it."""
    if batch is None:
        return None, None
    keys = batch["key"]
    count = bisect_right(range(len(batch)), bound, key=lambda place: keys[place].as_py())
    return (batch.slice(0, count) if count else None), (batch.slice(count) if count < len(batch) else None)


def _sorted(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    table = sorted_by_key(pa.Table.from_batches(batches))
    return iter(table.to_batches(max_chunksize=_BATCH))
