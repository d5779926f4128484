"""How far a piece of work without images is: a bar on a terminal, one plain line every 30 s elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from jobs.terminal.output import say, stderr
from jobs.terminal.progress import LINE_EVERY_S
from pipeline.progress import OnStep, Step


@contextmanager
def show_steps() -> Iterator[OnStep]:
    """A callback that draws."""
    if stderr.is_terminal:
        columns = (TextColumn("{task.description:>23}"), BarColumn(), TextColumn("{task.completed:,.0f}"))
        with Progress(*columns, TimeElapsedColumn(), console=stderr, transient=True) as bars:
            yield _Bars(bars).draw
    else:
        yield _Lines().draw


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def draw(self, step: Step) -> None:
        if step.words not in self._tasks:
            self._tasks[step.words] = self._bars.add_task(step.words, total=step.total)
        self._bars.update(self._tasks[step.words], completed=step.done, total=step.total)


class _Lines:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def draw(self, step: Step) -> None:
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            of = "" if step.total is None else f" of {step.total:,}"
            say(f"{time.strftime('%H:%M:%S')} {step.done:,}{of} {step.words}")
