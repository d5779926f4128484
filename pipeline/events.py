"""What a run tells while it goes on: events, which any number of listeners take in the same order.

A verb hands its events to one `Listener`, from the thread that drives it; `together` makes one of several. The terminal
is a listener, progress.json is another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from pipeline.totals import Totals

WorkerPlace = Literal["here", "own Ray", "cluster"]
"""Where workers are: in this process, in a Ray that it started for itself, or in one that was there before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    at: float = field(default_factory=time.monotonic, compare=False)
    """When it happened, by `time.monotonic()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegan(_Event):
    """The first event of a run. One run may begin within another, and then ends before it goes on."""

    verb: str
    archive: str = ""
    """Its URL, as far as anybody may see it."""
    done: str = ""
    """What was done to an image that is finished, in one word, such as `encoded`. Empty: it counts no images."""
    counts: Literal["pixels", "problems"] = "pixels"
    """What the totals of finished images hold: their pixels, or the problems that were found in them, as failures."""
    is_dry_run: bool = False
    """Whether it only tells what would be done."""
    commits: bool = False
    """Whether finished images are committed to a catalogue after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecLoaded(_Event):
    """What the run encodes with."""

    codec: str
    learned: str = ""
    """The adaptation in which the archive learned these weights; empty for others."""
    weights: int = 1
    """Sets of them, of which each image takes one."""
    experimental: bool = False
    """Whether a later release may not decode what the run makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOpened(_Event):
    """The run leaves records in the archive from here on."""

    run: str
    """Its id there."""
    resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseBegan(_Event):
    """A run does something else from here on: `listing`, `starting Ray`, `working`, ..."""

    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersStarted(_Event):
    """The workers are up: what follows is work."""

    workers: int
    place: WorkerPlace = "here"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitBegan(_Event):
    """The thread that drives the run stands still from here on, until one thing is done: `committing`."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEnded(_Event):
    """The thread that drives the run goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksUnderWay(_Event):
    """The workers hold more tasks, or fewer."""

    tasks: int
    capacity: int
    """So many keep all workers busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortMeasured(_Event):
    """How long encoding takes with the effort that is asked for, before it begins."""

    effort: int
    seconds_per_megapixel: float
    """Of one core of this machine, or of its GPU."""
    on_gpu: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesListed(_Event):
    """More images were seen in the source, or selected from the archive."""

    images: int = 0
    """To be worked on."""
    unchanged: int = 0
    """Not to be worked on, because they are as an earlier run saw them."""
    displacing: int = 0
    """Of `images`: those that take the place of one from another URL, under the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingEnded(_Event):
    """No image will be listed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An image of which nothing is stored."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesFinished(_Event):
    """More images were worked on: their shard is published, or their file is written."""

    images: int
    totals: Totals = field(default_factory=Totals)
    """Of these images. Empty for what an interrupted run had finished."""
    by_status: Mapping[str, Totals] = field(default_factory=dict)
    """`totals` taken apart, where images are stored."""
    failures: tuple[Failure, ...] = ()
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds of work by stage (`encode_s`), summed over threads."""
    codec_waited_s: float = 0.0
    """A codec stood still until an image was read."""
    images_waited_s: float = 0.0
    """Images that were read waited for a codec, summed over them."""
    worker: str = ""
    """Which one did it, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesCommitted(_Event):
    """More of the finished images are in the catalogue."""

    images: int
    seconds: float | None = None
    """What the commit took; None for what an interrupted run had committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAdvanced(_Event):
    """A long piece of work that does not count images went on."""

    words: str
    """What is counted, such as `objects removed`."""
    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationAdvanced(_Event):
    """A codec went on learning from a source's images."""

    step: Literal["reading", "measuring", "learning", "judging", "sorting"]
    done: float
    total: float
    """Images; seconds while learning."""
    gain_percent: float | None = None
    """About the change of bits on images held back so far; negative is smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(_Event):
    """Time went by: whoever shows rates may show them anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(_Event):
    """The last event of a run that came to its end."""


Event = (
    RunBegan
    | CodecLoaded
    | RecordOpened
    | PhaseBegan
    | WorkersStarted
    | WaitBegan
    | WaitEnded
    | TasksUnderWay
    | EffortMeasured
    | ImagesListed
    | ListingEnded
    | ImagesFinished
    | ImagesCommitted
    | StepAdvanced
    | AdaptationAdvanced
    | Heartbeat
    | RunEnded
)
Listener = Callable[[Event], None]
"""Takes one event after the other, in the thread that drives the run; must return quickly."""


def ignore(_event: Event) -> None:
    """Listen to nothing."""


def together(*listeners: Listener) -> Listener:
    """One listener that hands every event to several, in their order."""

    def listen(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return listen


@contextmanager
def waiting(listen: Listener, what: str) -> Iterator[None]:
    """Tell that the thread which drives the run stands still meanwhile."""
    listen(WaitBegan(what=what))
    try:
        yield
    finally:
        listen(WaitEnded())
