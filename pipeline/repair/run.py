"""Repair: what can be brought back is, what cannot is said, and nothing is made worse.

    catalogue   what it can do without is put aside; a lost one is made again from the shards   (rebuild_catalogue.py)
    shards      what is whole in a damaged one moves into a new one                              (salvage_worker.py)
    weights     damaged and missing files that this release ships are put back
    sources     the rest is encoded again, where the file still is what was archived             (reencode.py)
    lost        images whose shard is there again are taken from it                              (returned_shards.py)
    seals       what is new is sealed, so that `verify` finds the archive sound

Killed anywhere, the same command goes on: what was done is found done, a half-made catalogue is made again, and the
runs over the sources resume as any run does.
"""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.compute as pc

from codec.weights_file import shipped, shipped_digests
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import digest_in, weights_path
from pipeline.archive.lease import Lease
from pipeline.archive.rows_by_shard import table_by_shard
from pipeline.archive.schema import rows_of
from pipeline.archive.seals import seal
from pipeline.archive.set_aside import SetAsideFolder
from pipeline.compress.archived_images import lost_images
from pipeline.compress.run import CompressRun
from pipeline.compress.run_record import damaged_records, new_run_id
from pipeline.compress.summary import RunSummary
from pipeline.config import CompressConfig
from pipeline.errors import LockedError
from pipeline.progress import (
    Follower,
    ImagesFinished,
    ImagesListed,
    Listener,
    ListingEnded,
    PhaseBegan,
    RunBegan,
    RunEnded,
    StepAdvanced,
    ignore,
    together,
)
from pipeline.repair.diagnosis import check_archive, diagnose, do_without, see_seals
from pipeline.repair.rebuild_catalogue import ShardRows, replace_catalogue, rows_in_shards
from pipeline.repair.reencode import ReencodeBatch, reencode_batches, unavailable
from pipeline.repair.returned_shards import lost_in_catalogue, lost_in_rows, returned_rows
from pipeline.repair.salvage_worker import SalvageResult, SalvageSpec, SalvageTask
from pipeline.repair.summary import Rebuilt, RepairSummary, record
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.types import CatalogueRow
from pipeline.verify.damage import Problem, weights_seen
from pipeline.workers.pool import Died
from pipeline.workers.retry import work_through
from pipeline.workers.start import working_pool


