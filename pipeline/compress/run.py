"""One compress run, driven. What is committed in the catalogue is in the archive; what is not, is not.

    source -> Planner (thread): diff against the catalogue, units stored under runs/<run>/plan/
           -> Dispatcher: at most `pool.capacity` units in flight, shards published by the workers
           -> here: one Delta commit every few seconds, progress, and the summary from the catalogue

Killed anywhere, the same command finishes the run: units whose rows are committed are done, units whose
shards were published are adopted, the rest is encoded.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import asdict

import pyarrow as pa
import pyarrow.compute as pc

from codec.contract import Codec
from codec.registry import load_codec
from codec.weights_file import digest_of
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import WEIGHTS_FOLDER
from pipeline.archive.prune_marks import PruneMarkReader
from pipeline.archive.seals import seal
from pipeline.archive.set_aside import check_not_replaced
from pipeline.archive.stored_plan import StoredPlan, Unit
from pipeline.archive.weights import read_given_weights, store_weights
from pipeline.compress.archived_images import FAILED
from pipeline.compress.dispatch import Dispatcher, EncodePool, FinishedUnit
from pipeline.compress.known_images import CHECKSUM_COLUMNS, FAST_COLUMNS, KnownImages
from pipeline.compress.planner import Planner
from pipeline.compress.progress_file import ProgressFile
from pipeline.compress.resume import resume_units
from pipeline.compress.run_record import RunRecord
from pipeline.compress.summary import RunSummary, is_met
from pipeline.config import CompressConfig
from pipeline.encode.worker import EncoderSpec
from pipeline.errors import SourceError
from pipeline.progress import (
    Follower,
    Heartbeat,
    ImagesCommitted,
    ImagesFinished,
    Listener,
    PhaseBegan,
    RunBegan,
    RunEnded,
    WorkersStarted,
    ignore,
    together,
)
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.totals import COLUMNS, Totals
from pipeline.types import SourceImage
from pipeline.workers.start import start_pool

_WAIT_S = 0.25


class CompressRun:
    """One run over one source into one archive. Use once."""

    def __init__(
        self,
        source: Source,
        archive: Storage,
        config: CompressConfig,
        *,
        over: Collection[str] = (),
    ) -> None:
        """Contact nothing yet.

        Args:
            over: as for `Catalogue.commit`.
        """
        self._source = source
        self._archive = archive
        self._config = config
        self._over = frozenset(over)
        self._catalogue = Catalogue(archive)
        self._marks = PruneMarkReader(archive)
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._uncommitted: list[pa.Table] = []
        self._uncommitted_images = 0
        self._last_commit = time.monotonic()
        self._held_back: list[dict[str, str]] = []
        self._weights_digest: bytes | None = None
        self._stopped = False
        self.listed: KnownImages | None = None
        """After `run`: what the archive held, held against the source's whole listing; None when none was made."""

    def run(
        self,
        listen: Listener = ignore,
        *,
        stop: Callable[[], bool] = lambda: False,
    ) -> RunSummary:
        """Do it.

        Args:
            stop: asked often; once it says so no new unit is begun, and the run ends when those under way are
                committed. What is left is for another run to plan anew.
        Raises:
            SourceError, StorageError, ConfigError, ArchiveError: before any work where it can be known then;
                one that comes later ends the run after what is finished has been committed.
        """
        started = time.monotonic()
        codec = self._load_codec()  # an unknown codec or wrong weights end here, before anything is made
        images = self._touch_source()
        self._archive.check_writable()
        check_not_replaced(self._archive)
        self._catalogue.create()
        self._log = RunRecord.resume_or_start(
            self._archive, self._source.config, self._config, weights=sorted(codec.weights)
        )
        self._listen = together(self._follower, ProgressFile(self._log, self._follower), listen)
        self._listen(RunBegan(verb="compress", run=self._log.run, done="encoded", commits=True, at=started))
        self._listen(PhaseBegan(phase="listing"))
        plan = StoredPlan(self._archive, self._log.run)
        planner = Planner(
            images,
            plan,
            known=self._known_images,
            limits=self._config.shard,
            parallel=_parallel(self._config),
            done=resume_units(self._archive, self._catalogue, self._log, plan, over=self._over),
            listen=self._listen,
        )
        try:
            first = self._first_unit(planner, stop)
            if first is not None:
                store_weights(self._archive, codec.weights)
                self._work(planner, first, stop)
        finally:
            planner.stop()
        planner.tell()
        self.listed = planner.listed
        progress = self._follower.progress
        if progress.listing_done and progress.finished == progress.listed:
            self._stopped = False  # the time was up when nothing was left to do
        on_target = self._config.codec.target_bpp is not None
        return self._finish(None if on_target else self._config.codec.quality_of(codec))

    def _load_codec(self) -> Codec:
        """The codec of this run, on the CPU: for what it knows about itself, and its weights files."""
        told = self._config.codec
        encode_with = None
        if told.weights is not None:
            encode_with = read_given_weights(told.weights, self._config.storage)
            self._weights_digest = digest_of(encode_with)
        return load_codec(told.id, device="cpu", encode_with=encode_with)

    def _touch_source(self) -> Iterator[SourceImage]:
        """See one image before anything is created: a wrong source leaves no trace."""
        images = iter(self._source.images())
        first = next(images, None)
        if first is None:
            raise SourceError(f"Expected images at {self._source.config.url}, got none.")
        return itertools.chain([first], images)

    def _known_images(self) -> KnownImages:
        if self._source.takes_known:
            return KnownImages()
        by_checksum = self._config.compare == "checksum"
        columns = CHECKSUM_COLUMNS if by_checksum else FAST_COLUMNS
        return KnownImages(
            (
                row
                for batch in self._catalogue.scan(columns)
                for row in zip(*(batch[name].to_pylist() for name in columns), strict=True)
            ),
            read=self._source.read if by_checksum else None,
        )

    def _first_unit(self, planner: Planner, stop: Callable[[], bool]) -> Unit | None:
        """None when there is nothing to do, or no time: a listing of what is known already can take long."""
        while not planner.ended and not self._is_time_up(stop):
            unit = planner.next(_WAIT_S)
            if unit is not None:
                return unit
            self._tick(planner)
        return None

    def _work(self, planner: Planner, first: Unit, stop: Callable[[], bool]) -> None:
        self._listen(PhaseBegan(phase="starting"))
        with closing(self._start_pool()) as pool:
            self._listen(WorkersStarted(workers=pool.size))
            self._listen(PhaseBegan(phase="working"))
            dispatcher = Dispatcher(pool, run=self._log.run)
            dispatcher.submit(first)
            try:
                while not (dispatcher.idle and (planner.ended or self._is_time_up(stop))):
                    while dispatcher.has_room and not self._is_time_up(stop):
                        unit = planner.next(_WAIT_S if dispatcher.idle else 0)
                        if unit is None:
                            break
                        dispatcher.submit(unit)
                    finished = None if dispatcher.idle else dispatcher.next(_WAIT_S)
                    if finished is not None:
                        self._take(finished)
                    self._tick(planner)
            finally:
                self._commit()

    def _is_time_up(self, stop: Callable[[], bool]) -> bool:
        self._stopped = self._stopped or stop()
        return self._stopped

    def _start_pool(self) -> EncodePool:
        spec = EncoderSpec(
            archive_url=self._archive.url,
            source=self._source.config,
            config=self._config,
            weights_digest=self._weights_digest,
        )
        return start_pool(spec, self._config.workers)

    def _take(self, finished: FinishedUnit) -> None:
        self._uncommitted.append(finished.rows)
        self._uncommitted_images += finished.unit.images
        seconds: Counter[str] = Counter()
        for stages in finished.stages:
            seconds.update(asdict(stages))
        images = finished.unit.images
        self._listen(ImagesFinished(images=images, totals=Totals.of(finished.rows), stages=seconds))

    def _tick(self, planner: Planner) -> None:
        planner.tell()
        if time.monotonic() - self._last_commit >= self._config.commit_seconds:
            self._commit()
        self._listen(Heartbeat())

    def _commit(self) -> None:
        if self._uncommitted:
            rows = pa.concat_tables(self._uncommitted)
            self._marks.check_committable(pc.unique(rows["shard"]).to_pylist())
            self._catalogue.commit(rows, run=self._log.run, over=self._over)
            self._note_held_back(rows)
            self._listen(ImagesCommitted(images=self._uncommitted_images))
            self._uncommitted, self._uncommitted_images = [], 0
        self._last_commit = time.monotonic()

    def _note_held_back(self, rows: pa.Table) -> None:
        """Failed rows that did not enter the catalogue, because a stored version of the image is there."""
        failed = rows.filter(pc.equal(rows["status"], "failed")).select(["key", "reason"])
        reasons = dict(zip(failed["key"].to_pylist(), failed["reason"].to_pylist(), strict=True))
        self._held_back += [
            {"key": row.key, "reason": reasons[row.key]}
            for row in self._catalogue.lookup(reasons)
            if row.status != "failed"
        ]

    def _finish(self, quality: int | None) -> RunSummary:
        """Count this run's rows in the catalogue: the truth, also after a resume."""
        totals = Totals.over(self._catalogue.scan(list(COLUMNS), run=self._log.run))
        self._listen(RunEnded())
        summary = self._summary(totals, quality)
        self._log.write_summary(summary)
        seal(self._archive, self._catalogue.version())
        return summary

    def _failed_in_archive(self) -> int:
        return sum(len(batch) for batch in self._catalogue.scan(["key"], where=FAILED))

    def _summary(self, totals: Totals, quality: int | None) -> RunSummary:
        objects = list(self._archive.list())
        progress = self._follower.progress
        target_bpp, reached_bpp = self._config.codec.target_bpp, totals.coded_bpp
        images = totals.images + len(self._held_back)
        return RunSummary(
            run=self._log.run,
            images=images,
            coded=totals.coded,
            kept=totals.kept,
            failed=totals.failed + len(self._held_back),
            held_back=self._held_back,
            unchanged=progress.unchanged,
            displacing=progress.displacing,
            superseded=max(0, progress.finished - images),
            failed_before=self._failed_in_archive() - totals.failed,
            stopped=self._stopped,
            left=progress.listed - progress.finished,
            skipped=self._source.skipped,
            pixels=totals.pixels,
            raw_bytes=totals.raw_bytes,
            source_bytes=totals.source_bytes,
            zip_bytes=totals.zip_bytes,
            zipped_pixels=totals.zipped_pixels,
            zip_source_bytes=totals.zip_source_bytes,
            payload_bytes=totals.payload_bytes,
            archive_bytes=sum(info.size for info in objects),
            weights_bytes=sum(info.size for info in objects if info.path.startswith(f"{WEIGHTS_FOLDER}/")),
            ratio_vs_raw=totals.ratio_vs_raw,
            ratio_vs_source=totals.ratio_vs_source,
            zip_ratio_vs_raw=totals.zip_ratio_vs_raw,
            bpp=totals.bpp,
            target_bpp=target_bpp,
            target_ratio=24 / target_bpp if target_bpp else None,
            reached_bpp=reached_bpp,
            reached_ratio=24 / reached_bpp if reached_bpp else None,
            target_met=is_met(target_bpp, reached_bpp),
            psnr_db=totals.psnr_db,
            ms_ssim=totals.ms_ssim,
            quality=quality,
            resumed=self._log.resumed,
            seconds=round(progress.seconds(), 3),
            start_seconds=round(progress.start_seconds(), 3),
            megapixels_per_second=round(progress.megapixels_per_second(), 3),
            stage_seconds={name: round(seconds, 3) for name, seconds in progress.stages.items()},
        )


def _parallel(config: CompressConfig) -> int:
    count = config.workers.count
    return (os.cpu_count() or 1) if count is None else max(count, 1)
