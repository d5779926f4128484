"""How far a run, a benchmark or a training is, in the form that suits how this process is watched."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout

from jobs.terminal.drawers import Drawer, drawer
from jobs.terminal.event_log import EventLog
from jobs.terminal.output import say
from jobs.terminal.progress_words import (
    ShownState,
    line_of_effort,
    line_of_experimental,
    line_of_learned,
    shown_adaptation,
    shown_run,
    shown_share,
    shown_step,
)
from jobs.terminal.watch import current_watch
from pipeline.events import (
    AdaptationAdvanced,
    CodecLoaded,
    EffortMeasured,
    Event,
    Listener,
    PhaseBegan,
    RunEnded,
    StepAdvanced,
    together,
)
from pipeline.progress import Follower


@contextmanager
def show_progress() -> Iterator[Listener]:
    """A listener that shows the runs and the steps that it hears of, and hands them to whoever else watches."""
    watch = current_watch()
    with _drawn() as shows:
        if watch.json_lines is None:
            views = (_tell, _RunView(shows, at_once=(PhaseBegan, RunEnded)))
        else:
            views = (EventLog(watch.json_lines), _RunView(shows, at_once=(RunEnded,)))
        yield together(watch.follower, *views, *watch.listeners)


@contextmanager
def count_steps(words: str, total: int) -> Iterator[Callable[[], None]]:
    """A function to call after each of `total` things; the first may take long, so that none is told of as well."""
    with show_progress() as listen:
        done = 0

        def tell() -> None:
            listen(StepAdvanced(words=words, done=done, total=total))

        def advance() -> None:
            nonlocal done
            done += 1
            tell()

        tell()
        yield advance


@contextmanager
def show_training() -> Iterator[TrainingView]:
    """Shows the stages and the steps of a training."""
    with _drawn() as shows:
        yield TrainingView(shows)


class TrainingView:
    """Draws each stage when it first begins, the first step and the last at once, all else when it is due."""

    def __init__(self, shows: Drawer) -> None:
        """Draw nothing yet."""
        self._shows = shows
        self._begun: set[str] = set()

    def stage(self, words: str, done: int, total: int | None) -> None:
        """So many things of a stage are done; `words` is what it makes of them."""
        self._draw(words, shown_step(StepAdvanced(words=words, done=done, total=total)))

    def step(self, share: float, line: str) -> None:
        """So much of the training is done, 0 to 1; with a line about it."""
        self._draw("steps", shown_share("training", share, line), is_last=share >= 1)

    def _draw(self, what: str, shown: ShownState, *, is_last: bool = False) -> None:
        self._shows.draw(shown, at_once=is_last or what not in self._begun)
        self._begun.add(what)


@contextmanager
def _drawn() -> Iterator[Drawer]:
    """What libraries print meanwhile (Ray reports dead workers on stdout) goes to stderr: stdout is for results."""
    with redirect_stdout(sys.stderr), drawer() as shows:
        yield shows


def _tell(event: Event) -> None:
    """What is worth a sentence."""
    if isinstance(event, EffortMeasured):
        say(line_of_effort(event))
    elif isinstance(event, CodecLoaded):
        if event.experimental:
            say(line_of_experimental(event), level="warning")
        if event.learned:
            say(line_of_learned(event))


class _RunView:
    """A listener that draws what each event leaves, `at_once` where it is of one of these kinds."""

    def __init__(self, shows: Drawer, *, at_once: tuple[type[Event], ...]) -> None:
        self._shows = shows
        self._at_once = at_once
        self._follower = Follower()

    def __call__(self, event: Event) -> None:
        self._follower(event)
        progress = self._follower.progress
        if isinstance(event, StepAdvanced):
            self._shows.draw(shown_step(event))
        elif isinstance(event, AdaptationAdvanced):
            self._shows.draw(shown_adaptation(event))
        elif progress.began.done:
            self._shows.draw(shown_run(progress), at_once=isinstance(event, self._at_once))
