"""How far a benchmark is: a bar on a terminal, one plain line every 30 s elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jobs.terminal.output import say, stderr
from jobs.terminal.progress import LINE_EVERY_S


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call after each of `total` things."""
    if stderr.is_terminal:
        with Progress(
            TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=stderr, transient=True,
        ) as bar:  # fmt: skip
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)
    else:
        yield _Lines(what, total).advance


class _Lines:
    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._done = 0
        self._last = time.monotonic()

    def advance(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            say(f"{time.strftime('%H:%M:%S')} {self._what}: {self._done} of {self._total}")
