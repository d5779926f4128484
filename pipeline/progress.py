"""How far a run is: its events added up to numbers, which the terminal and progress.json both show."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from pipeline.events import (
    AdaptationAdvanced,
    EffortMeasured,
    Event,
    Heartbeat,
    ImagesCommitted,
    ImagesFinished,
    ImagesListed,
    ListingEnded,
    PhaseBegan,
    RunBegan,
    RunEnded,
    StepAdvanced,
    WorkersStarted,
)
from pipeline.totals import STATUSES, Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The events of one run so far, added up."""

    began: RunBegan = field(default_factory=lambda: RunBegan(verb=""))
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
    work_started: float | None = None
    """When the workers were up, by `time.monotonic()`."""
    ended: bool = False

    def after(self, event: Event) -> Progress:
        """These numbers and one event more."""
        match event:
            case RunBegan():
                return Progress(began=event)
            case PhaseBegan():
                return replace(self, phase=event.phase, phase_began=event.at)
            case WorkersStarted():
                return replace(self, work_started=event.at)
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
                return replace(
                    self,
                    finished=self.finished + event.images,
                    totals=self.totals + event.totals,
                    stages={**self.stages, **_added(self.stages, event.stages)},
                )
            case ImagesCommitted():
                return replace(self, committed=self.committed + event.images)
            case RunEnded():
                return replace(self, phase="done", ended=True)
            case EffortMeasured() | StepAdvanced() | AdaptationAdvanced() | Heartbeat():
                return self

    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.began.at

    def start_seconds(self) -> float:
        """From the beginning of the run until the workers were up; 0 when none were needed."""
        return 0.0 if self.work_started is None else self.work_started - self.began.at

    def megapixels_per_second(self) -> float:
        """Since the workers were up."""
        if self.work_started is None:
            return 0.0
        return self.totals.pixels / 1e6 / max(time.monotonic() - self.work_started, 1e-6)

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
        return {
            "run": self.began.run,
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
        }


def _added(seconds: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    return {stage: seconds.get(stage, 0.0) + spent for stage, spent in more.items()}


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
