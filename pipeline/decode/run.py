"""The decode run: archive in, image files or packs out, on the same pool of workers as encoding.

What it does it takes from a plan that is written down, task by task, and it writes down what came of each. That record
is kept in the destination where it is wanted, so that a killed run goes on from it; else it is gone with the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from typing import Any, Final

from codec.registry import check_decoder
from pipeline.archive.catalogue import Catalogue
from pipeline.config import CompressConfig
from pipeline.decode.gathering import Gathering
from pipeline.decode.job_record import JobRecord, PlanHead
from pipeline.decode.left_over import LeftOver, images_left, tasks_left
from pipeline.decode.opened_record import opened_record, remember, temporary_record
from pipeline.decode.options import DecodeOptions
from pipeline.decode.outcome import DecodeOutcome
from pipeline.decode.pack_outlet import check_no_other_packs, remove_orphans
from pipeline.decode.planner import DecodePlanner
from pipeline.decode.summary import DecodeSummary
from pipeline.decode.tasks import DecodeResult, DecoderSpec, DecodeTask
from pipeline.errors import StorageError
from pipeline.events import (
    Failure,
    ImagesFinished,
    ImagesListed,
    Listener,
    ListingEnded,
    RunBegan,
    RunEnded,
    ignore,
    together,
)
from pipeline.progress import Follower
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.workers.pool import Died
from pipeline.workers.retry import halves, work_through
from pipeline.workers.start import working_pool
from pipeline.workers.workload import Workload

GOES_ON: Final = "Files that are there are whole: the same command with --skip-existing goes on."
"""What to do after a decode that was stopped."""
JOB_GOES_ON: Final = "What is there is whole: the same command goes on."
"""The same, where a record is kept."""


class DecodeRun:
    """One decode of (some of) an archive into a folder or bucket. Use once."""

    def __init__(
        self,
        archive: Storage,
        destination: Storage,
        config: CompressConfig,
        options: DecodeOptions = DecodeOptions(),  # noqa: B008 frozen
    ) -> None:
        """Contact nothing yet.

        Raises:
            CodecConfigError: no codec here has such a decoder.
        """
        check_decoder(options.decoder)
        self._archive = archive
        self._destination = destination
        self._config = config
        self._options = options
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._gathering = Gathering()

    def run(self, listen: Listener = ignore, *, stop: Callable[[], bool] = lambda: False) -> DecodeSummary:
        """Do it.

        Args:
            stop: asked before each task; once it says so, what is under way is finished and no more is begun.

        Raises:
            NoArchiveError, UnknownKeyError, ConfigError, StorageError, RestoreError: before any work where it can be
                known then.
        """
        self._listen = together(self._follower, listen)
        self._listen(RunBegan(verb="decode", archive=self._archive.url, done="decoded"))
        catalogue = Catalogue(self._archive, as_of=self._options.as_of)
        asked = {"archive": catalogue.table_id(), **self._options.fingerprint()}
        with self._record(asked, catalogue.edition()) as record:
            begun = record.head()
            head = begun or record.start(self._planned(catalogue, record, asked))
            if self._options.keeps_record and begun is None:
                remember(self._destination, asked, record.job)
            self._destination.check_writable()
            self._work(record, head, stop, is_begun=begun is not None)
            return self._summary(record, head)

    def _record(self, asked: dict[str, Any], edition: str) -> AbstractContextManager[JobRecord]:
        if self._options.keeps_record:
            return nullcontext(opened_record(self._destination, asked, edition))
        return temporary_record()

    def _planned(self, catalogue: Catalogue, record: JobRecord, asked: dict[str, Any]) -> PlanHead:
        if self._options.to != "files" and self._options.selection.requests is None:
            check_no_other_packs(self._destination, record.job)
        planner = DecodePlanner(
            archive=self._archive,
            destination=self._destination,
            catalogue=catalogue,
            versions=[catalogue] if self._options.as_of is None else [catalogue, Catalogue(self._archive)],
            options=self._options,
        )
        return planner.plan(record, asked)

    def _work(self, record: JobRecord, head: PlanHead, stop: Callable[[], bool], *, is_begun: bool) -> None:
        finished = record.finished() if is_begun else set()
        left = images_left(record, head, finished)
        self._listen(ImagesListed(images=left))
        self._listen(ListingEnded())
        if len(finished) == head.tasks:
            return
        spec = DecoderSpec(
            archive_url=self._archive.url,
            destination_url=self._destination.url,
            to=self._options.to,
            pack_prefix=record.job,
            decoder=self._options.decoder,
            config=self._config,
        )
        workload = Workload(images=left, megapixels=head.megapixels * left / head.planned)
        left_over = tasks_left(
            record,
            head,
            finished,
            form=self._options.form,
            written_to=self._destination if is_begun and self._options.to == "files" else None,
        )
        tasks = self._tasks(record, left_over, stop)
        try:
            with working_pool(spec, self._config.workers, self._listen, workload=workload) as pool:
                for outcome in work_through(pool, tasks, _split, listen=self._listen):
                    if isinstance(outcome, Died):
                        self._take(record, outcome.task, _given_up(outcome))
                    elif outcome is not None:
                        self._take(record, outcome.task, outcome.result)
        except StorageError as error:
            raise type(error)(f"{error} {JOB_GOES_ON if self._options.keeps_record else GOES_ON}") from error

    def _tasks(
        self, record: JobRecord, left: Iterator[LeftOver], stop: Callable[[], bool]
    ) -> Iterator[DecodeTask]:
        """What is left to do, until it is time to stop."""
        for one in left:
            if stop():
                return
            if result := self._gathering.begin(one.task, one.there):
                self._finish(record, one.task.number, result)
            else:
                yield one.to_do()

    def _take(self, record: JobRecord, task: DecodeTask, part: DecodeResult) -> None:
        keys = {image.position: image.key for image in task.images}
        self._listen(ImagesFinished(images=len(part.delivered), totals=Totals(pixels=part.pixels)))
        for position, reason in part.failed:
            failure = Failure(key=keys[position], reason=reason)
            self._listen(ImagesFinished(images=1, totals=Totals(failed=1), failures=(failure,)))
        if result := self._gathering.add(task.number, part):
            self._finish(record, task.number, result)

    def _finish(self, record: JobRecord, number: int, result: DecodeResult) -> None:
        if not record.finish(number, result):  # another driver did the same
            _, stands = record.result(number)
            for pack in result.packs - stands.packs:
                self._destination.delete(pack)

    def _summary(self, record: JobRecord, head: PlanHead) -> DecodeSummary:
        outcome = DecodeOutcome.of(record, head)
        left = head.planned - outcome.done
        is_asked_by_key = self._options.selection.requests is not None
        self._listen(RunEnded())
        progress = self._follower.progress
        summary = DecodeSummary(
            images=head.selected,
            written=outcome.written,
            failed=len(outcome.failures),
            existing=head.existing,
            without_payload=0 if is_asked_by_key else head.without_payload,
            written_bytes=outcome.written_bytes,
            seconds=round(progress.seconds(), 3),
            megapixels_per_second=round(progress.megapixels_per_second(), 3),
            failures=outcome.failures,
            renamed=outcome.renamed,
            in_other_format=outcome.in_other_format,
            left=left,
            late=outcome.late,
            packs=len(outcome.packs),
            record=record.url if self._options.keeps_record else None,
        )
        if self._options.keeps_record:
            if not left:
                remove_orphans(self._destination, record.job, outcome.packs)
            for name, rows in outcome.lists().items():
                record.write_list(name, rows)
            record.write_report(asdict(summary))
        return summary


def _given_up(death: Died[DecodeTask]) -> DecodeResult:
    (image,) = death.task.images
    reason = f"its worker died each time it was tried alone: {death.reason}"
    return DecodeResult(delivered=(), failed=((image.position, reason),), pixels=0)


def _split(task: DecodeTask) -> list[DecodeTask]:
    return [replace(task, images=half) for half in halves(task.images)]
