"""The worker that saves what is whole in damaged shards. Plain Python; Ray only wraps it (ray_pool.py).

It looks as `verify` does (damage.py). What is whole goes into a new shard as it is: nothing is encoded again, and the
damaged shard stays where it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from pipeline.archive.range_reads import row_in
from pipeline.archive.schema import CATALOGUE_SCHEMA, columns_of, rows_of
from pipeline.archive.shards import build_shard, publish
from pipeline.archive.unreadable import unreadable_shard
from pipeline.archive.weights import weights_needed
from pipeline.errors import UnreadableError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from pipeline.verify.damage import Problem, ShardDamage, missing_shard, read_shard
from pipeline.workers.pool import Worker


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SalvageTask:
    """Look into one shard, and save what is whole if not all is."""

    shard: str
    rows: pa.Table
    """CATALOGUE_SCHEMA: what the catalogue says lies in it."""
    run: str | None
    """Under which a new shard is published; None: only look."""
    number: int
    """Of the new shard."""
    weights: frozenset[bytes]
    """Digests of all that are whole in the archive, or ship with this release."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SalvageResult:
    """What was seen, and done."""

    problems: tuple[Problem, ...]
    salvaged: int
    """Images that are whole in a shard that is not."""
    moved: pa.Table | None
    """Their rows, CATALOGUE_SCHEMA, in the new shard; None when there is none."""
    corrected: pa.Table | None
    """What a sound shard says of images of which the catalogue says otherwise."""
    lost_keys: tuple[str, ...]
    """Keys of the images that are whole nowhere in the shard."""
    undecodable: tuple[str, ...]
    """Keys of the images that need other weights."""
    needed: frozenset[bytes]
    """Digests of the weights that the others need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SalvageSpec:
    """Builds a mender where it will live."""

    does: ClassVar[str] = "salvage"
    wants_gpu: ClassVar[bool] = False

    archive_url: str
    storage: StorageOptions

    def build(self, *, threads: int) -> SalvageWorker:
        """Open the store."""
        return SalvageWorker(Storage(self.archive_url, self.storage))


class SalvageWorker(Worker[SalvageTask, SalvageResult | Problem]):
    """Holds one shard at a time."""

    def __init__(self, archive: Storage) -> None:
        """Take the archive."""
        self._archive = archive

    def run(self, task: SalvageTask) -> SalvageResult | Problem:
        """Do one task; a problem says why nothing can be done about its shard.

        Raises:
            StorageError: the store does not answer.
        """
        rows = rows_of(task.rows, CatalogueRow)
        try:
            data, found = read_shard(self._archive, rows, task.shard)
        except FileNotFoundError:
            data, found = b"", missing_shard(rows)
        except UnreadableError as error:  # no evidence that anything of it is lost
            return Problem(
                path=task.shard, key=None, problem=str(unreadable_shard(self._archive, task.shard, error))
            )
        lost_keys, whole = _sorted(rows, found, is_missing=not data)
        needed = {row.key: named for row, named in weights_needed(rows, data) if row.key not in lost_keys}
        said = [row for row in found.misstated.values() if row is not None]
        return SalvageResult(
            problems=tuple(found.problems(task.shard, rows)),
            salvaged=len(whole),
            moved=self._move(whole, data, task),
            corrected=pa.table(columns_of(said, CATALOGUE_SCHEMA), CATALOGUE_SCHEMA) if said else None,
            lost_keys=lost_keys,
            undecodable=tuple(key for key, digest in needed.items() if digest not in task.weights),
            needed=task.weights.intersection(digest for digest in needed.values() if digest is not None),
        )

    def _move(self, whole: Sequence[CatalogueRow], data: bytes, task: SalvageTask) -> pa.Table | None:
        if not whole or task.run is None:
            return None
        metadata = {"run": task.run, "unit": str(task.number)}
        shard = build_shard([row_in(row, data) for row in whole], metadata=metadata)
        return shard.named(publish(self._archive, shard, run=task.run, number=task.number))


def _sorted(
    rows: Sequence[CatalogueRow], found: ShardDamage, *, is_missing: bool
) -> tuple[tuple[str, ...], list[CatalogueRow]]:
    """Keys of the images that the shard does not give back, and the rows to move into a new shard.

    An image that failed has nothing in the shard: its row is always whole.
    """
    absent = found.damaged_images.keys() | {key for key, said in found.misstated.items() if said is None}
    lost_keys = tuple(row.key for row in rows if row.key in absent and row.status != "failed")
    is_broken = is_missing or found.damage is not None
    moved = [row for row in rows if row.key not in lost_keys and (is_broken or row.key in absent)]
    return lost_keys, moved
