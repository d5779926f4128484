"""One compress run, driven. What is committed in the catalogue is in the archive; what is not, is not.

    source -> Planner (thread): diff against the catalogue, units stored under runs/<run>/plan/
           -> CompressWork: at most `pool.capacity` units in flight, shards published by the workers
           -> Commits: new images every few seconds, changed ones at once
           -> the catalogue's files, put in order where that pays
           -> here: what began, what came of it, and the summary from the catalogue

Killed anywhere, the same command finishes the run: units whose rows are committed are done, units whose
shards were published are adopted, the rest is encoded.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial

import pyarrow as pa

from codec.cpus import usable_cpus
from codec.registry import is_experimental
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.seals import seal
from pipeline.archive.set_aside import check_not_replaced
from pipeline.archive.stored_plan import StoredPlan
from pipeline.archive.weights import store_weights
from pipeline.compress.commits import Commits
from pipeline.compress.comparison import ListingComparison
from pipeline.compress.open_units import OpenUnits
from pipeline.compress.plan import CompressPlan, compare, plan_run
from pipeline.compress.planner import Planner
from pipeline.compress.progress_file import ProgressFile
from pipeline.compress.resume import resume_units
from pipeline.compress.run_codec import RunCodec
from pipeline.compress.run_record import RunRecord
from pipeline.compress.summary import RunSummary, summarise
from pipeline.compress.work import CompressWork, StopRequest
from pipeline.config import CompressConfig
from pipeline.encode.tasks import EncodeResult, EncoderSpec, EncodeTask
from pipeline.errors import SourceError
from pipeline.events import (
    CodecLoaded,
    EffortMeasured,
    Listener,
    PhaseBegan,
    RecordOpened,
    RunBegan,
    RunEnded,
    ignore,
    together,
    waiting,
)
from pipeline.failure_kinds import failure_kind
from pipeline.progress import Follower
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.workers.pool import Pool
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressOutcome:
    """What came of a run."""

    summary: RunSummary
    compared: ListingComparison | None
    """The source's whole listing, held against what the archive held; None when there was none."""


