"""Events added up: a run within another run is followed, and then the outer one again."""

from __future__ import annotations

from pipeline.events import (
    ImagesFinished,
    ImagesListed,
    ListingEnded,
    PhaseBegan,
    RunBegan,
    RunEnded,
    WorkersStarted,
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
