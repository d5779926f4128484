"""The worker that reads shards for what the catalogue said of them. Plain Python; Ray only wraps it (ray_pool.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from pipeline.archive.shards import catalogue_rows
from pipeline.errors import DamagedError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTask:
    """Read one shard."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndexResult:
    """What it says."""

    rows: pa.Table | None
    """CATALOGUE_SCHEMA; None when its bytes are not those that were written."""
    damage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexerSpec:
    """Builds an indexer where it will live."""

    wants_gpu: ClassVar[bool] = False

    archive_url: str
    storage: StorageOptions

    def build(self, *, threads: int) -> Indexer:
        """Open the store."""
        return Indexer(Storage(self.archive_url, self.storage))


class Indexer:
    """Holds one shard at a time."""

    def __init__(self, archive: Storage) -> None:
        """Take the archive."""
        self._archive = archive

    def run(self, task: IndexTask) -> IndexResult:
        """Read one shard.

        Raises:
            NewerFormatError: it was written by a release that is too new.
            StorageError: the store does not answer.
        """
        try:
            rows = catalogue_rows(self._archive.read(task.shard), task.shard)
        except DamagedError as error:
            return IndexResult(rows=None, damage=str(error))
        return IndexResult(rows=rows, damage=None)

    def close(self) -> None:
        """Nothing to let go of."""
