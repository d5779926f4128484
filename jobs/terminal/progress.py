"""How far a run is: bars on a terminal, one plain line every 30 s elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from jobs.terminal.output import say, stderr
from pipeline.progress import OnProgress, Progress

LINE_EVERY_S = 30.0
_DONE = {
    "compress": "encoded",
    "decode": "decoded",
    "verify": "checked",
    "repair": "checked",
    "report": "compared",
}
_LOOKS = ("verify", "repair")
"""Verbs that count images and problems, not pixels."""


@contextmanager
def show_progress() -> Iterator[OnProgress]:
    """A callback that draws: bars on a terminal, one plain line every 30 s elsewhere.

    What libraries print meanwhile (Ray reports dead workers on stdout) goes to stderr: stdout is for results.
    """
    with redirect_stdout(sys.stderr):
        if stderr.is_terminal:
            with _bars() as bars:
                yield _BarsView(bars).draw
        else:
            yield _LinesView().draw


def _bars() -> Bars:
    return Bars(
        TextColumn("{task.description:>9}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
    )


class _BarsView:
    """Listed, encoded and committed as bars, the rates beside them."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def draw(self, progress: Progress) -> None:
        total = progress.listed if progress.listing_done else None
        done = _DONE[progress.verb]
        rates = f"{progress.finished:,} images"
        if progress.verb not in _LOOKS:
            rates += f"  {progress.megapixels_per_second():.2f} MP/s{_ratio(progress)}"
        self._row("listed", progress.listed, total, f"{progress.listed:,} images{_unchanged(progress)}")
        self._row(done, progress.finished, total, rates if progress.finished else progress.phase)
        if progress.verb == "compress":
            self._row("committed", progress.committed, total, f"{progress.committed:,}{_left(progress)}")

    def _row(self, name: str, completed: int, total: int | None, words: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, words=words)
        self._bars.update(self._tasks[name], completed=completed, total=total, words=words)


class _LinesView:
    """One line every 30 s, and one when a phase begins."""

    def __init__(self) -> None:
        self._phase = ""
        self._last = time.monotonic()

    def draw(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.phase == self._phase and now - self._last < LINE_EVERY_S:
            return
        self._phase, self._last = progress.phase, now
        say(progress_line(progress))


def progress_line(progress: Progress) -> str:
    """The state of a run in one line of a log."""
    stamp = time.strftime("%H:%M:%S")
    more = "" if progress.listing_done else "+"
    done = _DONE[progress.verb]
    line = (
        f"{stamp} {progress.phase}: {progress.listed:,}{more} listed{_unchanged(progress)}, "
        f"{progress.finished:,} {done}"
    )
    if progress.verb == "compress":
        line += f", {progress.committed:,} committed"
    if progress.totals.failed:
        line += f", {progress.totals.failed:,} {'problems' if progress.verb in _LOOKS else 'failed'}"
    if progress.finished and progress.verb in _LOOKS:
        line += _left(progress)
    elif progress.finished:
        line += f", {progress.megapixels_per_second():.2f} MP/s{_ratio(progress)}{_left(progress)}"
    return line


def _ratio(progress: Progress) -> str:
    ratio = progress.totals.ratio_vs_raw
    return f"  {ratio:.1f}x" if ratio else ""


def _left(progress: Progress) -> str:
    left = progress.seconds_left()
    return "" if left is None else f"  {int(left // 60)}:{int(left % 60):02d} left"


def _unchanged(progress: Progress) -> str:
    return f" ({progress.unchanged:,} unchanged)" if progress.unchanged else ""
