"""New images are committed as they come, changed ones at once."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.shards import build_shard, catalogue_rows, publish
from pipeline.archive.stored_plan import StoredPlan
from pipeline.compress import commits
from pipeline.compress.commits import Commits
from pipeline.compress.resume import resume_units
from pipeline.compress.run_record import RunRecord
from pipeline.events import ImagesCommitted
from pipeline.store.storage import Storage
from pipeline.types import SourceImage
from tests.support.prune_steps import commit, content_of, new_archive
from tests.support.shard_rows import kept_row


class Night:
    """A run that has published units, and is to commit them."""

    def __init__(self, folder: Path) -> None:
        self.storage = new_archive(folder)
        commit(self.storage, "run-1", {"a": "1", "b": "1", "c": "1"})
        self.committed: list[int] = []
        self.commits = Commits(
            self.storage,
            Catalogue(self.storage),
            run="run-2",
            lost_shards=(),
            every_s=0.0,
            listen=lambda event: (
                self.committed.append(event.images) if isinstance(event, ImagesCommitted) else None
            ),
        )

    def unit(self, number: int, *keys: str) -> pa.Table:
        rows = [kept_row(key, f"{key} 2".encode(), source_etag="2", run="run-2") for key in keys]
        path = publish(self.storage, build_shard(rows, metadata={"run": "run-2"}), "run-2", number)
        return catalogue_rows(self.storage.read(path), path)

    def content(self) -> dict[str, str]:
        return content_of(Storage(self.storage.url))


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path / "archive")


def test_changed_images_wait_for_the_end(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "_MERGE_S_PER_ROW", 100.0)
    for number, keys in enumerate([("d", "e"), ("f", "a"), ("b",), ("g",)]):
        night.commits.add(night.unit(number, *keys))
        night.commits.commit_if_due()
    old = {"a": "1", "b": "1", "c": "1"}
    assert night.content() == old | {"d": "2", "e": "2", "g": "2"}, "a unit is committed whole"
    night.commits.commit()
    assert night.content() == old | dict.fromkeys("abdefg", "2")
    assert night.committed == [2, 1, 3]
    assert Catalogue(night.storage).version() == 4, "one commit for all that changed"


def test_an_image_that_two_drivers_have_planned_comes_in_once(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "_MERGE_S_PER_ROW", 100.0)
    for number, keys in enumerate([("a", "d"), ("d", "e"), ("a", "f")]):
        night.commits.add(night.unit(number, *keys))
    night.commits.commit()
    assert night.content() == {"b": "1", "c": "1"} | dict.fromkeys("adef", "2")


@pytest.mark.parametrize("reason", ["time", "memory"])
def test_they_do_not_wait_for_ever(night: Night, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason == "memory":
        monkeypatch.setattr(commits, "_MERGE_S_PER_ROW", 100.0)
        monkeypatch.setattr(commits, "_MOST_WAITING", 1)
    night.commits.add(night.unit(0, "a"))
    night.commits.commit_if_due()
    assert night.content()["a"] == "2"


def test_what_waits_when_a_run_is_killed_is_taken_up_at_once(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "_MERGE_S_PER_ROW", 100.0)
    plan = StoredPlan(night.storage, "run-2")
    for number, keys in enumerate([("d",), ("e", "a"), ("b",), ("c", "f"), ("f", "g")]):
        plan.store(number, [SourceImage(key=key, url=f"/photos/{key}") for key in keys])
        published = night.unit(number, *keys)
        if number < 3:
            night.commits.add(published)
            night.commits.commit_if_due()
    assert night.content() == {"a": "1", "b": "1", "c": "1", "d": "2"}, "and here it is killed"
    for _ in range(2):
        catalogue, record = Catalogue(night.storage), RunRecord(night.storage, "run-2", resumed=True)
        assert resume_units(night.storage, catalogue, record, plan) == {0, 1, 2, 3, 4}
        assert night.content() == dict.fromkeys("abcdefg", "2")
    assert Catalogue(night.storage).version() == 4, (
        "one commit for all that waited, one for an image that two drivers had planned, and none the second time"
    )
