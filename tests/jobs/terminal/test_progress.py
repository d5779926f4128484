"""What is drawn where stderr is no terminal: a line when a phase begins, and one every 30 s."""

from __future__ import annotations

import re

import pytest

from jobs.terminal import drawers
from jobs.terminal.progress import count_steps, show_progress, show_share
from pipeline.events import (
    Heartbeat,
    ImagesCommitted,
    ImagesFinished,
    ImagesListed,
    ListingEnded,
    PhaseBegan,
    RunBegan,
    RunEnded,
    StepAdvanced,
    WorkersStarted,
)
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
    told = lines(capsys.readouterr().err)
    assert told[-4:] == [
        "listing: 5 listed, 5 checked, 1 problems  0:00 left",
        "done: 5 listed, 5 checked, 1 problems  0:00 left",
        "1,000 of 2,000 objects removed",
        "1 of 2 images timed",
    ]


def test_a_training_has_a_line_at_its_first_step_and_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with show_share("reading images") as show:
        show(0.1, "step 1")
        show(0.2, "step 2")
        show(1.0, "step 10")
    assert lines(capsys.readouterr().err) == ["step 1", "step 10"]
