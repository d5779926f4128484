"""Forms in which stderr shows how far something is: bars, lines, objects, or nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from jobs.terminal.json_lines import JsonLines
from jobs.terminal.output import say, stderr
from jobs.terminal.progress_words import Bar, ShownState
from jobs.terminal.watch import current_watch

LINE_EVERY_S = 30.0
_LOOK_EVERY_S: Final = 1.0


class Drawer(Protocol):
    """Shows states, one after the other."""

    def draw(self, shown: ShownState, *, at_once: bool = False) -> None:
        """Show a state; `at_once`: also where only one in 30 s is."""
        ...


@contextmanager
def drawer() -> Iterator[Drawer]:
    """The one that suits how this process is watched."""
    watch = current_watch()
    style = ("rich" if stderr.is_terminal else "plain") if watch.style == "auto" else watch.style
    if style == "none":
        yield _Nothing()
    elif style == "rich":
        columns = (
            TextColumn("{task.description}", justify="right"),
            BarColumn(),
            _Words(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(),
        )
        asked_for = stderr if stderr.is_terminal else Console(stderr=True, force_terminal=True)
        with Progress(*columns, console=asked_for, transient=True) as drawn:
            yield _Bars(drawn)
    else:
        with _Log(_say if watch.json_lines is None else partial(_write, watch.json_lines)) as log:
            yield log


def _say(shown: ShownState) -> None:
    say(f"{time.strftime('%H:%M:%S')} {shown.line()}")


def _write(lines: JsonLines, shown: ShownState) -> None:
    lines.write("progress", **shown.fields())


class _Words(ProgressColumn):
    """What stands behind a bar. Seconds go on while nothing else does."""

    def render(self, task: Task) -> Text:
        bar: Bar = task.fields["bar"]
        return Text(bar.text())


class _Bars:
    """Each bar on a line of its own, for as long as the work goes on."""

    def __init__(self, drawn: Progress) -> None:
        self._drawn = drawn
        self._tasks: dict[str, TaskID] = {}

    def draw(self, shown: ShownState, *, at_once: bool = False) -> None:
        for bar in shown.bars:
            if bar.name not in self._tasks:
                self._tasks[bar.name] = self._drawn.add_task(bar.name, total=bar.total, bar=bar)
            self._drawn.update(self._tasks[bar.name], completed=bar.done, total=bar.total, bar=bar)


class _Log:
    """A state every 30 s, also when nothing new was heard in the meantime."""

    def __init__(self, tell: Callable[[ShownState], None]) -> None:
        self._tell = tell
        self._reported_at = time.monotonic()
        self._last: ShownState | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_telling, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def draw(self, shown: ShownState, *, at_once: bool = False) -> None:
        with self._lock:
            self._last = shown
            self._tell_if_due(at_once=at_once)

    def _keep_telling(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            with self._lock:
                self._tell_if_due()

    def _tell_if_due(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._last is not None and (at_once or now - self._reported_at >= LINE_EVERY_S):
            self._reported_at = now
            self._tell(self._last)


class _Nothing:
    """No progress."""

    def draw(self, shown: ShownState, *, at_once: bool = False) -> None:
        return
