"""Events added up: a run within another run is followed, and then the outer one again."""

from __future__ import annotations

import json

from pipeline.events import (
    Failure,
    ImagesCommitted,
    ImagesFinished,
    ImagesListed,
    ListingEnded,
    PhaseBegan,
    RunBegan,
    RunEnded,
    TasksUnderWay,
    WorkersStarted,
    waiting,
)
from pipeline.progress import Follower
from pipeline.totals import Totals


def test_counts_add_up() -> None:
    follower = Follower()
    began = RunBegan(verb="decode", done="decoded")
    follower(began)
    follower(ImagesListed(images=3, unchanged=1, displacing=1))
    follower(ImagesListed(images=2))
    assert follower.progress.seconds_left() is None
    follower(ListingEnded())
    follower(WorkersStarted(workers=1, at=began.at + 2.0))
    follower(ImagesFinished(images=2, totals=Totals(pixels=10), stages={"encode_s": 1.0}))
    follower(ImagesFinished(images=1, totals=Totals(pixels=5), stages={"encode_s": 0.5, "read_s": 2.0}))
    progress = follower.progress
    assert (progress.listed, progress.unchanged, progress.displacing, progress.finished) == (5, 1, 1, 3)
    assert progress.totals.pixels == 15
    assert progress.stages == {"encode_s": 1.5, "read_s": 2.0}
    assert progress.start_seconds() == 2.0


def test_what_is_slow_is_told() -> None:
    follower = Follower()
    follower(RunBegan(verb="compress", done="encoded", commits=True))
    follower(PhaseBegan(phase="starting Ray"))
    assert waits(follower) == "starting Ray"
    follower(WorkersStarted(workers=2))
    follower(TasksUnderWay(tasks=2, capacity=4))
    assert waits(follower) == "waiting for the first of 2 tasks"
    failure = Failure(key="a", reason="the source file is no longer there")
    for worker in ("1", "2", "1"):
        follower(ImagesFinished(images=2, totals=Totals(failed=1), failures=(failure,), worker=worker))
    assert waits(follower) == "waiting for 2 tasks"
    with waiting(follower, "committing"):
        assert waits(follower) == "committing"
    follower(TasksUnderWay(tasks=0, capacity=4))
    assert waits(follower) == "listing"
    follower(ListingEnded())
    assert waits(follower) is None
    follower(ImagesCommitted(images=1))
    follower(ImagesCommitted(images=2, seconds=3.0))
    follower(ImagesCommitted(images=2, seconds=1.0))
    said = follower.progress.as_json()
    assert json.loads(json.dumps(said)) == said
    assert said["failures"] == {"missing": 3}
    assert said["commits"] == {"count": 2, "total_s": 4.0, "last_s": 1.0, "longest_s": 3.0}
    assert said["uncommitted"] == 1
    assert {name: share.images for name, share in follower.progress.workers.items()} == {"1": 4, "2": 2}
    follower(RunEnded())
    assert follower.progress.waits_for() is None


def waits(follower: Follower) -> str | None:
    wait = follower.progress.waits_for()
    return None if wait is None else wait.what


def test_a_run_within_a_run() -> None:
    follower = Follower()
    follower(RunBegan(verb="repair", done="checked"))
    follower(ImagesFinished(images=7))
    follower(RunBegan(verb="compress", done="encoded"))
    follower(ImagesFinished(images=2))
    assert (follower.progress.began.verb, follower.progress.finished) == ("compress", 2)
    follower(RunEnded())
    assert (follower.progress.began.verb, follower.progress.phase) == ("compress", "done")
    follower(PhaseBegan(phase="working"))
    assert (follower.progress.began.verb, follower.progress.finished) == ("repair", 7)
    follower(RunEnded())
    follower(RunBegan(verb="compress", done="encoded"))
    assert (follower.progress.began.verb, follower.progress.finished) == ("compress", 0)
