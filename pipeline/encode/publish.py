"""Rows as they come into published shards: one for a unit, or several when the payloads outgrow the target."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pyarrow as pa

from pipeline.archive.shards import build_shard, publish
from pipeline.encode.tasks import EncodeTask, Stages
from pipeline.store.storage import Storage
from pipeline.types import ShardRow


def publish_rows(
    archive: Storage, rows: Iterable[ShardRow], task: EncodeTask, stages: Stages, *, target_bytes: int
) -> pa.Table:
    """Write all rows of a task.

    Returns:
        CatalogueRow columns, with the shard's path.
    Raises:
        StorageError: the archive cannot be written.
    """
    tables: list[pa.Table] = []
    waiting: list[ShardRow] = []
    waiting_bytes = 0
    for row in rows:
        more = sum(len(part or b"") for part in (row.payload, row.exif, row.icc, row.xmp, row.alpha))
        if waiting and waiting_bytes + more > target_bytes:
            tables.append(_publish_one(archive, waiting, task, stages))
            waiting, waiting_bytes = [], 0
        waiting.append(row)
        waiting_bytes += more
    tables.append(_publish_one(archive, waiting, task, stages))
    return pa.concat_tables(tables)


def _publish_one(archive: Storage, rows: list[ShardRow], task: EncodeTask, stages: Stages) -> pa.Table:
    started = time.perf_counter()
    shard = build_shard(rows, metadata={"run": task.run, "unit": str(task.number)})
    path = publish(archive, shard, run=task.run, number=task.number)
    stages.publish_s += time.perf_counter() - started
    return shard.named(path)
