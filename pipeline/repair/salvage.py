"""Shards of an archive, looked into by workers, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.layout import SHARDS_FOLDER
from pipeline.archive.schema import rows_of
from pipeline.config import CompressConfig
from pipeline.events import Listener
from pipeline.repair.salvage_worker import SalvageResult, SalvageSpec, SalvageTask
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from pipeline.verify.damage import Problem
from pipeline.workers.pool import Died
from pipeline.workers.retry import work_through
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenShard:
    """A shard that was looked into."""

    task: SalvageTask
    seen: SalvageResult

    def lost_rows(self) -> list[CatalogueRow]:
        """The rows of the images that the shard does not give back."""
        is_lost = pc.is_in(self.task.rows["key"], pa.array(self.seen.lost_keys, pa.string()))
        return rows_of(self.task.rows.filter(is_lost), CatalogueRow)


def look_into_shards(
    archive: Storage, config: CompressConfig, tasks: Iterable[SalvageTask], listen: Listener
) -> Iterator[SeenShard | Problem | None]:
    """Do every task.

    Yields:
        What was seen, a problem in the place of a shard that cannot be read or that no worker survives, or None when
        only time went by.
    """
    spec = SalvageSpec(archive_url=archive.url, storage=config.storage)
    workload = Workload.of_shards(sum(info.size for info in archive.list(SHARDS_FOLDER)))
    with working_pool(spec, config.workers, listen, workload=workload) as pool:
        for outcome in work_through(pool, tasks, lambda _: (), listen=listen):
            if outcome is None:
                yield None
            elif isinstance(outcome, Died):
                words = f"Its worker died each time it was tried alone: {outcome.reason}"
                yield Problem(path=outcome.task.shard, key=None, problem=words)
            elif isinstance(outcome.result, Problem):
                yield outcome.result
            else:
                yield SeenShard(task=outcome.task, seen=outcome.result)
