"""What a run tells whoever watches, and the plain lines of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from codec.training.recipe import EvaluationPoint
from codec.training.session import StageProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress:
    """The state of a run after one more step."""

    step: int
    steps: int | None
    """In all; None when the clock decides."""
    fraction_done: float
    """Of the run that is over, 0 to 1."""
    loss: float
    """Mean since the last line of the log; NaN when every step of it was skipped."""
    reached: tuple[EvaluationPoint, ...]
    """At the last evaluation."""
    reached_at: int
    """The step of that."""
    patches_per_second: float
    """In this session."""
    seconds_left: float
    """Of the run."""
    session_seconds_left: float | None
    """Until this session begins to end; None where the run's end is its own."""


def progress_line(progress: TrainingProgress) -> str:
    """The state of a run in one line of a log."""
    steps = f"{progress.step:,}" if progress.steps is None else f"{progress.step:,}/{progress.steps:,}"
    return (
        f"step {steps} ({progress.fraction_done:.0%})  loss {progress.loss:.5f}  held back, at "
        f"{progress.reached_at:,}: {reached_words(progress.reached)}  {progress.patches_per_second:.1f} patches/s  "
        f"{_left(progress)}"
    )


def reached_words(points: tuple[EvaluationPoint, ...]) -> str:
    """The first, the middle and the last of some points, in words."""
    chosen = sorted({0, len(points) // 2, len(points) - 1}) if points else []
    words = (f"{points[i].label} {points[i].bpp:.3f} bpp {points[i].psnr_db:.2f} dB" for i in chosen)
    return ", ".join(words)


def _left(progress: TrainingProgress) -> str:
    run, session = progress.seconds_left, progress.session_seconds_left
    if session is None or session >= run:
        return f"{_duration(run)} left"
    return f"{_duration(session)} of this session and {_duration(run)} of the run left"


def _duration(seconds: float) -> str:
    return f"{max(0.0, seconds):.0f} s" if seconds < 90.0 else f"{seconds / 60.0:.0f} min"


class Lines:
    """Says a line when a stage first begins, at the first step, every `every_s` seconds, and at the end."""

    def __init__(self, say: Callable[[str], None], *, every_s: float = 30.0) -> None:
        self._say = say
        self._every_s = every_s
        self._last = -math.inf
        self._begun: set[str] = set()

    def step(self, progress: TrainingProgress) -> None:
        """Take note of a step."""
        self._say_if_due("step", lambda: progress_line(progress), at_once=progress.fraction_done >= 1.0)

    def stage(self, progress: StageProgress) -> None:
        """Take note of how far a stage is."""
        self._say_if_due(progress.words, progress.line)

    def _say_if_due(self, what: str, line: Callable[[], str], *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or what not in self._begun or now - self._last >= self._every_s:
            self._begun.add(what)
            self._last = now
            self._say(line())