class RepairRun:
    """One repair of an archive. Use once."""

    def __init__(self, archive: Storage, config: CompressConfig, *, dry_run: bool = False) -> None:
        """Contact nothing yet.

        Args:
            config: where and with which workers; its codec, if it names one, replaces what the lost rows say.
            dry_run: look, and change nothing.
        """
        self._archive = archive
        self._config = config
        self._aside = SetAsideFolder(archive)
        self._summary = RepairSummary(dry_run=dry_run, repair=new_run_id())
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._rebuilt_rows = 0
        self._whole_weights: set[bytes] = set()
        self._needed_weights: set[bytes] = set()
        self._over: set[str] = set()
        self._returned: set[str] = set()
        self._waiting: list[pa.Table] = []
        self._last_commit = time.monotonic()

    def run(self, listen: Listener = ignore) -> RepairSummary:
        """Do it.

        Raises:
            NoArchiveError: there is nothing to repair.
            NewerFormatError: a newer release made it.
            LockedError: somebody else is changing the archive.
            ArchiveError: no shard is left to rebuild a lost catalogue from.
            StorageError: the store does not answer, or that of the sources; what was done stays done.
        """
        self._listen = together(self._follower, listen)
        self._listen(RunBegan(verb="repair", done="checked", counts="problems"))
        check_archive(self._archive)
        if self._summary.dry_run:
            self._repair(None)
        else:
            with Lease(self._archive, verb="repair") as lease:
                self._repair(lease)
        self._listen(RunEnded())
        return self._summary

    def _repair(self, lease: Lease | None) -> None:
        self._lease = lease
        catalogue, rows = self._see_catalogue()
        self._mend_weights()
        lost = self._mend_shards(catalogue, rows)
        self._put_weights_back()
        if lost:
            self._bring_back(lost)
        self._summary.damaged_records = list(damaged_records(self._archive))
        if lease is not None:
            self._finish()
        else:
            self._foretell(catalogue, rows)
        self._summary.seconds = round(self._follower.progress.seconds(), 3)
        if lease is not None and self._summary.changed:
            record(self._archive, self._summary)

    def _see_catalogue(self) -> tuple[Catalogue | None, pa.Table | None]:
        """A catalogue to work from, or its rows where one would have to be made."""
        summary = self._summary
        self._listen(PhaseBegan(phase="looking"))
        seen = see_seals(self._archive)
        if seen.dispensable:
            summary.mended += seen.dispensable
            if self._is_ours():
                do_without(self._archive, seen, self._aside)
                seen = see_seals(self._archive)
        state = diagnose(self._archive, seen)
        summary.problems += state.past
        if state.catalogue is not None:
            self._listen(ImagesListed(images=state.catalogue.count()))
            self._listen(ListingEnded())
            return state.catalogue, None
        self._listen(PhaseBegan(phase="rebuilding"))
        found = rows_in_shards(self._archive, self._config, self._count)
        self._tell_rebuilt(state.lost or "", found)
        if not self._is_ours():
            return None, found.rows
        return replace_catalogue(self._archive, found.rows, self._aside, run=summary.repair), None

    def _tell_rebuilt(self, why: str, found: ShardRows) -> None:
        self._summary.rebuilt = Rebuilt(
            why=why,
            images=found.rows.num_rows,
            shards=found.shards,
            unreadable=found.unreadable,
            unknown=found.unknown,
        )
        self._listen(ImagesListed(images=found.rows.num_rows))
        self._listen(ListingEnded())

    def _count(self, rows: int) -> None:
        self._rebuilt_rows += rows
        self._listen(StepAdvanced(words="rows found in shards", done=self._rebuilt_rows))

    def _mend_weights(self) -> None:
        for weights in weights_seen(self._archive):
            if weights.problem is not None:
                data = shipped(weights.digest)
                if data is None:
                    self._summary.problems.append(weights.problem)
                    continue
                self._summary.mended.append(weights.path)
                if self._is_ours():
                    self._aside.copy([weights.path])
                    self._archive.write(weights.path, data)
            if digest := digest_in(weights.path):
                self._whole_weights.add(digest)

    def _put_weights_back(self) -> None:
        """Those that are needed, not there, and ship with this release."""
        for digest in sorted(self._needed_weights - self._whole_weights):
            self._summary.put_back.append(weights_path(digest))
            if self._is_ours() and (data := shipped(digest.hex())) is not None:
                self._archive.write(weights_path(digest), data)

    def _mend_shards(self, catalogue: Catalogue | None, rows: pa.Table | None) -> list[CatalogueRow]:
        """Save what is whole in damaged shards; the rows of what is not."""
        if catalogue is not None:
            shards = catalogue.by_shard()
        else:
            assert rows is not None
            shards = table_by_shard(rows)
        run = None if self._summary.dry_run else self._summary.repair
        weights = frozenset(self._whole_weights.union(shipped_digests()))
        tasks = (
            SalvageTask(shard=shard, rows=of_shard, run=run, number=number, weights=weights)
            for number, (shard, of_shard) in enumerate(shards)
        )
        spec = SalvageSpec(archive_url=self._archive.url, storage=self._config.storage)
        lost: list[CatalogueRow] = []
        with working_pool(spec, self._config.workers, self._listen) as pool:
            for outcome in work_through(pool, tasks, lambda _: (), listen=self._listen):
                if isinstance(outcome, Died):
                    words = f"Its worker died each time it was tried alone: {outcome.reason}"
                    self._summary.problems.append(Problem(path=outcome.task.shard, key=None, problem=words))
                elif outcome is not None:
                    lost += self._take(outcome.task, outcome.result)
                if time.monotonic() - self._last_commit >= self._config.commit_seconds:
                    self._commit()
        self._commit()
        return lost

    def _take(self, task: SalvageTask, result: SalvageResult) -> list[CatalogueRow]:
        self._summary.damaged += result.problems
        self._summary.salvaged += result.salvaged
        problems = Totals(failed=len(result.problems))
        self._listen(ImagesFinished(images=task.rows.num_rows, totals=problems))
        self._needed_weights |= result.needed
        for key in result.undecodable:
            words = "It needs weights that are damaged or missing: it does not decode."
            self._summary.problems.append(Problem(path=task.shard, key=key, problem=words))
        if result.problems:
            self._over.add(task.shard)
        if result.corrected is not None:
            self._summary.corrected += result.corrected.num_rows
        self._waiting += [table for table in (result.moved, result.corrected) if table is not None]
        wanted = pc.is_in(task.rows["key"], pa.array(result.lost, pa.string()))
        return rows_of(task.rows.filter(wanted), CatalogueRow)

    def _commit(self) -> None:
        if self._waiting and self._is_ours():
            rows = pa.concat_tables(self._waiting)
            Catalogue(self._archive).commit(rows, run=self._summary.repair, lost_shards=self._over)
        self._waiting, self._last_commit = [], time.monotonic()

    def _bring_back(self, lost: list[CatalogueRow]) -> None:
        """Encode again what the sources still hold; the rows of the rest become failed ones."""
        if self._summary.dry_run:
            for comeback in reencode_batches(self._archive, lost, self._config):
                gone = list(unavailable(self._archive, comeback))
                self._summary.lost += gone
                self._summary.encoded_again += len(comeback.images) - len(gone)
            return
        left = lost
        while left:
            runs = [self._run(comeback) for comeback in reencode_batches(self._archive, left, self._config)]
            before, left = left, self._still_lost(left)
            if len(left) == len(before) and not any(summary.resumed for summary in runs):
                words = "It was encoded again, and its row still names a damaged shard. Run the same command again."
                self._summary.problems += [Problem(path=r.shard, key=r.key, problem=words) for r in left]
                break
        now = Catalogue(self._archive).lookup([row.key for row in lost])
        self._summary.encoded_again = sum(row.status != "failed" for row in now)

    def _run(self, comeback: ReencodeBatch) -> RunSummary:
        self._is_ours()
        source = lost_images(self._archive, comeback.config.reading, comeback.images)
        return (
            CompressRun(source, self._archive, comeback.config, lost_shards=self._over)
            .run(self._listen)
            .summary
        )

    def _still_lost(self, rows: list[CatalogueRow]) -> list[CatalogueRow]:
        """A resumed run does what it planned when it began; what was lost since is left."""
        then = {row.key: row.shard for row in rows}
        now = Catalogue(self._archive).lookup(then)
        return [row for row in now if row.shard == then[row.key] and row.shard in self._over]

    def _take_back(self, catalogue: Catalogue) -> None:
        """Lost images whose shard has come back need nothing else."""
        for rows in returned_rows(self._archive, lost_in_catalogue(catalogue)):
            self._returned.update(rows["key"].to_pylist())
            if self._is_ours():
                Catalogue(self._archive).commit(rows, run=self._summary.repair)
        self._summary.returned = len(self._returned)

    def _foretell(self, catalogue: Catalogue | None, rows: pa.Table | None) -> None:
        """What would be lost, beside what could not be encoded again."""
        if catalogue is not None:
            self._summary.version = catalogue.version()
            self._take_back(catalogue)
            gone = [image for image in lost_in_catalogue(catalogue) if image.key not in self._returned]
        else:
            gone = lost_in_rows(rows.to_batches()) if rows is not None else []
        self._summary.lost = sorted([*self._summary.lost, *gone], key=lambda image: image.key)

    def _finish(self) -> None:
        self._take_back(Catalogue(self._archive))
        catalogue = Catalogue(self._archive)
        self._summary.version = catalogue.version()
        seal(self._archive, self._summary.version)
        self._summary.lost = lost_in_catalogue(catalogue)
        self._summary.put_aside = self._aside.folder if self._aside.paths else None

    def _is_ours(self) -> bool:
        """Whether the archive may be changed.

        Raises:
            LockedError: no longer: the lease was lost.
        """
        if self._lease is not None and self._lease.is_lost:
            raise LockedError(
                f"Expected to hold the lease of {self._archive.url} (repair), got it lost: somebody took over, or the "
                "store was out of reach for too long. What was done stays; run the same command again."
            )
        return self._lease is not None
