"""The rows of one version of a catalogue in one file, sorted by key: mapped into memory, one copy for all processes.

    $XDG_CACHE_HOME/tenfold/indexes/<id of the table>-<edition>-<layout>-<crc32>.arrows

An edition is a version of one copy of an archive (`Catalogue.edition`). The file holds one Arrow stream after the
other, each of one batch in types of its own (narrow_columns.py). It is a cache: safe to delete, and of no use
elsewhere. It appears whole or not at all, and who opens it holds its bytes against the checksum in its name; a release
whose rows have other columns, or are written otherwise, has another layout.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import pyarrow as pa

from pipeline.archive.narrow_columns import narrowed
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.archive.sorted_rows import SortedRows

MOST_BYTES: Final = 4 * 2**30
"""Of all index files together."""
_ROWS_PER_BATCH: Final = 65_536
_LAYOUT: Final = f"{zlib.crc32(f'narrowed 1: {CATALOGUE_SCHEMA}'.encode()):08x}"
_PIECE: Final = 2**20


def default_folder() -> Path:
    """`$XDG_CACHE_HOME/tenfold/indexes`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenfold" / "indexes"


def in_memory(batches: Iterable[pa.RecordBatch]) -> SortedRows:
    """All rows, CATALOGUE_SCHEMA, sorted by key, without a file."""
    return SortedRows(map(narrowed, _in_large_batches(batches)))


def to_bytes(batches: Iterable[pa.RecordBatch]) -> bytes:
    """What a file would hold.

    Args:
        batches: all rows, CATALOGUE_SCHEMA, sorted by key.
    """
    sink = pa.BufferOutputStream()
    _write(sink, batches)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_bytes(content: bytes) -> SortedRows:
    """The rows that `to_bytes` was given."""
    return SortedRows(_parts(pa.BufferReader(content)))


def open_index(folder: Path, table_id: str, edition: str) -> SortedRows | None:
    """The index of an edition, mapped, if it is there and whole."""
    for path in folder.glob(f"{table_id}-{edition}-{_LAYOUT}-*.arrows"):
        with suppress(OSError):
            source = pa.memory_map(str(path))
            if path.stem.endswith(_checksum(path)):
                return SortedRows(_parts(source))
    return None


def write_index(folder: Path, table_id: str, edition: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Make the index of an edition; the files of older ones go, and the oldest of other tables where they are too much.

    Args:
        batches: all rows, CATALOGUE_SCHEMA, sorted by key.
    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{uuid4()}.part"
    try:
        with pa.OSFile(str(unfinished), "wb") as sink:
            _write(sink, batches)
        name = f"{table_id}-{edition}-{_LAYOUT}-{_checksum(unfinished)}.arrows"
        unfinished.replace(folder / name)
    finally:
        unfinished.unlink(missing_ok=True)
    _make_room(folder, table_id, keep=name)


def _write(sink: pa.NativeFile, batches: Iterable[pa.RecordBatch]) -> None:
    for part in map(narrowed, _in_large_batches(batches)):
        with pa.ipc.new_stream(sink, part.schema) as writer:
            writer.write_batch(part)


def _parts(source: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    while source.tell() < source.size():
        yield from pa.ipc.open_stream(source)


def _make_room(folder: Path, table_id: str, *, keep: str) -> None:
    """Remove index files; a process that has one open keeps it."""
    held = 0
    with suppress(FileNotFoundError):  # another process makes room too
        for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True):
            held += path.stat().st_size
            if path.name != keep and (held > MOST_BYTES or path.name.startswith(f"{table_id}-")):
                path.unlink()


def _in_large_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in few batches."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= _ROWS_PER_BATCH:
            yield pa.concat_batches(held)
            held = []
    if sum(map(len, held)):
        yield pa.concat_batches(held)


def _checksum(path: Path) -> str:
    """Of a file that is read, not mapped: no page of it counts as this process's before a row in it is asked for."""
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            crc = zlib.crc32(piece, crc)
    return f"{crc:08x}"
