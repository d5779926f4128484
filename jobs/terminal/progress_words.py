"""How far a run or a step is, in numbers and words: as bars, and as one line of a log."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.events import AdaptationAdvanced, EffortMeasured, StepAdvanced
from pipeline.progress import Progress
from pipeline.words import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar, its name before it and words behind it."""

    name: str
    done: float
    total: float | None
    """None while it is not known."""
    words: str
    since: float | None = None
    """When that began, by `time.monotonic()`, where nothing moves meanwhile but the seconds."""


def bars_of_run(progress: Progress) -> list[Bar]:
    """Listed, finished and, where the run commits, committed images; the rates beside them."""
    total = progress.listed if progress.listing_done else None
    listed = f"{counted(progress.listed, 'image')}{_unchanged(progress)}"
    bars = [
        Bar(name="listed", done=progress.listed, total=total, words=listed),
        _finished(progress, total),
    ]
    if progress.began.commits:
        words = f"{progress.committed:,}{_left(progress)}"
        bars.append(Bar(name="committed", done=progress.committed, total=total, words=words))
    return bars


def _finished(progress: Progress, total: int | None) -> Bar:
    words, since = counted(progress.finished, "image"), None
    if progress.began.counts == "pixels":
        words += f"  {progress.megapixels_per_second():.2f} MP/s{_ratio(progress)}"
    if not progress.finished:
        words, since = progress.phase, progress.phase_began
    return Bar(name=progress.began.done, done=progress.finished, total=total, words=words, since=since)


def line_of_run(progress: Progress) -> str:
    """The state of a run in one line."""
    more = "" if progress.listing_done else "+"
    line = (
        f"{progress.phase}: {progress.listed:,}{more} listed{_unchanged(progress)}, "
        f"{progress.finished:,} {progress.began.done}"
    )
    if progress.began.commits:
        line += f", {progress.committed:,} committed"
    seeks_problems = progress.began.counts == "problems"
    if progress.totals.failed:
        line += f", {progress.totals.failed:,} {'problems' if seeks_problems else 'failed'}"
    if progress.finished and not seeks_problems:
        line += f", {progress.megapixels_per_second():.2f} MP/s{_ratio(progress)}"
    return line + (_left(progress) if progress.finished else "")


def line_of_effort(measured: EffortMeasured) -> str:
    """What a megapixel costs."""
    return effort_words(measured.effort, measured.seconds_per_megapixel, on_gpu=measured.on_gpu)


def effort_words(effort: int, seconds_per_megapixel: float, *, on_gpu: bool) -> str:
    """How long encoding takes, here."""
    what = "the GPU" if on_gpu else "one core"
    return f"effort {effort}: about {seconds_per_megapixel:.2g} s/MP of {what} here"


def bar_of_step(step: StepAdvanced) -> Bar:
    """One bar."""
    return Bar(name=step.words, done=step.done, total=step.total, words=f"{step.done:,}")


def line_of_step(step: StepAdvanced) -> str:
    """The state of a step in one line."""
    total = "" if step.total is None else f" of {step.total:,}"
    return f"{step.done:,}{total} {step.words}"


def bar_of_adaptation(now: AdaptationAdvanced) -> Bar:
    """One bar for all its steps."""
    return Bar(name="adapting", done=now.done, total=now.total, words=_of_adaptation(now))


def line_of_adaptation(now: AdaptationAdvanced) -> str:
    """The state of an adaptation in one line."""
    return f"adapting: {_of_adaptation(now)}"


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
