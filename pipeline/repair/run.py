"""Repair: what can be brought back is, what cannot is said, and nothing is made worse.

plan        what is damaged, what is whole, what is lost: a value                            (plan.py)
dry run     what the plan would come to, for --dry-run                                       (dry_run.py)
act         the plan, done under the lease:                                                  (act.py)
  catalogue   a lost one is made again from the shards                                       (rebuild_catalogue.py)
  weights     damaged and missing files that this release ships are put back
  shards      what is whole in a damaged one moves into a new one                            (salvage_worker.py)
  sources     the rest is encoded again, where the file still is what was archived           (reencode.py)
  lost        images whose shard is there again are taken from it                            (returned_shards.py)
  seals       what is new is sealed, so that `verify` finds the archive sound
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.archive.layout import new_run_id
from pipeline.archive.lease import Lease
from pipeline.config import CompressConfig
from pipeline.events import Listener, PhaseBegan, RunBegan, RunEnded, ignore, together
from pipeline.progress import Follower
from pipeline.repair.act import RepairAct
from pipeline.repair.diagnosis import check_archive, see_seals
from pipeline.repair.dry_run import dry_run
from pipeline.repair.plan import plan_repair
from pipeline.repair.summary import RepairSummary, record
from pipeline.store.storage import Storage


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
        self._dry_run = dry_run
        self._repair = new_run_id()
        self._follower = Follower()

    def run(self, listen: Listener = ignore) -> RepairSummary:
        """Do it.

        Raises:
            NoArchiveError: there is nothing to repair.
            NewerFormatError: a newer release made it.
            LockedError: somebody else is changing the archive, or took over because we were out of reach.
            ArchiveError: no shard is left to rebuild a lost catalogue from.
            StorageError: the store does not answer, or that of the sources; what was done stays done.
        """
        listen = together(self._follower, listen)
        listen(
            RunBegan(
                verb="repair",
                archive=self._archive.url,
                done="checked",
                counts="problems",
                is_dry_run=self._dry_run,
            )
        )
        check_archive(self._archive)
        summary = self._foretold(listen) if self._dry_run else self._act(listen)
        listen(RunEnded())
        return summary

    def _foretold(self, listen: Listener) -> RepairSummary:
        listen(PhaseBegan(phase="looking"))
        plan = plan_repair(self._archive, self._config, see_seals(self._archive), listen)
        return self._timed(dry_run(self._archive, self._config, plan, repair=self._repair))

    def _act(self, listen: Listener) -> RepairSummary:
        with Lease(self._archive, verb="repair") as lease:
            listen(PhaseBegan(phase="looking"))
            act = RepairAct(self._archive, self._config, lease, repair=self._repair, listen=listen)
            seals = see_seals(self._archive)
            dispensable = tuple(seals.dispensable)
            if dispensable:
                act.put_aside(seals)
                seals = see_seals(self._archive)
            plan = plan_repair(self._archive, self._config, seals, listen)
            summary = self._timed(act.do(replace(plan, dispensable=dispensable)))
            if summary.changed:
                record(self._archive, summary)
            return summary

    def _timed(self, summary: RepairSummary) -> RepairSummary:
        return replace(summary, seconds=round(self._follower.progress.seconds(), 3))
