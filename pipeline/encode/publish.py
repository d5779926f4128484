"""Rows as they come into published shards: one for a unit, or several when the payloads outgrow the target."""

from __future__ import annotations

import time
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.archive.range_reads import ATTACHMENTS
from pipeline.archive.shards import build_shard, publish
from pipeline.encode.tasks import EncodeResult, EncodeTask, Stages
from pipeline.store.storage import Storage
from pipeline.types import ShardRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRow:
    """A row, and the work that it took."""

    row: ShardRow
    stages: Stages = field(default_factory=Stages)


def publish_rows(
    archive: Storage, rows: Iterable[TimedRow], task: EncodeTask, *, target_bytes: int
) -> EncodeResult:
    """Write all rows of a task.

    Raises:
        StorageError: the archive cannot be written.
    """
    published: list[EncodeResult] = []
    work = Stages()
    waiting: list[ShardRow] = []
    waiting_bytes = 0
    payloads: set[bytes] = set()
    for timed in rows:
        row = timed.row
        work += timed.stages
        more = _bytes_of(row, payloads)
        if waiting and waiting_bytes + more > target_bytes:
            published.append(_publish_one(archive, waiting, task))
            waiting, waiting_bytes = [], 0
            payloads.clear()
            more = _bytes_of(row, payloads)
        payloads.add(row.payload or b"")
        waiting.append(row)
        waiting_bytes += more
    published.append(_publish_one(archive, waiting, task))
    return EncodeResult(
        rows=pa.concat_tables(shard.rows for shard in published),
        stages=sum((shard.stages for shard in published), work),
    )


def _bytes_of(row: ShardRow, payloads: Set[bytes]) -> int:
    """What a row adds to a shard that holds these payloads: equal ones lie there once."""
    names = ATTACHMENTS if row.payload in payloads else ("payload", *ATTACHMENTS)
    return sum(len(getattr(row, name) or b"") for name in names)


def _publish_one(archive: Storage, rows: list[ShardRow], task: EncodeTask) -> EncodeResult:
    started = time.perf_counter()
    shard = build_shard(rows, metadata={"run": task.run, "unit": str(task.number)})
    path = publish(archive, shard, run=task.run, number=task.number)
    seconds = time.perf_counter() - started
    return EncodeResult(rows=shard.named(path), stages=Stages(publish_s=seconds))
