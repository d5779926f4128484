"""What a repair would come to, for `--dry-run`: the plan, and what the sources would give back today."""

from __future__ import annotations

from pipeline.config import CompressConfig
from pipeline.repair.plan import RepairPlan
from pipeline.repair.reencode import reencode_batches, unavailable
from pipeline.repair.summary import RepairSummary
from pipeline.store.storage import Storage


def dry_run(archive: Storage, config: CompressConfig, plan: RepairPlan, *, repair: str) -> RepairSummary:
    """The summary of a plan that is not done; every source file that it needs is read.

    Args:
        config: as the repair would be told.
        repair: the name that it would have.
    Raises:
        StorageError: the store of the archive, or that of the sources, does not answer.
    """
    rows = [row for shard in plan.shards for row in shard.lost_rows()]
    batches = reencode_batches(archive, rows, config) if rows else []
    gone = [image for batch in batches for image in unavailable(archive, batch)]
    return plan.summary(
        plan.shards,
        dry_run=True,
        repair=repair,
        version=plan.version,
        encoded_again=len(rows) - len(gone),
        lost=sorted([*gone, *plan.given_up], key=lambda image: image.key),
    )
