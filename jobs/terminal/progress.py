"""How far a run, a benchmark or a training is: bars on a terminal, one plain line every 30 s elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Protocol

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from jobs.terminal.output import say, stderr
from jobs.terminal.progress_words import (
    Bar,
    bar_of_adaptation,
    bar_of_step,
    bars_of_run,
    line_of_adaptation,
    line_of_effort,
    line_of_run,
    line_of_step,
)
from pipeline.events import (
    AdaptationAdvanced,
    EffortMeasured,
    Event,
    Listener,
    PhaseBegan,
    RunEnded,
    StepAdvanced,
)
from pipeline.progress import Follower

LINE_EVERY_S = 30.0


@contextmanager
def show_progress() -> Iterator[Listener]:
    """A listener that draws the runs and the steps that it hears of."""
    with _drawer() as drawer:
        yield _RunView(drawer)


@contextmanager
def count_steps(words: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call after each of `total` things."""
    with show_progress() as listen:
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            listen(StepAdvanced(words=words, done=done, total=total))

        yield advance


@contextmanager
def show_share(words: str) -> Iterator[Callable[[float, str], None]]:
    """A function that draws which share of a work is done (0 to 1), with a line about it; `words` until the first."""
    with _drawer() as drawer:
        drawer.draw([Bar(name="", done=0, total=1, words=words)], lambda: words)
        is_first = True

        def show(share: float, line: str) -> None:
            nonlocal is_first
            bar = Bar(name="", done=share, total=1, words=line)
            drawer.draw([bar], lambda: line, at_once=is_first or share >= 1)
            is_first = False

        yield show


class _Drawer(Protocol):
    def draw(self, bars: Sequence[Bar], line: Callable[[], str], *, at_once: bool = False) -> None:
        """Show bars, or now and then the line that says the same; `at_once`: now."""
        ...


@contextmanager
def _drawer() -> Iterator[_Drawer]:
    """The one that suits where stderr goes.

    What libraries print meanwhile (Ray reports dead workers on stdout) goes to stderr: stdout is for results.
    """
    with redirect_stdout(sys.stderr):
        if stderr.is_terminal:
            columns = (
                TextColumn("{task.description}", justify="right"),
                BarColumn(),
                _Words(),
                TimeElapsedColumn(),
            )
            with Progress(*columns, console=stderr, transient=True) as drawn:
                yield _Bars(drawn)
        else:
            yield _Lines()


class _Words(ProgressColumn):
    """What stands behind a bar. Seconds go on while nothing else does."""

    def render(self, task: Task) -> Text:
        bar: Bar = task.fields["bar"]
        spent = "" if bar.since is None else f": {time.monotonic() - bar.since:.0f} s"
        return Text(bar.words + spent)


class _Bars:
    """Each bar on a line of its own, for as long as the work goes on."""

    def __init__(self, drawn: Progress) -> None:
        self._drawn = drawn
        self._tasks: dict[str, TaskID] = {}

    def draw(self, bars: Sequence[Bar], line: Callable[[], str], *, at_once: bool = False) -> None:
        for bar in bars:
            if bar.name not in self._tasks:
                self._tasks[bar.name] = self._drawn.add_task(bar.name, total=bar.total, bar=bar)
            self._drawn.update(self._tasks[bar.name], completed=bar.done, total=bar.total, bar=bar)


class _Lines:
    """One line every 30 s."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def draw(self, bars: Sequence[Bar], line: Callable[[], str], *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._last >= LINE_EVERY_S:
            self._last = now
            say(f"{time.strftime('%H:%M:%S')} {line()}")


class _RunView:
    """A listener that draws what each event leaves; a phase that begins is worth a line."""

    def __init__(self, drawer: _Drawer) -> None:
        self._drawer = drawer
        self._follower = Follower()

    def __call__(self, event: Event) -> None:
        self._follower(event)
        progress = self._follower.progress
        if isinstance(event, StepAdvanced):
            self._drawer.draw([bar_of_step(event)], lambda: line_of_step(event))
        elif isinstance(event, AdaptationAdvanced):
            self._drawer.draw([bar_of_adaptation(event)], lambda: line_of_adaptation(event))
        elif isinstance(event, EffortMeasured):
            say(line_of_effort(event))
        elif progress.began.done:
            at_once = isinstance(event, PhaseBegan | RunEnded)
            self._drawer.draw(bars_of_run(progress), lambda: line_of_run(progress), at_once=at_once)
