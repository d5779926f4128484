"""The rows of one version of a catalogue in one file, sorted by key: mapped into memory, one copy for all processes.

    $XDG_CACHE_HOME/tenfold/indexes/<id of the table>-<version>-<crc32>.arrow

It is a cache: safe to delete, and of no use elsewhere. A file appears whole or not at all, and who opens it holds its
bytes against the checksum in its name.
"""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.types import CatalogueRow

MOST_BYTES: Final = 4 * 2**30
"""Of all index files together."""
_ROWS_PER_BATCH: Final = 65_536
_NOTHING: Final[dict[str, Any]] = dict.fromkeys(CATALOGUE_SCHEMA.names)
_TIMES: Final = [field.name for field in CATALOGUE_SCHEMA if pa.types.is_timestamp(field.type)]


def default_folder() -> Path:
    """`$XDG_CACHE_HOME/tenfold/indexes`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenfold" / "indexes"


class SortedRows:
    """Rows of a catalogue, sorted by key, each found by halving. Safe to use from several threads."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take all batches: CATALOGUE_SCHEMA, sorted by key, none of them empty."""
        self._parts = list(map(_Part, batches))
        self._firsts = [part.keys[0].as_py() for part in self._parts]

    def find(self, key: str) -> CatalogueRow | None:
        """The row of a key; None when there is none."""
        number = bisect_right(self._firsts, key) - 1
        return None if number < 0 else self._parts[number].find(key)


class _Part:
    """The rows of a batch."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        columns = zip(batch.schema.names, batch.columns, strict=True)
        self.keys = batch["key"]
        self._filled = {name: column for name, column in columns if column.null_count < len(column)}

    def find(self, key: str) -> CatalogueRow | None:
        at = pc.search_sorted(self.keys, pa.scalar(key)).as_py()
        if at == len(self.keys) or self.keys[at].as_py() != key:
            return None
        values = _NOTHING | {name: column[at].as_py() for name, column in self._filled.items()}
        for name in _TIMES:
            if values[name] is not None:
                values[name] = values[name].astimezone(UTC)
        if values["latent_shape"] is not None:
            values["latent_shape"] = tuple(values["latent_shape"])
        return CatalogueRow(**values)


def open_index(folder: Path, table_id: str, version: int) -> SortedRows | None:
    """The index of a version, mapped, if it is there and whole."""
    for path in folder.glob(f"{table_id}-{version}-*.arrow"):
        with suppress(OSError):
            source = pa.memory_map(str(path))
            if path.stem.endswith(_checksum(source.read_buffer())):
                source.seek(0)
                reader = pa.ipc.open_file(source)
                return SortedRows(map(reader.get_batch, range(reader.num_record_batches)))
    return None


def write_index(folder: Path, table_id: str, version: int, batches: Iterable[pa.RecordBatch]) -> None:
    """Make the index of a version; the files of older ones go, and the oldest of other tables where they are too much.

    Args:
        batches: all rows, CATALOGUE_SCHEMA, sorted by key.
    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{uuid4()}.part"
    try:
        with pa.ipc.new_file(str(aside), CATALOGUE_SCHEMA) as writer:
            for batch in in_large_batches(batches):
                writer.write_batch(batch)
        with pa.memory_map(str(aside)) as source:
            name = f"{table_id}-{version}-{_checksum(source.read_buffer())}.arrow"
        aside.replace(folder / name)
    finally:
        aside.unlink(missing_ok=True)
    _make_room(folder, table_id, keep=name)


def _make_room(folder: Path, table_id: str, *, keep: str) -> None:
    """Remove index files; a process that has one open keeps it."""
    held = 0
    with suppress(FileNotFoundError):  # another process makes room too
        for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True):
            held += path.stat().st_size
            if path.name != keep and (held > MOST_BYTES or path.name.startswith(f"{table_id}-")):
                path.unlink()


def in_large_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in few batches."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= _ROWS_PER_BATCH:
            yield pa.concat_batches(held)
            held = []
    if sum(map(len, held)):
        yield pa.concat_batches(held)


def _checksum(content: pa.Buffer) -> str:
    return f"{zlib.crc32(content):08x}"
