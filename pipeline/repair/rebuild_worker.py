"""The worker that reads shards for what the catalogue said of them. Plain Python; Ray only wraps it (ray_pool.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from pipeline.archive.shards import catalogue_rows
from pipeline.errors import DamagedError, UnreadableError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.workers.pool import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildTask:
    """Read one shard."""

    shard: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RebuildResult:
    """What it says."""

    rows: pa.Table | None
    """CATALOGUE_SCHEMA; None when its bytes are not those that were written."""
    damage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildSpec:
    """Builds an indexer where it will live."""

    does: ClassVar[str] = "rebuild"
    wants_gpu: ClassVar[bool] = False

    archive_url: str
    storage: StorageOptions

    def build(self, *, threads: int) -> RebuildWorker:
        """Open the store."""
        return RebuildWorker(Storage(self.archive_url, self.storage))


class RebuildWorker(Worker[RebuildTask, RebuildResult]):
    """Holds one shard at a time."""

    def __init__(self, archive: Storage) -> None:
        """Take the archive."""
        self._archive = archive

    def run(self, task: RebuildTask) -> RebuildResult:
        """Read one shard.

        Raises:
            NewerFormatError: it was written by a release that is too new.
            StorageError: the store does not answer.
        """
        try:
            rows = catalogue_rows(self._archive.read(task.shard), task.shard)
        except (DamagedError, UnreadableError) as error:
            return RebuildResult(rows=None, damage=str(error))
        return RebuildResult(rows=rows, damage=None)
