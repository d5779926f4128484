"""What is drawn where stderr is no terminal: a line when a phase begins, and one every 30 s."""

from __future__ import annotations

import re
import time

import pytest

from jobs.terminal import drawers
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.progress import count_steps, show_progress, show_training
from jobs.terminal.watch import watch
from pipeline.events import (
    Event,
    Heartbeat,
    ImagesCommitted,
    ImagesFinished,
    ImagesListed,
    ListingEnded,
    PhaseBegan,
    RunBegan,
    RunEnded,
    StepAdvanced,
    TasksUnderWay,
    WaitBegan,
    WorkersStarted,
)
from pipeline.store.patience import note_answer, note_failure
from pipeline.totals import Totals


def lines(text: str) -> list[str]:
    """Without the time of day, with which each begins."""
    found = [re.fullmatch(r"\d\d:\d\d:\d\d (.*)", line) for line in text.splitlines()]
    return [match[1] if match else "no time" for match in found]


def test_a_run_has_a_line_for_each_phase(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as listen:
        listen(RunBegan(verb="compress", done="encoded", commits=True))
        listen(PhaseBegan(phase="listing"))
        listen(ImagesListed(images=1200, unchanged=34))
        listen(PhaseBegan(phase="working"))
        listen(Heartbeat())
        listen(ListingEnded())
        listen(ImagesFinished(images=1200, totals=Totals(failed=2)))
        listen(ImagesCommitted(images=1200))
        listen(RunEnded())
    assert lines(capsys.readouterr().err) == [
        "listing: 0+ listed, 0 encoded, 0 committed",
        "working: 1,200+ listed (34 unchanged), 0 encoded, 0 committed",
        "done: 1,200 listed (34 unchanged), 1,200 encoded, 1,200 committed, 2 failed, 0.00 MP/s",
    ]


def test_long_work_has_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawers, "LINE_EVERY_S", 0.0)
    with show_progress() as listen:
        listen(RunBegan(verb="verify", done="checked", counts="problems"))
        listen(ImagesListed(images=5))
        listen(ListingEnded())
        listen(WorkersStarted(workers=1))
        listen(ImagesFinished(images=5, totals=Totals(failed=1)))
        listen(RunEnded())
        listen(StepAdvanced(words="objects removed", done=1000, total=2000))
    with count_steps("images timed", 2) as advance:
        advance()
    printed = lines(capsys.readouterr().err)
    assert printed[-5:] == [
        "listing: 5 listed, 5 checked, 1 problems  0:00 left",
        "done: 5 listed, 5 checked, 1 problems  0:00 left",
        "1,000 of 2,000 objects removed",
        "0 of 2 images timed",
        "1 of 2 images timed",
    ]


def test_what_nothing_moves_for_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawers, "LINE_EVERY_S", 0.0)
    long_ago = time.monotonic() - 40
    with show_progress() as listen:
        listen(RunBegan(verb="compress", done="encoded", commits=True, at=long_ago))
        listen(PhaseBegan(phase="starting Ray", at=long_ago))
        listen(WorkersStarted(workers=1, at=long_ago))
        listen(TasksUnderWay(tasks=4, capacity=4, at=long_ago))
        listen(WaitBegan(what="committing", at=long_ago))
        note_failure("http://store", attempt=2, most=8)
        listen(Heartbeat())
        note_answer("http://store")
    waits = [line.rpartition("; ")[2] for line in lines(capsys.readouterr().err)]
    assert waits[1:] == [
        "starting Ray: 40 s",
        "listing: 40 s",
        "waiting for the first of 4 tasks: 40 s",
        "committing: 40 s",
        "http://store does not answer, attempt 3 of 8: 0 s",
    ]


def test_a_verb_that_is_stopped_promises_what_it_has_done(capsys: pytest.CaptureFixture[str]) -> None:
    stories: dict[str, list[Event]] = {
        "Run the same command to begin again": [RunBegan(verb="verify")],
        "What was removed is gone": [RunBegan(verb="prune")],
        "Stopped. Run the same command": [RunBegan(verb="prune", is_dry_run=True)],
        "What was made stays": [RunBegan(verb="label")],
        "go on with what was learned so far": [RunBegan(verb="adapt")],
        "before anything was committed": [RunBegan(verb="compress", commits=True)],
        "What was committed is in the archive": [
            RunBegan(verb="compress", commits=True),
            ImagesFinished(images=1),
            ImagesCommitted(images=1),
        ],
    }
    for words, events in stories.items():
        with pytest.raises(SystemExit, match="130"):
            interrupt_after(events)
        assert words in capsys.readouterr().err


def interrupt_after(events: list[Event]) -> None:
    with watch("none"), clear_errors(), show_progress() as listen:
        for event in events:
            listen(event)
        raise KeyboardInterrupt


def test_a_long_listing_says_how_fast_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawers, "LINE_EVERY_S", 0.0)
    with show_progress() as listen:
        listen(RunBegan(verb="compress", done="encoded", commits=True))
        listen(PhaseBegan(phase="listing", at=time.monotonic() - 100))
        listen(ImagesListed(images=1000, unchanged=199_000))
    (line,) = lines(capsys.readouterr().err)[-1:]
    assert re.match(r"listing: 1,000\+ listed \(199,000 unchanged\) (2,000|1,99\d)/s, 0 encoded", line)


def test_a_training_has_a_line_when_a_stage_begins_at_its_first_step_and_at_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with show_training() as show:
        for done in range(3):
            show.stage("images read", done, None)
        show.stage("crops evaluated", 0, 24)
        show.step(0.1, "step 1")
        show.stage("crops evaluated", 0, 24)
        show.step(0.2, "step 2")
        show.step(1.0, "step 10")
    printed = lines(capsys.readouterr().err)
    assert printed == ["0 images read", "0 of 24 crops evaluated", "step 1", "step 10"]
