"""The nightly run: what is new or changed comes in, what is gone is followed by policy, in the time there is.

lease -> what the codec learns first, where it is told to
      -> run (first what a killed run left, then the source as it is now) -> deletes -> summary
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from pipeline.adapt.run import AdaptOutcome, AdaptPlan
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import NIGHTLY_JSON
from pipeline.archive.lease import Lease
from pipeline.archive.seals import seal
from pipeline.compress.adapt_first import adapt_first, plan_adapt_first
from pipeline.compress.comparison import ListingComparison
from pipeline.compress.delete_policy import missing_from_source, parse_policy
from pipeline.compress.plan import CompressPlan
from pipeline.compress.run import CompressRun
from pipeline.compress.run_record import RunRecord
from pipeline.compress.summary import RunSummary
from pipeline.config import CompressConfig, NightlyConfig
from pipeline.events import Listener, RunBegan, RunEnded, ignore
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlySummary:
    """What `tenfold nightly --json` prints, the webhook gets and `runs/<run>/nightly.json` keeps."""

    runs: list[RunSummary]
    """One; before it another when a killed run had left work."""
    stopped: bool
    """By the clock, before the work was done: the next night takes the rest."""
    failed: int
    """Images of all runs that failed."""
    damaged: int
    """Files of all runs that are no sound images."""
    gone: int | None
    """Images of the archive that the source no longer lists; None when that was not asked, or not seen whole."""
    dropped: int
    """Of `gone`: taken out of the catalogue."""
    refused: str | None
    """Why none was dropped although the policy drops."""
    adaptation: AdaptOutcome | None
    """What the codec learned before; None where the config asks for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyPlan:
    """What a night would do."""

    plan: CompressPlan
    dropped: int
    """Images that would be taken out of the catalogue."""
    refused: str | None
    """Why none would be although the policy drops."""
    adaptation: AdaptPlan | None
    """What would be learned before."""


class NightlyRun:
    """One night. Use once."""

    def __init__(self, night: NightlyConfig, config: CompressConfig) -> None:
        """Contact nothing yet.

        Raises:
            ConfigError, SourceError, StorageError: a policy, source or archive that cannot be one.
        """
        self._config = config.model_copy(
            update={"nightly": None}
        )  # it travels to the workers, the webhook need not
        self._max_seconds = night.max_seconds
        self._policy = parse_policy(night.deletes)
        self._source = parse_source(night.source, config.reading, take=config.source, exclude=night.archive)
        self._archive = Storage(night.archive, config.storage)
        if not self._policy.keeps:
            self._source.coverage()  # a source that cannot tell what is gone ends here

    def plan(self, listen: Listener = ignore) -> NightlyPlan:
        """Say what `run` would do. Nothing is written, and no lease is taken.

        Raises:
            SourceError, StorageError, ConfigError, ArchiveError: as `CompressRun.plan`.
        """
        adaptation = plan_adapt_first(self._source, self._archive, self._config, listen)
        plan = CompressRun(self._source, self._archive, self._config).plan(listen)
        if self._policy.keeps or plan.gone is None or plan.archived is None:
            return NightlyPlan(plan=plan, dropped=0, refused=None, adaptation=adaptation)
        refused = self._policy.refusal(gone=plan.gone.images, archived=plan.archived)
        dropped = plan.gone.images if refused is None else 0
        return NightlyPlan(plan=plan, dropped=dropped, refused=refused, adaptation=adaptation)

    def run(self, listen: Listener = ignore) -> NightlySummary:
        """Do it.

        Raises:
            LockedError: another one is under way, or took over because this one was out of reach for minutes.
            SourceError, StorageError, ConfigError, ArchiveError: as `CompressRun.run`.
        """
        listen(RunBegan(verb="nightly", archive=self._archive.url))
        until = time.monotonic() + (math.inf if self._max_seconds is None else self._max_seconds)
        Catalogue(self._archive)  # where none can be, nothing is written
        self._archive.check_writable()
        with Lease(self._archive, verb="nightly") as lease:

            def stop() -> bool:
                return lease.is_lost or time.monotonic() >= until

            adaptation = adapt_first(
                self._source, self._archive, self._config, listen, stop=stop, lease=lease
            )
            runs, compared = self._runs(listen, stop)
            lease.check()
            summary = replace(self._follow_deletes(runs, compared), adaptation=adaptation)
            RunRecord(self._archive, runs[-1].run, resumed=False).write(NIGHTLY_JSON, asdict(summary))
        listen(RunEnded())
        return summary

    def _runs(
        self, listen: Listener, stop: Callable[[], bool]
    ) -> tuple[list[RunSummary], ListingComparison | None]:
        """A resumed run does what was planned before it was killed: another one looks at the source of today."""
        runs: list[RunSummary] = []
        while True:
            outcome = CompressRun(self._source, self._archive, self._config).run(listen, stop=stop)
            runs.append(outcome.summary)
            if not outcome.summary.resumed or stop():
                return runs, outcome.compared

    def _follow_deletes(self, runs: list[RunSummary], compared: ListingComparison | None) -> NightlySummary:
        gone: int | None = None
        dropped, refused = 0, None
        if compared is not None and not self._policy.keeps:
            found = missing_from_source(self._source, compared)
            gone = found.rows.num_rows
            refused = self._policy.refusal(gone=gone, archived=found.archived)
            if gone and refused is None:
                catalogue = Catalogue(self._archive)
                dropped = catalogue.remove(
                    found.rows, run=runs[-1].run, info={"tenfold.deletes": self._policy.text}
                )
                seal(self._archive, catalogue.version())
        return NightlySummary(
            runs=runs,
            stopped=runs[-1].stopped or runs[-1].resumed,
            failed=sum(run.failed for run in runs),
            damaged=sum(run.damaged for run in runs),
            gone=gone,
            dropped=dropped,
            refused=refused,
            adaptation=None,
        )
