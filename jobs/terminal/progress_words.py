"""How far a run or a step is, in numbers and words: as bars, as one line of a log, and as an object of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.events import AdaptationAdvanced, CodecLoaded, EffortMeasured, StepAdvanced
from pipeline.progress import Progress, Wait
from pipeline.store.patience import unanswered
from pipeline.words import counted

_SPEED_AFTER_S: Final = 1.0
_PATIENCE_S: Final = 3.0
"""What is waited for is said when it takes longer, unless there is nothing else to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar, its name before it and words behind it."""

    name: str
    done: float
    total: float | None
    """None while it is not known."""
    words: str
    wait: Wait | None = None

    def text(self) -> str:
        """The words as they are now: seconds go on while nothing else does."""
        return "  ".join(filter(None, (self.words, wait_words(self.wait, at_once=not self.words))))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownState:
    """A state, in every form in which it may be shown."""

    bars: Sequence[Bar]
    line: Callable[[], str]
    fields: Callable[[], Mapping[str, Any]]
    """Of an object for machines."""


def shown_run(progress: Progress) -> ShownState:
    """Listed, finished and, where the run commits, committed images."""
    return ShownState(
        bars=_bars_of_run(progress),
        line=lambda: _line_of_run(progress),
        fields=lambda: {**progress.as_json(), "store": store_words() or None},
    )


def shown_step(step: StepAdvanced) -> ShownState:
    """A count of something."""
    total = "" if step.total is None else f" of {step.total:,}"
    return ShownState(
        bars=[Bar(name=step.words, done=step.done, total=step.total, words=f"{step.done:,}")],
        line=lambda: f"{step.done:,}{total} {step.words}",
        fields=lambda: {"step": step.words, "done": step.done, "total": step.total},
    )


def shown_adaptation(now: AdaptationAdvanced) -> ShownState:
    """One bar for all its steps."""
    words = _of_adaptation(now)
    return ShownState(
        bars=[Bar(name="adapting", done=now.done, total=now.total, words=words)],
        line=lambda: f"adapting: {words}",
        fields=lambda: {
            "step": now.step,
            "done": now.done,
            "total": now.total,
            "gain_percent": now.gain_percent,
        },
    )


def shown_share(name: str, share: float, words: str) -> ShownState:
    """A part of the work of that name, 0 to 1, and a line about it."""
    return ShownState(
        bars=[Bar(name=name, done=share, total=1, words=words)],
        line=lambda: words,
        fields=lambda: {"share": round(share, 4), "text": words},
    )


def store_words() -> str:
    """Which store does not answer, and for how long; empty where all do."""
    asked = unanswered()
    if asked is None:
        return ""
    seconds = time.monotonic() - asked.since
    return f"{asked.endpoint} does not answer, attempt {asked.attempt} of {asked.most}: {seconds:.0f} s"


def wait_words(wait: Wait | None, *, at_once: bool = False) -> str:
    """What is waited for, and for how long; empty where that is not worth a word."""
    if words := store_words():
        return words
    if wait is None or not (at_once or wait.seconds() >= _PATIENCE_S):
        return ""
    return f"{wait.what}: {wait.seconds():.0f} s"


def _bars_of_run(progress: Progress) -> list[Bar]:
    total = progress.listed if progress.listing_done else None
    listed = f"{counted(progress.listed, 'image')}{_unchanged(progress)}{_listing_speed(progress)}"
    bars = [
        Bar(name="listed", done=progress.listed, total=total, words=listed),
        _finished(progress, total),
    ]
    if progress.began.commits:
        words = f"{progress.committed:,}{_left(progress)}"
        bars.append(Bar(name="committed", done=progress.committed, total=total, words=words))
    return bars


def _finished(progress: Progress, total: int | None) -> Bar:
    words = counted(progress.finished, "image") if progress.finished else ""
    if progress.finished and progress.began.counts == "pixels":
        words += f"  {progress.megapixels_per_second():.2f} MP/s{_ratio(progress)}"
    return Bar(
        name=progress.began.done,
        done=progress.finished,
        total=total,
        words=words,
        wait=progress.waits_for(),
    )


def _line_of_run(progress: Progress) -> str:
    """The state of a run in one line."""
    more = "" if progress.listing_done else "+"
    line = (
        f"{progress.phase}: {progress.listed:,}{more} listed{_unchanged(progress)}{_listing_speed(progress)}, "
        f"{progress.finished:,} {progress.began.done}"
    )
    if progress.began.commits:
        line += f", {progress.committed:,} committed"
    seeks_problems = progress.began.counts == "problems"
    if progress.totals.failed:
        line += f", {progress.totals.failed:,} {'problems' if seeks_problems else 'failed'}"
    if progress.finished and not seeks_problems:
        line += f", {progress.megapixels_per_second():.2f} MP/s{_ratio(progress)}"
    line += _left(progress) if progress.finished else ""
    waits = wait_words(progress.waits_for())
    return f"{line}; {waits}" if waits else line


def line_of_effort(measured: EffortMeasured) -> str:
    """What a megapixel costs."""
    return effort_words(measured.effort, measured.seconds_per_megapixel, on_gpu=measured.on_gpu)


def line_of_learned(loaded: CodecLoaded) -> str:
    """A sentence about a codec that has learned from the images of this archive."""
    sets = "" if loaded.weights == 1 else f", each image with the best of {loaded.weights} sets of weights"
    return f"Encoding with what this archive has learned from its images ({loaded.learned}){sets}."


def line_of_experimental(loaded: CodecLoaded) -> str:
    """A sentence about a codec whose payloads are not promised to last."""
    return (
        f"{loaded.codec} is experimental: a later release may not decode what it makes. Keep your originals."
    )


def effort_words(effort: int, seconds_per_megapixel: float, *, on_gpu: bool) -> str:
    """How long encoding takes, here."""
    what = "the GPU" if on_gpu else "one core"
    return f"effort {effort}: about {seconds_per_megapixel:.2g} s/MP of {what} here"


def _of_adaptation(now: AdaptationAdvanced) -> str:
    if now.step != "learning":
        return f"{now.step} {now.done:,.0f} of {now.total:,.0f} images"
    gain = "" if now.gain_percent is None else f", about {now.gain_percent:+.1f} % bits on images held back"
    if now.done >= now.total:
        return f"learned for {now.total / 60:.3g} min{gain}; fitting its tables"
    return f"{now.done / 60:.1f} of {now.total / 60:.3g} min{gain}"


def _ratio(progress: Progress) -> str:
    ratio = progress.totals.ratio_vs_raw
    return f"  {ratio:.1f}x" if ratio else ""


def _left(progress: Progress) -> str:
    left = progress.seconds_left()
    return "" if left is None else f"  {int(left // 60)}:{int(left % 60):02d} left"


def _unchanged(progress: Progress) -> str:
    return f" ({progress.unchanged:,} unchanged)" if progress.unchanged else ""


def _listing_speed(progress: Progress) -> str:
    """How many images a second are listed, while that is all there is to see."""
    seen, seconds = progress.listed + progress.unchanged, time.monotonic() - progress.phase_began
    is_shown = (
        progress.phase == "listing" and not progress.listing_done and seen and seconds >= _SPEED_AFTER_S
    )
    return f" {seen / seconds:,.0f}/s" if is_shown else ""
