"""Rows of several files as one stream in the order of their keys: no more is held than lies over one another."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from pipeline.archive.data_files import DataFile
from pipeline.archive.keyed_rows import sorted_by_key

MOST_HELD: Final = 131_072
"""Rows: about 80 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows that are read when their turn comes."""

    first: str
    """No key in it is smaller."""
    last: str | None
    """No key in it is greater; None where that is not known."""
    read: Callable[[], pa.Table]


def most_rows_held(files: Sequence[DataFile]) -> int:
    """The most rows that lie over one another, by what the log says; an unknown number counts as too many."""
    edges = [(file.first, file.rows or MOST_HELD + 1) for file in files]
    edges += [(file.last + "\0", -file.rows) for file in files if file.last is not None]
    held = most = 0
    for _, rows in sorted(edges):
        held += rows
        most = max(most, held)
    return most


def in_order(pieces: Sequence[Piece], come: pa.Table) -> Iterator[pa.Table]:
    """All rows, sorted: what is smaller than the beginning of the next piece can be handed out.

    Args:
        pieces: in the order of their first keys.
        come: further rows, sorted by key, in the columns that the pieces have.
    """
    keys = come["key"].to_pylist()
    taken = 0
    waiting = come[:0]
    for piece in pieces:
        until = bisect_left(keys, piece.first, taken)
        waiting = _together(waiting, come[taken:until])
        ready = _rows_before(waiting["key"], piece.first)
        yield waiting[:ready]
        taken = len(keys) if piece.last is None else bisect_right(keys, piece.last, until)
        waiting = _together(waiting[ready:], piece.read(), come[until:taken])
    yield _together(waiting, come[taken:])


def _rows_before(keys: pa.ChunkedArray, first: str) -> int:
    """How many of sorted keys are smaller than one. Arrow's own search would load pandas to look at that one."""
    return bisect_left(range(len(keys)), first, key=lambda row: keys[row].as_py())


def _together(*parts: pa.Table) -> pa.Table:
    some = [part for part in parts if part.num_rows]
    return sorted_by_key(pa.concat_tables(some)) if some else parts[0]
