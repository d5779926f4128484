"""What a person sees: progress on stderr, results on stdout, errors as one message and an exit code."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from codec.errors import CodecError
from pipeline.errors import LockedError, NoArchiveError, TenfoldError, UnsafeStoreError
from pipeline.progress import OnProgress, Progress

OK = 0
FAILED = 1
USAGE = 2
"""Click's own code for a wrong option."""
FAILED_IMAGES = 3
NO_ARCHIVE = 10
LOCKED = 11
UNSAFE_STORE = 12
TIME_UP = 13
INTERRUPTED = 130

LINE_EVERY_S = 30.0
_SHOWN = 50
_DONE = {
    "compress": "encoded",
    "decode": "decoded",
    "verify": "checked",
    "repair": "checked",
    "report": "compared",
}
_LOOKS = ("verify", "repair")
"""Verbs that count images and problems, not pixels."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

stderr = Console(stderr=True, highlight=False)
stdout = Console(highlight=False)


def print_json(value: Any) -> None:
    """One JSON document, the last thing on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def first_of(lines: Sequence[str]) -> Iterator[str]:
    """As many lines as a person reads, and how many more there are."""
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"... and {len(lines) - _SHOWN:,} more; --json lists all."


def readable(text: str) -> str:
    """Keys and reasons as a terminal may see them: control characters, which could drive it, as escapes."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def say(text: str) -> None:
    """One message for a person, on stderr."""
    lines = "\n".join(map(readable, text.split("\n")))
    stderr.print(lines, markup=False, soft_wrap=True)


_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (NoArchiveError, NO_ARCHIVE),
    (LockedError, LOCKED),
    (UnsafeStoreError, UNSAFE_STORE),
    (TenfoldError, FAILED),
    (CodecError, FAILED),
    (FileNotFoundError, FAILED),  # an object of an archive is gone
    (KeyboardInterrupt, INTERRUPTED),
)
_STOPPED = "Stopped. What was committed is in the archive; run the same command to finish."


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn our own errors into one message and an exit code; anything else is a bug and keeps its traceback."""
    try:
        with _sigterm_as_interrupt():
            yield
    except tuple(kind for kind, _ in _CODES) as error:
        message, code = outcome_of(error)
        stderr.print("[bold red]error:[/]" if code != INTERRUPTED else "", end=" ")
        say(message)
        raise SystemExit(code) from None


def outcome_of(error: BaseException) -> tuple[str, int]:
    """What an error that ends a verb says, and the exit code it ends with."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
    return (_STOPPED if code == INTERRUPTED else str(error) or type(error).__name__), code


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """A cluster's polite kill ends a run as Ctrl-C does: finished shards are committed first."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