class CompressRun:
    """One run over one source into one archive."""

    def __init__(
        self, source: Source, archive: Storage, config: CompressConfig, *, lost_shards: Collection[str] = ()
    ) -> None:
        """Contact nothing yet.

        Args:
            lost_shards: a row that lies in one of them is replaced, whatever the new one is (`Catalogue.commit`).
        """
        self._source = source
        self._archive = archive
        self._config = config
        self._lost_shards = frozenset(lost_shards)

    def plan(
        self, listen: Listener = ignore, *, show: Callable[[pa.RecordBatch], None] | None = None
    ) -> CompressPlan:
        """Say what `run` would do. Nothing is written.

        Args:
            show: is handed the images that would be encoded, rows of the listing, as they are found.
        Raises:
            SourceError, StorageError, ConfigError, ArchiveError: as `run`, before any work.
        """
        listen(RunBegan(verb="compress", archive=self._archive.url, is_dry_run=True))
        loaded = RunCodec.load(self._config, self._archive)
        listing = self._touch_source()
        check_not_replaced(self._archive)
        plan = plan_run(
            self._source,
            listing,
            Catalogue(self._archive),
            self._config,
            resumes=RunRecord.interrupted(
                self._archive, self._source.config, self._config, weights=loaded.weights_names
            ),
            effort=loaded.effort_cost(self._config.codec.effort),
            show=show,
            listen=listen,
        )
        listen(RunEnded())
        return plan

    def run(self, listen: Listener = ignore, *, stop: Callable[[], bool] = lambda: False) -> CompressOutcome:
        """Do it.

        Args:
            stop: asked often; once it says so no new unit is begun, and the run ends when those under way are
                committed. What is left is for another run to plan anew.
        Raises:
            SourceError, StorageError, ConfigError, ArchiveError: before any work where it can be known then;
                one that comes later ends the run after what is finished has been committed.
        """
        follower = Follower()
        heard = together(follower, listen)
        heard(RunBegan(verb="compress", archive=self._archive.url, done="encoded", commits=True))
        loaded = self._loaded(heard)  # a wrong one ends here, before anything is made
        heard(PhaseBegan(phase="looking at source and archive"))
        listing = self._touch_source()
        catalogue = self._created_catalogue()
        record = RunRecord.resume_or_start(
            self._archive, self._source.config, self._config, weights=loaded.weights_names
        )
        listen = together(follower, ProgressFile(record, follower), listen)
        self._tell_record(record, loaded, listen)
        request = StopRequest(stop)
        commits = self._commits(catalogue, record, listen)
        planner = self._planner(listing, catalogue, record, listen)
        try:
            work = CompressWork(planner, OpenUnits(record.run), commits, stop=request, listen=listen)
            work.run(partial(self._pool, loaded, catalogue, record, listen))
        finally:
            planner.stop()
        planner.tell()
        if not request.was_made:
            with waiting(listen, "settling the catalogue"):
                catalogue.settle(run=record.run)
        with waiting(listen, "closing the run"):
            summary = summarise(
                self._archive,
                catalogue,
                record,
                follower.progress,
                self._config.codec,
                loaded.codec,
                held_back=commits.held_back,
                displaced=commits.displaced,
                first_displaced=commits.first_displaced,
                was_asked_to_stop=request.was_made,
                notes=planner.notes(),
            )
            record.end(asdict(summary))
            seal(self._archive, catalogue.version())
        listen(RunEnded())
        return CompressOutcome(summary=summary, compared=planner.compared)

    def _loaded(self, heard: Listener) -> RunCodec:
        """The codec, and what is to be known of it."""
        heard(PhaseBegan(phase="loading the codec"))
        loaded = RunCodec.load(self._config, self._archive)
        heard(
            CodecLoaded(
                codec=loaded.codec.id,
                learned=loaded.learned,
                weights=max(len(loaded.digests), 1),
                experimental=is_experimental(loaded.codec.id),
            )
        )
        return loaded

    def _created_catalogue(self) -> Catalogue:
        """That of the archive, which is one from here on."""
        catalogue = Catalogue(self._archive)
        self._archive.check_writable()
        check_not_replaced(self._archive)
        catalogue.create()
        return catalogue

    def _tell_record(self, record: RunRecord, loaded: RunCodec, listen: Listener) -> None:
        """Which run this is, and what its effort takes."""
        listen(RecordOpened(run=record.run, resumed=record.resumed))
        cost = loaded.effort_cost(self._config.codec.effort)
        if cost is not None:
            listen(
                EffortMeasured(
                    effort=cost.effort,
                    seconds_per_megapixel=cost.seconds_per_megapixel,
                    on_gpu=cost.on_gpu,
                )
            )
        listen(PhaseBegan(phase="listing"))

    def _touch_source(self) -> Iterator[pa.RecordBatch]:
        """See one image before anything is created: a wrong source leaves no trace."""
        listing = iter(self._source.batches())
        first = next(listing, None)
        if first is None:
            raise SourceError(f"Expected images at {self._source.config.url}, got none.")
        return itertools.chain([first], listing)

    def _commits(self, catalogue: Catalogue, record: RunRecord, listen: Listener) -> Commits:
        return Commits(
            self._archive,
            catalogue,
            run=record.run,
            lost_shards=self._lost_shards,
            every_s=self._config.commit_seconds,
            listen=listen,
        )

    def _planner(
        self, listing: Iterator[pa.RecordBatch], catalogue: Catalogue, record: RunRecord, listen: Listener
    ) -> Planner:
        plan = StoredPlan(self._archive, record.run)
        return Planner(
            compare(self._source, listing, catalogue, self._config),
            plan,
            limits=self._config.shard,
            parallel=_parallel(self._config),
            done=resume_units(self._archive, catalogue, record, plan, lost_shards=self._lost_shards),
            notes=lambda: self._source.notes,
            listen=listen,
        )

    def _pool(
        self,
        loaded: RunCodec,
        catalogue: Catalogue,
        record: RunRecord,
        listen: Listener,
        workload: Workload | None,
    ) -> AbstractContextManager[Pool[EncodeTask, EncodeResult]]:
        """Workers: in processes of their own where an effort makes much work of few images, and where an image may end
        the process in which it is read: the run ended before its end, or one of few was given up for that before."""
        if self._config.lossless is not True or loaded.digests:
            store_weights(self._archive, loaded.files)
        spec = EncoderSpec(
            archive_url=self._archive.url,
            source=self._source.config,
            config=self._config,
            weights=loaded.digests,
            own_weights=frozenset() if loaded.digests else frozenset(loaded.codec.weights),
        )
        is_apart = record.resumed or self._config.codec.effort > 0
        if workload is not None and workload.is_small and not is_apart:
            is_apart = _has_killed(catalogue, StoredPlan(self._archive, record.run))
        return working_pool(
            spec,
            self._config.workers,
            listen,
            workload=None if is_apart else workload,
            build_here=partial(spec.build, first=loaded.codec),
        )


def _has_killed(catalogue: Catalogue, plan: StoredPlan) -> bool:
    """Whether one of a few planned images was given up because its workers died."""
    keys = [image.key for _, images in plan.stored() for image in images]
    return any(
        row.status == "failed" and failure_kind(row.reason or "") == "worker_died"
        for row in catalogue.lookup(keys)
    )


def _parallel(config: CompressConfig) -> int:
    count = config.workers.count
    return usable_cpus() if count is None else max(count, 1)
