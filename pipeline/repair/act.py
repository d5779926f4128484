"""Does what a repair plan says, under the lease.

Killed anywhere, the same command goes on: what was done is found done, a half-made catalogue is made again, and the
runs over the sources resume as any run does.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace

import pyarrow as pa

from codec.weights_file import shipped
from pipeline.archive.adaptations import without_weights, write_adaptation
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import digest_in, weights_path
from pipeline.archive.lease import Lease
from pipeline.archive.seals import seal
from pipeline.archive.set_aside import SetAsideFolder, remove
from pipeline.compress.archived_images import lost_images
from pipeline.compress.run import CompressRun
from pipeline.compress.summary import RunSummary
from pipeline.config import CompressConfig
from pipeline.events import Listener, StepAdvanced
from pipeline.repair.diagnosis import SealsSeen, do_without
from pipeline.repair.plan import RepairPlan
from pipeline.repair.rebuild_catalogue import replace_catalogue
from pipeline.repair.reencode import ReencodeBatch, reencode_batches
from pipeline.repair.returned_shards import lost_in_catalogue
from pipeline.repair.salvage import SeenShard, look_into_shards
from pipeline.repair.summary import RepairSummary
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from pipeline.verify.damage import Problem


class RepairAct:
    """Changes one archive while its lease is held."""

    def __init__(
        self, archive: Storage, config: CompressConfig, lease: Lease, *, repair: str, listen: Listener
    ) -> None:
        """Change nothing yet.

        Args:
            config: where and with which workers; its codec, if it names one, replaces what the lost rows say.
            repair: the name of this repair.
        """
        self._archive = archive
        self._config = config
        self._lease = lease
        self._repair = repair
        self._listen = listen
        self._set_aside = SetAsideFolder(archive)

    def put_aside(self, seals: SealsSeen) -> None:
        """Take out what the catalogue does without: before that it cannot be judged, so before there is a plan."""
        do_without(self._ours(), seals, self._set_aside)

    def do(self, plan: RepairPlan) -> RepairSummary:
        """All of a plan.

        Raises:
            LockedError: the lease was lost; what was done stays.
            ArchiveError, StorageError: as `CompressRun.run`.
        """
        if plan.rebuild is not None:
            replace_catalogue(self._ours(), plan.rebuild.found.rows, self._set_aside, run=self._repair)
        for path in plan.weights.damaged:
            self._set_aside.copy([path])
            self._write_weights(path)
        self._set_aside.move(plan.weights.records)
        remove(self._ours(), plan.companions)
        self._unlearn(plan)
        shards, deaths = self._salvage(plan.shards)
        for digest in plan.missing_weights:
            self._write_weights(weights_path(digest))
        lost_rows = [row for shard in shards for row in shard.lost_rows()]
        stuck = (
            self._encode_again(lost_rows, lost_shards={shard.task.shard for shard in shards})
            if lost_rows
            else []
        )
        for rows in plan.returned:
            self._commit(rows)
        now = Catalogue(self._ours())
        seal(self._archive, now.version())
        return plan.summary(
            shards,
            dry_run=False,
            repair=self._repair,
            version=now.version(),
            put_aside=self._set_aside.folder if self._set_aside.paths else None,
            encoded_again=sum(row.status != "failed" for row in now.lookup([row.key for row in lost_rows])),
            lost=lost_in_catalogue(now),
            problems=[*deaths, *stuck],
        )

    def _ours(self) -> Storage:
        """The archive, to be changed: the lease is held still. Whatever changes it asks here.

        Raises:
            LockedError: the lease is lost.
        """
        self._lease.check()
        return self._archive

    def _write_weights(self, path: str) -> None:
        digest = digest_in(path)
        data = None if digest is None else shipped(digest.hex())
        assert data is not None, "planned because this release ships it"
        self._ours().write(path, data)

    def _unlearn(self, plan: RepairPlan) -> None:
        """Say that weights which are lost are not encoded with any more: what is lost must not stop every run."""
        for record in plan.weights.lost_learning():
            write_adaptation(self._ours(), without_weights(record, self._repair))

    def _salvage(self, planned: Sequence[SeenShard]) -> tuple[list[SeenShard], list[Problem]]:
        """Read the damaged shards again, and move what is whole in them into new ones."""
        if not planned:
            return [], []
        shards: list[SeenShard] = []
        deaths: list[Problem] = []
        waiting: list[pa.Table] = []
        last_commit = time.monotonic()
        tasks = (replace(shard.task, run=self._repair) for shard in planned)
        lost_shards = {shard.task.shard for shard in planned}
        for outcome in look_into_shards(self._ours(), self._config, tasks, self._listen):
            if isinstance(outcome, Problem):
                deaths.append(outcome)
            elif outcome is not None:
                shards.append(outcome)
                found = (outcome.seen.moved, outcome.seen.corrected)
                waiting += [table for table in found if table is not None]
                self._listen(
                    StepAdvanced(words="damaged shards salvaged", done=len(shards), total=len(planned))
                )
            if waiting and time.monotonic() - last_commit >= self._config.commit_seconds:
                self._commit(pa.concat_tables(waiting), lost_shards=lost_shards)
                waiting, last_commit = [], time.monotonic()
        if waiting:
            self._commit(pa.concat_tables(waiting), lost_shards=lost_shards)
        return shards, deaths

    def _commit(self, rows: pa.Table, *, lost_shards: Collection[str] = ()) -> None:
        Catalogue(self._ours()).commit(rows, run=self._repair, lost_shards=lost_shards)

    def _encode_again(self, lost_rows: list[CatalogueRow], *, lost_shards: set[str]) -> list[Problem]:
        """Take lost images from their sources; rows of those that no source gives become failed ones."""
        left = lost_rows
        while left:
            batches = reencode_batches(self._archive, left, self._config)
            runs = [self._run(batch, lost_shards=lost_shards) for batch in batches]
            before, left = left, self._still_lost(left, lost_shards=lost_shards)
            if len(left) == len(before) and not any(summary.resumed for summary in runs):
                words = "It was encoded again, and its row still names a damaged shard. Run the same command again."
                return [Problem(path=row.shard, key=row.key, problem=words) for row in left]
        return []

    def _run(self, batch: ReencodeBatch, *, lost_shards: set[str]) -> RunSummary:
        source = lost_images(self._archive, batch.config.reading, batch.images)
        return (
            CompressRun(source, self._ours(), batch.config, lost_shards=lost_shards).run(self._listen).summary
        )

    def _still_lost(self, rows: list[CatalogueRow], *, lost_shards: set[str]) -> list[CatalogueRow]:
        """A resumed run does what it planned when it began, and leaves what was lost since."""
        then = {row.key: row.shard for row in rows}
        now = Catalogue(self._archive).lookup(then)
        return [row for row in now if row.shard == then[row.key] and row.shard in lost_shards]
