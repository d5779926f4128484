"""Which shards hold an image, whatever the catalogue says of it: rows that were replaced lie there as well."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.key_ranges import KeyRanges
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage

_READS: Final = 16
"""Shards looked into at once."""


def shards_with(
    storage: Storage, shards: Mapping[str, int], keys: KeyRanges, is_meant: Callable[[str], bool]
) -> set[str]:
    """Those that hold a key which is meant. Of each its footer is read, and its keys where the footer does not rule
    them out: no payload.

    Args:
        shards: their paths and sizes.
        keys: in which all that is meant lies.
        is_meant: whether a key in these ranges is.
    Raises:
        DamagedError: one is no Parquet file.
        StorageError: one cannot be read.
    """

    def holds(item: tuple[str, int]) -> bool:
        return any(is_meant(key) for key in _keys_near(storage, *item, keys))

    with ThreadPoolExecutor(_READS, thread_name_prefix="shard-keys") as threads:
        found = threads.map(holds, shards.items())
        return {path for path, there in zip(shards, found, strict=True) if there}


def _keys_near(storage: Storage, path: str, size: int, keys: KeyRanges) -> list[str]:
    """The keys of the row groups that may hold one of these."""
    try:
        with pq.ParquetFile(pa.PythonFile(_Ranges(storage, path, size), mode="r")) as file:
            near = [group for group in range(file.num_row_groups) if _may_hold(file, group, keys)]
            table = file.read_row_groups(near, columns=["key"])
    except pa.ArrowException as error:
        raise DamagedError(f"Expected a Parquet file at {path}, got: {error}") from error
    found: list[str] = table["key"].to_pylist()
    return found


def _may_hold(file: pq.ParquetFile, group: int, keys: KeyRanges) -> bool:
    chunk = file.metadata.row_group(group).column(file.schema_arrow.get_field_index("key"))
    seen = chunk.statistics
    if seen is None or not seen.has_min_max:
        return True
    return bool(keys.touch(pa.array([seen.min]), pa.array([seen.max]))[0].as_py())


class _Ranges(io.RawIOBase):
    """An object of a store as a file that is read in ranges."""

    def __init__(self, storage: Storage, path: str, size: int) -> None:
        self._storage, self._path, self._size = storage, path, size
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As files do."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """As files do."""
        return self._at

    def read(self, count: int = -1) -> bytes:
        """As files do: one request."""
        left = max(0, self._size - self._at)
        length = left if count < 0 else min(count, left)
        data = self._storage.read_range(self._path, self._at, length) if length else b""
        self._at += len(data)
        return data
