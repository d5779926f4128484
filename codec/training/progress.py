"""What a run tells whoever watches, and the plain lines of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from codec.training.recipe import EvaluationPoint


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
    patches_per_second: float
    """In this session."""
    seconds_left: float


def progress_line(progress: TrainingProgress) -> str:
    """The state of a run in one line of a log."""
    steps = f"{progress.step:,}" if progress.steps is None else f"{progress.step:,}/{progress.steps:,}"
    return (
        f"step {steps} ({progress.fraction_done:.0%})  loss {progress.loss:.5f}  held back: "
        f"{reached_words(progress.reached)}  {progress.patches_per_second:.1f} patches/s  "
        f"{progress.seconds_left / 60:.0f} min left"
    )


def reached_words(points: tuple[EvaluationPoint, ...]) -> str:
    """The first, the middle and the last of some points, in words."""
    chosen = sorted({0, len(points) // 2, len(points) - 1}) if points else []
    words = (f"{points[i].label} {points[i].bpp:.3f} bpp {points[i].psnr_db:.2f} dB" for i in chosen)
    return ", ".join(words)


class Lines:
    """Says a line at the first step, every `every_s` seconds, and at the end."""

    def __init__(self, say: Callable[[str], None], *, every_s: float = 30.0) -> None:
        self._say = say
        self._every_s = every_s
        self._last = -every_s

    def __call__(self, progress: TrainingProgress) -> None:
        """Take note of a step."""
        now = time.monotonic()
        if progress.fraction_done >= 1.0 or now - self._last >= self._every_s:
            self._last = now
            self._say(progress_line(progress))
