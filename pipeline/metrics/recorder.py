"""From the events of a run to its metrics."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from pipeline.events import (
    Event,
    ImagesCommitted,
    ImagesFinished,
    ImagesListed,
    RunBegan,
    RunEnded,
    TasksUnderWay,
    WorkersStarted,
)
from pipeline.failure_kinds import failure_kind
from pipeline.metrics import definitions
from pipeline.metrics.definitions import Metric
from pipeline.progress import Follower


class Meters(Protocol):
    """Where metrics are kept: for Prometheus, or by Ray."""

    def record(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        """Add to a counter, set a gauge, or observe one value of a histogram.

        Args:
            labels: all that the metric has, the common ones too.
        """
        ...


class Recorder:
    """A listener that keeps metrics of the run under way; a dry run leaves none."""

    def __init__(self, meters: Meters | None) -> None:
        """Record to these meters; None counts events until `meters` is set."""
        self.meters = meters
        self._follower = Follower()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self._follower(event)
        match event:
            case RunBegan():
                self._record_begin()
            case WorkersStarted():
                self._record_begin()  # on Ray there are no meters before
                self._record_queue()
                self._record(definitions.WORKERS, event.workers)
            case TasksUnderWay():
                self._record(definitions.TASKS, event.tasks)
                self._record(definitions.CAPACITY, event.capacity)
            case ImagesFinished():
                self._record_images(event)
                self._record_queue()
            case ImagesCommitted():
                if event.seconds is not None:
                    self._record(definitions.COMMIT_SECONDS, event.seconds)
                self._record_queue()
            case ImagesListed():
                self._record_queue()
            case RunEnded():
                self._record(definitions.ENDED, time.time())

    def _record_begin(self) -> None:
        self._record(definitions.BEGAN, time.time() - self._follower.progress.seconds())

    def _record_images(self, more: ImagesFinished) -> None:
        began = self._follower.progress.began
        for status, totals in (more.by_status or {began.done: more.totals}).items():
            images = totals.images if more.by_status else more.images - len(more.failures)
            self._add(definitions.IMAGES, images, status=status)
            self._add(definitions.MEGAPIXELS, totals.pixels / 1e6, status=status)
            if more.by_status:
                self._add(definitions.SOURCE_BYTES, totals.source_bytes, status=status)
                self._add(definitions.STORED_BYTES, totals.payload_bytes, status=status)
        for kind, count in Counter(failure_kind(failure.reason) for failure in more.failures).items():
            self._add(definitions.FAILURES, count, reason=kind)
        if began.counts == "problems":
            self._add(definitions.PROBLEMS, more.totals.failed)
        if more.worker:
            self._add(definitions.WORKER_MEGAPIXELS, more.totals.pixels / 1e6, worker=more.worker)
        for stage, seconds in more.stages.items():
            self._record(definitions.STAGE_SECONDS, seconds, stage=stage.removesuffix("_s"))
        self._add(definitions.CODEC_WAITED, more.codec_waited_s)
        self._add(definitions.IMAGES_WAITED, more.images_waited_s)

    def _record_queue(self) -> None:
        progress = self._follower.progress
        self._record(definitions.PLANNED, progress.listed)
        self._record(definitions.UNFINISHED, progress.listed - progress.finished)
        self._record(definitions.UNCOMMITTED, progress.uncommitted)

    def _add(self, metric: Metric, value: float, **labels: str) -> None:
        if value > 0:
            self._record(metric, value, **labels)

    def _record(self, metric: Metric, value: float, **labels: str) -> None:
        began = self._follower.progress.began
        if self.meters is not None and not began.is_dry_run:
            self.meters.record(metric, value, {"archive": began.archive, "verb": began.verb, **labels})
