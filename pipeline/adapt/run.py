"""A codec learns from the images of a source, for an archive: one attempt, driven.

    lease -> sample (the source listed to its end) -> attempt, kept in the archive
          -> one worker: reads, measures, trains, measures again, judges            (work.py)
          -> record: from here on the archive encodes with what was accepted        (pipeline/archive/adaptations.py)

Killed anywhere, the same command goes on with the attempt. Nothing but the record changes what the archive encodes
with, so an attempt that is refused, or never comes to its end, leaves everything as it was.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pipeline.adapt.attempt import Attempt, fingerprint_of, interrupted_attempt, remove_attempts
from pipeline.adapt.learned import Learned
from pipeline.adapt.sample import LEAST_LISTED, SourceSample, draw_sample
from pipeline.adapt.tasks import AdaptSpec, LearningState, Look
from pipeline.archive.adaptations import (
    AdaptationRecord,
    adaptations,
    current_adaptation,
    write_adaptation,
)
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.lease import Lease
from pipeline.archive.set_aside import check_not_replaced
from pipeline.config import SHIPPED_WEIGHTS, AdaptConfig, CompressConfig, WorkersConfig
from pipeline.errors import ConfigError, TenfoldError
from pipeline.events import Listener, RunBegan, RunEnded, ignore
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.types import SourceImage
from pipeline.words import counted
from pipeline.workers.pool import Done
from pipeline.workers.retry import work_through
from pipeline.workers.start import working_pool

_GROWN: Final = 2
"""So many times the images make auto try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptOutcome:
    """What came of it: a record, or nothing was tried."""

    record: AdaptationRecord | None
    skipped: str | None = None
    """Why nothing was tried, or not to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptPlan:
    """What would be done."""

    listed_images: int
    learn: int
    """Images to read and learn from."""
    held_back: int
    """Images to read and judge by."""
    time: str
    resumes: str | None
    """The attempt that would be gone on with."""
    skipped: str | None
    """Why nothing would be tried."""


class AdaptRun:
    """One adaptation. Use once."""

    def __init__(
        self, source: Source, archive: Storage, config: CompressConfig, adapt_config: AdaptConfig
    ) -> None:
        """Contact nothing yet.

        Raises:
            ConfigError: the config names weights to encode with, beside which nothing can be learned.
        """
        if config.codec.weights not in (None, SHIPPED_WEIGHTS):
            raise ConfigError(
                f"Expected no weights beside an adaptation, got {config.codec.weights}: it begins with those that the "
                "archive encodes with. Leave out one of the two."
            )
        self._source = source
        self._archive = archive
        self._config = config
        self._adapt_config = adapt_config
        self._weights: tuple[bytes, ...] = ()
        self._fingerprint = ""

    def plan(self, listen: Listener = ignore) -> AdaptPlan:
        """Say what `run` would do. The source is listed, nothing is read or written.

        Raises:
            SourceError, StorageError: the source or the archive cannot be read.
        """
        listen(RunBegan(verb="adapt", archive=self._archive.url, is_dry_run=True))
        self._look()
        attempt = interrupted_attempt(self._archive, self._fingerprint)
        sample = draw_sample(self._source.images(), self._adapt_config) if attempt is None else attempt.sample
        listen(RunEnded())
        return AdaptPlan(
            listed_images=sample.listed_images,
            learn=len(sample.learn),
            held_back=len(sample.held_back),
            time=self._adapt_config.time,
            resumes=None if attempt is None else attempt.adaptation,
            skipped=None if attempt is not None else self._why_not(sample),
        )

    def run(
        self,
        listen: Listener = ignore,
        *,
        stop: Callable[[], bool] = lambda: False,
        lease: Lease | None = None,
    ) -> AdaptOutcome:
        """Do it, or go on with it.

        Args:
            stop: asked often; once it says so the attempt is kept for another time.
            lease: of the archive, where it is held already.
        Raises:
            LockedError: somebody else is changing the archive, or took over because we were out of reach.
            SourceError, StorageError, ConfigError, ArchiveError: before any work where it can be known then.
            CodecError: this codec cannot learn, or the training failed.
        """
        listen(RunBegan(verb="adapt", archive=self._archive.url))
        images = iter(self._source.images())
        first = next(images, None)  # a wrong source leaves no trace
        self._archive.check_writable()
        check_not_replaced(self._archive)
        Catalogue(self._archive).create()
        with Lease(self._archive, verb="adapt") if lease is None else nullcontext(lease) as held:
            listed = itertools.chain([] if first is None else [first], images)
            outcome = self._under_lease(listed, held, stop, listen)
        listen(RunEnded())
        return outcome

    def _under_lease(
        self, images: Iterator[SourceImage], lease: Lease, stop: Callable[[], bool], listen: Listener
    ) -> AdaptOutcome:
        self._look()
        attempt = interrupted_attempt(self._archive, self._fingerprint)
        if attempt is None:
            sample = draw_sample(images, self._adapt_config)
            if (why_not := self._why_not(sample)) is not None:
                return AdaptOutcome(record=None, skipped=why_not)
            attempt = Attempt.new(self._config.codec.id, self._weights, self._fingerprint, sample)
            attempt.write(self._archive)
        remove_attempts(self._archive, but=attempt.adaptation)
        learned = self._learn(attempt, lambda: stop() or lease.is_lost, listen)
        lease.check()
        if learned is None:
            return AdaptOutcome(record=None, skipped="the time was up; the next run goes on with what it has")
        record = self._record(attempt, learned)
        write_adaptation(self._archive, record)
        remove_attempts(self._archive)
        return AdaptOutcome(record=record)

    def _look(self) -> None:
        """See what the archive encodes with."""
        codec = self._config.codec
        record = current_adaptation(self._archive, codec.id) if codec.weights is None else None
        self._weights = () if record is None else record.encodes_with
        self._fingerprint = fingerprint_of(self._source.config, codec.id, self._weights, self._adapt_config)

    def _why_not(self, sample: SourceSample) -> str | None:
        if sample.listed_images < LEAST_LISTED:
            listed = counted(sample.listed_images, "image", "is", "are")
            return f"{listed} too few to learn from: {LEAST_LISTED} are the least"
        if self._adapt_config.seconds is not None or self._adapt_config.steps is not None:
            return None
        last = next((one for one in adaptations(self._archive) if one.codec == self._config.codec.id), None)
        if last is None or sample.listed_images >= _GROWN * last.listed_images:
            return None
        return (
            f"auto tried it at {last.listed_images:,} images ({last.ended_at[:10]}: {last.reason}), and tries again "
            "when there are twice as many"
        )

    def _learn(self, attempt: Attempt, stop: Callable[[], bool], listen: Listener) -> Learned | None:
        """What a worker makes of an attempt; None when it was asked to end."""
        spec = AdaptSpec(
            archive_url=self._archive.url,
            source=self._source.config,
            config=self._config,
            adapt_config=self._adapt_config,
            adaptation=attempt.adaptation,
        )
        state: LearningState | None = None

        def looks() -> Iterator[Look]:
            number = 0
            while not stop() and (state is None or state.learned is None):
                yield Look(number=number)
                number += 1

        workers = _one_worker(self._config.workers)
        with working_pool(spec, workers, listen, workload=None, phase="adapting") as pool:
            for outcome in work_through(pool, looks(), lambda _: (), listen=listen):
                if isinstance(outcome, Done):
                    state = outcome.result
                    listen(state.now)
                elif outcome is not None:
                    raise TenfoldError(
                        f"Expected a worker that learns from images to live, got deaths: {outcome.reason}. Nothing of "
                        "the archive has changed; the same command goes on with what it has so far."
                    )
        return None if state is None else state.learned

    def _record(self, attempt: Attempt, learned: Learned) -> AdaptationRecord:
        before = tuple(digest.hex() for digest in attempt.weights_before)
        return AdaptationRecord(
            adaptation=attempt.adaptation,
            ended_at=datetime.now(UTC).isoformat(timespec="microseconds"),
            codec=attempt.codec,
            accepted=learned.accepted,
            reason=learned.reason,
            weights_before=before,
            weights=tuple(digest.hex() for digest in learned.weights) if learned.accepted else before,
            listed_images=attempt.sample.listed_images,
            listed_bytes=attempt.sample.listed_bytes,
            learned_from=learned.learned_from,
            seconds=learned.seconds,
            steps=learned.steps,
            evidence=learned.evidence,
        )


def _one_worker(workers: WorkersConfig) -> WorkersConfig:
    """This process with all its cores and its GPU; on a cluster, one worker of it."""
    return workers.model_copy(update={"count": 0 if workers.cluster is None or workers.count == 0 else 1})
