"""Prune: only what no kept version needs goes, after its grace."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import LAST_CHECKPOINT, checkpoint_path
from pipeline.archive.seals import seal
from pipeline.errors import ArchiveError
from pipeline.prune.retention import Retention
from pipeline.prune.run import PruneRun
from pipeline.store.storage import Storage
from tests.support.prune_steps import (
    LONG,
    age_marks,
    check_sound,
    commit,
    content_of,
    dry,
    log_of,
    many_things,
    new_archive,
    prune,
    pruned,
    publish_only,
    shards_of,
)
from tests.support.seaweed import S3Server

_UNFINISHED = (("a", "tmp"), ("b", "tmp"), ("c", "parquet"))


class TestOrphans:
    def test_go_after_the_grace_and_nothing_else(self, archive: Storage) -> None:
        used = commit(archive, "run-1", {"a": "1", "b": "1"})
        orphan = publish_only(archive, "run-2", {"c": "1"})
        archive.write("catalogue/part-00000-of-a-commit-that-failed.parquet", b"PAR1")
        planned = dry(archive)
        assert (planned.marked.shards, planned.marked.catalogue_files, planned.marked.log_files) == (1, 1, 0)
        assert planned.marked.bytes == archive.size(orphan) + 4
        assert (planned.kept_from, planned.newest_version, planned.removed.bytes) == (0, 1, 0)
        first = prune(archive)
        assert first.marked == planned.marked
        assert first.next_due is not None
        assert datetime.fromisoformat(first.next_due) > datetime.now(UTC) + timedelta(days=6.9)
        again = prune(archive)
        assert (again.marked.shards, again.removed.shards, again.waiting.shards) == (0, 0, 1)
        assert shards_of(archive) == {used, orphan}
        age_marks(archive)
        assert dry(archive).removed == planned.marked
        assert prune(archive).removed == planned.marked
        assert shards_of(archive) == {used}
        assert not list(archive.list("prune"))
        assert content_of(archive) == {"a": "1", "b": "1"}
        assert len(Catalogue(archive).versions()) == 2
        check_sound(archive)

    def test_a_mark_of_the_future_is_not_due(self, archive: Storage) -> None:
        publish_only(archive, "run-2", {"c": "1"})
        prune(archive)
        age_marks(archive, -LONG)
        assert prune(archive).removed.shards == 0
        assert len(shards_of(archive)) == 1

    def test_exactly_the_grace(self, archive: Storage) -> None:
        publish_only(archive, "run-2", {"c": "1"})
        prune(archive, grace=timedelta(hours=2))
        age_marks(archive, timedelta(hours=1, minutes=59))
        assert prune(archive, grace=timedelta(hours=2)).removed.shards == 0
        age_marks(archive, timedelta(minutes=1))
        assert prune(archive, grace=timedelta(hours=2)).removed.shards == 1


class TestWhatWritersWereKilledOver:
    def test_goes_after_the_grace(self, archive: Storage) -> None:
        commit(archive, "run-1", {"a": "1"})
        folder = Path(archive.url)
        old, new, other = (folder / "shards" / f".tenfold-{digit * 32}.{end}" for digit, end in _UNFINISHED)
        for file in (old, new, other):
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"half a shard")
        eight_days_ago = time.time() - 8 * 86_400
        for file in (old, other):
            os.utime(file, (eight_days_ago, eight_days_ago))
        assert (dry(archive).unfinished_bytes, old.exists()) == (12, True)
        assert (prune(archive).unfinished_bytes, old.exists()) == (12, False)
        assert new.exists(), "somebody may be writing it"
        assert other.exists(), "it is called otherwise"
        assert prune(archive).unfinished_bytes == 0
        check_sound(archive)


class TestVersions:
    def test_a_replaced_image_goes_with_its_versions(self, archive: Storage) -> None:
        old = commit(archive, "run-1", {"a": "1"})
        new = commit(archive, "run-2", {"a": "2"})
        pruned(archive)
        assert shards_of(archive) == {old, new}, "all versions are kept"
        assert content_of(archive, 1) == {"a": "1"}
        prune(archive, 1)
        age_marks(archive)
        summary = prune(archive, 1)
        assert (summary.removed.shards, summary.readable_from) == (1, 2)
        assert shards_of(archive) == {new}
        assert [version.version for version in Catalogue(archive).versions()] == [2]
        with pytest.raises(
            ArchiveError, match=r"a version from 2 to 2 of .*, got 1\. Those before 2 were pruned"
        ):
            content_of(archive, 1)
        check_sound(archive)

    def test_a_shard_that_is_needed_in_part_stays(self, archive: Storage) -> None:
        half = commit(archive, "run-1", {"a": "1", "b": "1"})
        commit(archive, "run-2", {"a": "2"})
        pruned(archive, 1)
        assert half in shards_of(archive)
        assert content_of(archive) == {"a": "2", "b": "1"}
        check_sound(archive)

    def test_every_kept_version_shows_what_it_did(self, archive: Storage) -> None:
        for number in range(25):
            commit(archive, f"run-{number}", {"a": str(number), f"k{number % 7}": str(number)})
        before = {version: content_of(archive, version) for version in range(26)}
        pruned(archive, 9)
        assert [version.version for version in Catalogue(archive).versions()] == list(range(25, 16, -1))
        assert min(log_of(archive)) == checkpoint_path(17)
        for version in range(17, 26):
            assert content_of(archive, version) == before[version]
        for version in (0, 1, 9, 16):
            with pytest.raises(ArchiveError, match="a version from 17 to 25"):
                content_of(archive, version)
        with pytest.raises(ArchiveError, match="a time from 20"):
            Catalogue(archive, as_of=datetime(2000, 1, 1, tzinfo=UTC)).count()
        check_sound(archive)

    def test_life_goes_on(self, archive: Storage) -> None:
        """Commits, checkpoints, prunes and other readers after a prune that put a checkpoint ahead of the hint."""
        for number in range(13):
            commit(archive, f"run-{number}", {"a": str(number)})
        pruned(archive, 2)
        assert checkpoint_path(12) in log_of(archive)
        assert json.loads(archive.read(LAST_CHECKPOINT))["version"] == 12
        check_sound(archive)
        for number in range(13, 34):
            commit(archive, f"run-{number}", {"a": str(number)})
        check_sound(archive)
        assert content_of(archive, 12) == {"a": "11"}
        pruned(archive, 5)
        table = f"{archive.url}/catalogue"
        assert [entry["version"] for entry in DeltaTable(table).history()] == [34, 33, 32, 31, 30]
        assert pl.read_delta(table)["source_etag"].to_list() == ["33"]
        assert content_of(archive, 30) == {"a": "29"}
        check_sound(archive)

    def test_night_after_night(self, archive: Storage) -> None:
        """Marks of several nights wait side by side; each night removes what was marked a week before."""
        for night in range(12):
            commit(archive, f"run-{night}", {"a": str(night)})
            age_marks(archive, timedelta(days=1))
            prune(archive, 3)
            check_sound(archive)
            newest = Catalogue(archive).version()
            oldest = Catalogue(archive).versions()[-1].version
            for version in range(oldest, newest + 1):
                assert content_of(archive, version) == ({"a": str(version - 1)} if version else {})
            assert newest - oldest <= 3 + 7
        assert oldest == newest - 2 - 7

    def test_age(self, archive: Storage) -> None:
        for number in range(4):
            commit(archive, f"run-{number}", {"a": str(number)})
        later = datetime.now(UTC) + timedelta(days=40)

        def kept(**rules: object) -> int:
            retention = Retention(**rules)  # type: ignore[arg-type]
            return PruneRun(archive, retention, clock=lambda: later).plan().kept_from

        assert kept(older_than=timedelta(days=30)) == 4
        assert kept(older_than=timedelta(days=50)) == 0
        assert kept(older_than=timedelta(days=30), keep_versions=3) == 2
        assert kept(older_than=timedelta(days=50), keep_versions=1) == 0


@pytest.mark.s3
def test_in_a_bucket(s3_env: S3Server) -> None:
    storage = new_archive(f"s3://{s3_env.bucket()}/archive")
    many_things(storage)
    before = {version: content_of(storage, version) for version in (12, 13, 14)}
    summary = prune(storage, 3)
    assert summary.removed.log_files == 13
    assert summary.removed.catalogue_files > 5
    assert summary.removed.shards > 5
    assert {version: content_of(storage, version) for version in (12, 13, 14)} == before
    with pytest.raises(ArchiveError, match="a version from 12 to 14"):
        content_of(storage, 9)
    for number in range(14, 22):
        commit(storage, f"run-{number}", {"a": str(number)})
    check_sound(storage)
    assert not list(storage.list("prune"))


def test_superseded_checkpoints_go_and_every_version_can_be_read(archive: Storage) -> None:
    for number in range(5):
        commit(archive, f"run-{number}", {"a": str(number)}, do_seal=False)
        if number != 3:
            DeltaTable(f"{archive.url}/catalogue").create_checkpoint()
    seal(archive, 5)
    planned = dry(archive)
    assert (planned.marked.log_files, planned.readable_from) == (3, 0)
    pruned(archive)
    assert [path for path in log_of(archive) if path.endswith(".parquet")] == [checkpoint_path(5)]
    assert [content_of(archive, version) for version in range(1, 6)] == [{"a": str(n)} for n in range(5)]
    check_sound(archive)
    pruned(archive, 3)
    assert [version.version for version in Catalogue(archive).versions()] == [5, 4, 3]
    check_sound(archive)
