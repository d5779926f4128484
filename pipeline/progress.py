"""How far a run is: its events added up to numbers, which the terminal and progress.json both show."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

from pipeline.events import (
    AdaptationAdvanced,
    CodecLoaded,
    EffortMeasured,
    Event,
    Heartbeat,
    ImagesCommitted,
    ImagesFinished,
    ImagesListed,
    ListingEnded,
    PhaseBegan,
    RecordOpened,
    RunBegan,
    RunEnded,
    StepAdvanced,
    TasksUnderWay,
    WaitBegan,
    WaitEnded,
    WorkersStarted,
)
from pipeline.failure_kinds import failure_kind
from pipeline.totals import STATUSES, Totals
from pipeline.words import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitTimes:
    """What the commits of a run took, in seconds."""

    count: int = 0
    total_s: float = 0.0
    last_s: float = 0.0
    longest_s: float = 0.0

    def after(self, seconds: float) -> CommitTimes:
        """These commits and one more."""
        return CommitTimes(
            count=self.count + 1,
            total_s=self.total_s + seconds,
            last_s=seconds,
            longest_s=max(self.longest_s, seconds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerShare:
    """What one worker has done of a run."""

    images: int = 0
    pixels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What would have to come first, where nothing moves."""

    what: str
    since: float
    """By `time.monotonic()`."""

    def seconds(self) -> float:
        """How long it has been waited for."""
        return time.monotonic() - self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The events of one run so far, added up."""

    began: RunBegan = field(default_factory=lambda: RunBegan(verb=""))
    run: str = ""
    """Its id in the archive, where it leaves records there."""
    phase: str = "listing"
    """The last one that began; `done` at the end."""
    phase_began: float = field(default_factory=time.monotonic)
    """When, by `time.monotonic()`."""
    listed: int = 0
    """Images planned so far."""
    listing_done: bool = False
    unchanged: int = 0
    displacing: int = 0
    """Of the listed: images that take the place of one from another URL, under the same key."""
    finished: int = 0
    """Images whose shard is published (or file written)."""
    committed: int = 0
    totals: Totals = field(default_factory=Totals)
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds of work by stage."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Images by the kind of reason (pipeline/failure_kinds.py)."""
    codec_waited_s: float = 0.0
    images_waited_s: float = 0.0
    """As `ImagesFinished` has it."""
    workers: Mapping[str, WorkerShare] = field(default_factory=dict)
    """By the worker's name."""
    commits: CommitTimes = CommitTimes()
    tasks: int = 0
    """Tasks that the workers hold."""
    capacity: int = 0
    """So many tasks keep all workers busy."""
    wait: WaitBegan | None = None
    """What the driver stands still for."""
    work_started: float | None = None
    """When the workers were up, by `time.monotonic()`."""
    moved: float | None = None
    """When images were finished last, by `time.monotonic()`."""
    ended: bool = False

    def after(self, event: Event) -> Progress:
        """These numbers and one event more."""
        match event:
            case RunBegan():
                return Progress(began=event)
            case RecordOpened():
                return replace(self, run=event.run)
            case PhaseBegan():
                return replace(self, phase=event.phase, phase_began=event.at)
            case WorkersStarted():
                return replace(self, work_started=event.at)
            case WaitBegan():
                return replace(self, wait=event)
            case WaitEnded():
                return replace(self, wait=None)
            case TasksUnderWay():
                return replace(self, tasks=event.tasks, capacity=event.capacity)
            case ImagesListed():
                return replace(
                    self,
                    listed=self.listed + event.images,
                    unchanged=self.unchanged + event.unchanged,
                    displacing=self.displacing + event.displacing,
                )
            case ListingEnded():
                return replace(self, listing_done=True)
            case ImagesFinished():
                return self._after_images(event)
            case ImagesCommitted():
                commits = self.commits if event.seconds is None else self.commits.after(event.seconds)
                return replace(self, committed=self.committed + event.images, commits=commits)
            case RunEnded():
                return replace(self, phase="done", ended=True)
            case CodecLoaded() | EffortMeasured() | StepAdvanced() | AdaptationAdvanced() | Heartbeat():
                return self

    def _after_images(self, more: ImagesFinished) -> Progress:
        workers = self.workers
        if more.worker:
            before = workers.get(more.worker, WorkerShare())
            share = WorkerShare(images=before.images + more.images, pixels=before.pixels + more.totals.pixels)
            workers = {**workers, more.worker: share}
        kinds: Counter[str] = Counter(failure_kind(failure.reason) for failure in more.failures)
        return replace(
            self,
            finished=self.finished + more.images,
            totals=self.totals + more.totals,
            stages=_added(self.stages, more.stages),
            failures=_added(self.failures, kinds),
            codec_waited_s=self.codec_waited_s + more.codec_waited_s,
            images_waited_s=self.images_waited_s + more.images_waited_s,
            workers=workers,
            moved=more.at,
        )

    @property
    def uncommitted(self) -> int:
        """Images that are finished, and not yet in the catalogue of a run that commits."""
        return self.finished - self.committed if self.began.commits else 0

    def waits_for(self) -> Wait | None:
        """What has to come before the numbers move; None where nothing has."""
        if self.ended:
            return None
        if self.wait is not None:
            return Wait(what=self.wait.what, since=self.wait.at)
        if self.work_started is None:
            return Wait(what=self.phase, since=self.phase_began)
        since = max(self.moved or 0.0, self.work_started)
        if self.tasks:
            first = "" if self.finished else "the first of "
            return Wait(what=f"waiting for {first}{counted(self.tasks, 'task')}", since=since)
        return None if self.listing_done else Wait(what="listing", since=since)

    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.began.at

    def start_seconds(self) -> float:
        """From the beginning of the run until the workers were up; 0 when none were needed."""
        return 0.0 if self.work_started is None else self.work_started - self.began.at

    def megapixels_per_second(self) -> float:
        """Since the workers were up."""
        return self._rate(self.totals.pixels)

    def _rate(self, pixels: int) -> float:
        if self.work_started is None:
            return 0.0
        return pixels / 1e6 / max(time.monotonic() - self.work_started, 1e-6)

    def seconds_left(self) -> float | None:
        """At the rate so far; None until the listing has ended and something is finished."""
        if not self.listing_done or not self.finished or self.work_started is None:
            return None
        spent = time.monotonic() - self.work_started
        return spent / self.finished * max(self.listed - self.finished, 0)

    def as_json(self) -> dict[str, object]:
        """For progress.json."""
        counts = asdict(self.totals)
        left = self.seconds_left()
        wait = self.waits_for()
        return {
            "run": self.run,
            "verb": self.began.verb,
            "phase": self.phase,
            "listed": self.listed,
            "listing_done": self.listing_done,
            "unchanged": self.unchanged,
            "displacing": self.displacing,
            "finished": self.finished,
            "committed": self.committed,
            **{name: counts[name] for name in (*STATUSES, "damaged", "payload_bytes")},
            "raw_bytes": self.totals.raw_bytes,
            "ratio_vs_raw": self.totals.ratio_vs_raw,
            "megapixels_per_second": round(self.megapixels_per_second(), 3),
            "seconds": round(self.seconds(), 1),
            "seconds_left": None if left is None else round(left, 1),
            "waits_for": None if wait is None else {"what": wait.what, "seconds": round(wait.seconds(), 1)},
            "failures": dict(self.failures),
            "tasks_under_way": self.tasks,
            "tasks_capacity": self.capacity,
            "uncommitted": self.uncommitted,
            "commits": {name: round(value, 3) for name, value in asdict(self.commits).items()},
            "stage_seconds": {name: round(spent, 3) for name, spent in self.stages.items()},
            "codec_waited_seconds": round(self.codec_waited_s, 3),
            "images_waited_seconds": round(self.images_waited_s, 3),
            "workers": {
                name: {"images": share.images, "megapixels_per_second": round(self._rate(share.pixels), 3)}
                for name, share in self.workers.items()
            },
        }


NumberT = TypeVar("NumberT", int, float)


def _added(numbers: Mapping[str, NumberT], more: Mapping[str, NumberT]) -> dict[str, NumberT]:
    return {**numbers, **{name: numbers.get(name, 0) + count for name, count in more.items()}}


class Follower:
    """A listener that keeps the progress of the run under way: of the inner one while a run is within another."""

    def __init__(self) -> None:
        """Follow what begins next."""
        self._runs = [Progress()]

    @property
    def progress(self) -> Progress:
        """Of the run whose event came last."""
        return self._runs[-1]

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if self._runs[-1].ended and len(self._runs) > 1:
            self._runs.pop()
        if isinstance(event, RunBegan) and self._runs[-1].began.verb and not self._runs[-1].ended:
            self._runs.append(Progress())
        self._runs[-1] = self._runs[-1].after(event)
