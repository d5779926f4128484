"""What a run tells while it goes on: every listener hears one story, and it adds up to the summary."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.compress.run import CompressRun
from pipeline.compress.summary import RunSummary
from pipeline.config import CodecConfig, CompressConfig, ShardConfig, WorkersConfig
from pipeline.errors import TenfoldError
from pipeline.events import Event, Listener, PhaseBegan, RecordOpened, RunBegan, RunEnded, together
from pipeline.progress import Follower, Progress
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from pipeline.workers.workload import Workload
from tests.support.catalogues import table_of
from tests.support.pictures import fill
from tests.support.shard_rows import make_row

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


@pytest.fixture
def workloads(monkeypatch: pytest.MonkeyPatch) -> list[Workload | None]:
    """What each run says of its work, before it is cut off."""
    found: list[Workload | None] = []

    def cut_off(*_: object, workload: Workload | None, **__: object) -> None:
        found.append(workload)
        raise TenfoldError("cut off")

    monkeypatch.setattr("pipeline.compress.run.working_pool", cut_off)
    return found


def cut_off_run(source: Path, archive: Path) -> None:
    run = CompressRun(parse_source(str(source)), Storage(archive), CompressConfig())
    with pytest.raises(TenfoldError, match="cut off"):
        run.run()


def test_a_run_that_was_cut_off_does_not_work_in_its_own_process_again(
    source: Path, tmp_path: Path, workloads: list[Workload | None]
) -> None:
    """An image may have ended it: workers that die do not take the run with them."""
    for _ in range(2):
        cut_off_run(source, tmp_path / "archive")
    first, second = workloads
    assert first is not None
    assert first.images == _IMAGES + 1
    assert second is None


def test_nor_does_one_that_tries_an_image_again_which_killed_its_workers(
    source: Path, tmp_path: Path, workloads: list[Workload | None]
) -> None:
    catalogue = Catalogue(Storage(tmp_path / "archive"))
    catalogue.create()
    key = next(parse_source(str(source)).images()).key
    row = make_row(key, None, reason="its worker died each time", source_etag=None, source_mtime=None)
    catalogue.commit(table_of(row), run="run-1")
    cut_off_run(source, tmp_path / "archive")
    assert workloads == [None]
