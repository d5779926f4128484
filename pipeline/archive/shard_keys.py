"""Which shards hold an image, whatever the catalogue says of it: rows that were replaced lie there as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.key_ranges import KeyRanges
from pipeline.errors import DamagedError
from pipeline.store.range_file import RangeFile
from pipeline.store.storage import Storage

_READS: Final = 16
"""Shards looked into at once."""


def shards_with(
    storage: Storage, shards: Mapping[str, int], keys: KeyRanges, is_meant: Callable[[str], bool]
) -> set[str]:
    """The shards that hold a key which is meant.

    Of a shard its footer is read, and its keys where the footer does not rule them out; never a payload.

    Args:
        shards: path -> bytes of the shards to look into.
        keys: ranges in which every key lies that is meant.
        is_meant: whether a key in these ranges is meant.
    Raises:
        DamagedError: a shard is no Parquet file.
        StorageError: a shard cannot be read.
    """

    def holds(item: tuple[str, int]) -> bool:
        return any(is_meant(key) for key in _keys_near(storage, *item, keys))

    with ThreadPoolExecutor(_READS, thread_name_prefix="shard-keys") as threads:
        found = threads.map(holds, shards.items())
        return {path for path, there in zip(shards, found, strict=True) if there}


def _keys_near(storage: Storage, path: str, size: int, keys: KeyRanges) -> list[str]:
    """The keys of the row groups that may hold a key in the ranges."""
    try:
        with pq.ParquetFile(pa.PythonFile(RangeFile(storage, path, size=size), mode="r")) as file:
            near = [group for group in range(file.num_row_groups) if _may_hold(file, group, keys)]
            table = file.read_row_groups(near, columns=["key"])
    except pa.ArrowException as error:
        raise DamagedError(
            f"Expected a Parquet file at {path}, got: {error}; run `tenfold repair`."
        ) from error
    found: list[str] = table["key"].to_pylist()
    return found


def _may_hold(file: pq.ParquetFile, group: int, keys: KeyRanges) -> bool:
    chunk = file.metadata.row_group(group).column(file.schema_arrow.get_field_index("key"))
    seen = chunk.statistics
    if seen is None or not seen.has_min_max:
        return True
    return keys.touches(seen.min, seen.max)
