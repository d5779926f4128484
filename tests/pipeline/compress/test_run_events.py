"""What a run tells while it goes on: every listener hears one story, and it adds up to the summary."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path

import pytest

from pipeline.compress.run import CompressRun
from pipeline.compress.summary import RunSummary
from pipeline.config import CodecConfig, CompressConfig, ShardConfig, WorkersConfig
from pipeline.errors import TenfoldError
from pipeline.events import Event, Listener, PhaseBegan, RecordOpened, RunBegan, RunEnded, together
from pipeline.progress import Follower, Progress
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from pipeline.workers.workload import Workload
from tests.support.pictures import fill

_IMAGES = 12


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    fill(folder, _IMAGES, random.Random(1))
    return folder


def compress(source: Path, archive: Path, listen: Listener) -> RunSummary:
    config = CompressConfig(
        codec=CodecConfig(id="ae-zfp-1", quality=30),
        shard=ShardConfig(max_images=3),
        workers=WorkersConfig(count=0),
        commit_seconds=0.01,
    )
    return CompressRun(parse_source(str(source)), Storage(archive), config).run(listen).summary


def test_two_listeners_hear_one_story(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    one: list[Event] = []
    other: list[Event] = []
    threads: set[str] = set()
    follower = Follower()
    story: list[Progress] = []

    def third(event: Event) -> None:
        threads.add(threading.current_thread().name)
        story.append(follower.progress)

    summary = compress(source, archive, together(one.append, other.append, follower, third))
    assert one == other
    assert threads == {threading.main_thread().name}, "the planner's thread hands over what it counts"
    assert isinstance(one[0], RunBegan)
    assert [event.run for event in one if isinstance(event, RecordOpened)] == [summary.run]
    assert isinstance(one[-1], RunEnded)
    phases = [event.phase for event in one if isinstance(event, PhaseBegan)]
    assert phases == [
        "loading the codec",
        "looking at source and archive",
        "listing",
        "starting in this process",
        "working",
    ]
    for count in ("listed", "unchanged", "finished", "committed"):
        counts = [getattr(progress, count) for progress in story]
        assert counts == sorted(counts), count
    assert all(progress.committed <= progress.finished <= progress.listed for progress in story)
    end = story[-1]
    assert (end.listed, end.finished, end.committed) == (_IMAGES + 1,) * 3
    assert end.totals.coded + end.totals.kept == _IMAGES + 1
    assert (end.totals.damaged, summary.damaged, summary.failed) == (1, 1, 0)
    assert {name: round(spent, 3) for name, spent in end.stages.items()} == summary.stage_seconds
    record = json.loads((archive / "runs" / summary.run / "progress.json").read_text())
    assert record["phase"] == "done"
    assert (record["run"], record["finished"]) == (summary.run, end.finished)


def test_what_is_seen_unchanged_is_told_too(source: Path, tmp_path: Path) -> None:
    follower = Follower()
    compress(source, tmp_path / "archive", follower)
    again = compress(source, tmp_path / "archive", follower)
    assert again.unchanged == follower.progress.unchanged == _IMAGES + 1
    assert (follower.progress.listed, follower.progress.listing_done) == (0, True)


def test_a_run_that_was_cut_off_does_not_work_in_its_own_process_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image may have ended it: workers that die do not take the run with them."""
    workloads: list[Workload | None] = []

    def cut_off(*_: object, workload: Workload | None, **__: object) -> None:
        workloads.append(workload)
        raise TenfoldError("cut off")

    monkeypatch.setattr("pipeline.compress.run.working_pool", cut_off)
    for _ in range(2):
        run = CompressRun(parse_source(str(source)), Storage(tmp_path / "archive"), CompressConfig())
        with pytest.raises(TenfoldError, match="cut off"):
            run.run()
    first, second = workloads
    assert first is not None
    assert first.images == _IMAGES + 1
    assert second is None
