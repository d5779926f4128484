"""Time travel: an old version stays what it was, and two versions tell their differences."""

from __future__ import annotations

import pickle
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.versions import parse_as_of
from pipeline.decode.archive import Archive
from pipeline.errors import ArchiveError, ConfigError, UnknownKeyError
from pipeline.store.storage import Storage
from tests.support.catalogues import opened, table_of
from tests.support.shard_rows import make_row

SHARD_2 = "shards/run-2/000000-fedcba9876543210.parquet"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An archive of three versions: nothing; a, b and a failed c; then b changed, c repaired, d new."""
    catalogue = opened(tmp_path)
    failed = make_row("c", status="failed", reason="not an image", payload=None)
    catalogue.commit(table_of(make_row("a"), make_row("b"), failed), run="run-1")
    time.sleep(0.01)
    changed = replace(make_row("b"), source_etag="other", source_sha256="f" * 64)
    later = [replace(row, run="run-2") for row in (changed, make_row("c"), make_row("d"))]
    catalogue.commit(table_of(*later, shard=SHARD_2), run="run-2")
    return str(tmp_path)


class TestAsOf:
    def test_an_old_version_is_read_as_it_was(self, url: str) -> None:
        old, new = Catalogue(Storage(url), as_of=1), Catalogue(Storage(url))
        assert old.table(["key"])["key"].to_pylist() == ["a", "b", "c"]
        assert new.table(["key"])["key"].to_pylist() == ["a", "b", "c", "d"]
        assert [row.status for row in old.lookup(["c"])] == ["failed"]
        assert old.lookup(["b"])[0].shard != new.lookup(["b"])[0].shard
        assert (old.version(), old.count()) == (1, 3)

    def test_later_commits_and_refreshes_do_not_move_it(self, url: str) -> None:
        old = Catalogue(Storage(url), as_of=datetime.now(UTC))
        assert old.count() == 4
        opened(url).commit(table_of(make_row("e")), run="run-3")
        old.refresh()
        assert old.count() == 4

    def test_it_outlives_its_credentials(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pipeline.archive.delta_table._REOPEN_S", 0.0)
        old = Catalogue(Storage(url), as_of=1)
        assert [old.count() for _ in range(3)] == [3, 3, 3]

    def test_it_is_for_reading_only(self, url: str) -> None:
        with pytest.raises(ValueError, match="newest version to commit to, got version 1"):
            Catalogue(Storage(url), as_of=1).commit(table_of(make_row("e")), run="run-3")

    def test_a_time_means_the_newest_version_then(self, url: str) -> None:
        first = Catalogue(Storage(url)).versions()[1].committed_at
        assert Catalogue(Storage(url), as_of=first).version() == 1
        assert Catalogue(Storage(url), as_of=first + timedelta(days=1)).version() == 2

    def test_what_never_was_is_refused_with_what_there_is(self, url: str) -> None:
        with pytest.raises(ArchiveError, match=r"a version from 0 to 2 .* got 3"):
            Catalogue(Storage(url), as_of=3).count()
        with pytest.raises(ArchiveError, match=r"a time from .* got 2001-01-01T00:00:00Z"):
            Catalogue(Storage(url), as_of=datetime(2001, 1, 1, tzinfo=UTC)).count()
        for neither in (-1, "2026-11-20", datetime(2026, 11, 20)):
            with pytest.raises(ConfigError, match="a version's number, or a time with its zone"):
                Archive(url, as_of=neither)  # type: ignore[arg-type]

    def test_archives_in_python_take_it_too_and_keep_it_when_pickled(self, url: str) -> None:
        archive = Archive(url, as_of=1)
        assert list(archive) == ["a", "b", "c"]
        assert list(pickle.loads(pickle.dumps(archive))) == ["a", "b", "c"]
        archive.refresh()
        with pytest.raises(UnknownKeyError, match="got 'd'"):
            archive.row("d")


class TestVersions:
    def test_every_commit_is_one_with_what_it_did(self, url: str) -> None:
        versions = Catalogue(Storage(url)).versions()
        assert [(v.version, v.run, v.added, v.changed, v.removed) for v in versions] == [
            (2, "run-2", 1, 2, 0),
            (1, "run-1", 3, 0, 0),
            (0, None, 0, 0, 0),
        ]
        times = [version.committed_at for version in versions]
        assert times == sorted(times, reverse=True)
        assert abs(times[0] - datetime.now(UTC)) < timedelta(minutes=5)

    def test_differences_are_told_both_ways(self, url: str) -> None:
        old, new = (Catalogue(Storage(url), as_of=version) for version in (1, 2))
        forth = list(new.changes_since(old))
        assert [(c.key, c.change) for c in forth] == [("b", "changed"), ("c", "changed"), ("d", "added")]
        assert forth[1].before is not None
        assert forth[1].after is not None
        assert (forth[1].before["status"], forth[1].after["status"]) == ("failed", "coded")
        assert forth[2].before is None
        back = list(old.changes_since(new))
        assert [(c.key, c.change) for c in back] == [("b", "changed"), ("c", "changed"), ("d", "removed")]
        assert [(c.before, c.after) for c in back] == [(c.after, c.before) for c in forth]
        assert not list(new.changes_since(new))


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("12", 12),
            ("2026-11-20", datetime(2026, 11, 20, 23, 59, 59, 999_999, tzinfo=UTC)),
            ("2026-11-20T03:00", datetime(2026, 11, 20, 3, tzinfo=UTC)),
            ("2026-11-20 03:00:01Z", datetime(2026, 11, 20, 3, 0, 1, tzinfo=UTC)),
            ("2026-11-20T03:00+01:00", datetime(2026, 11, 20, 2, tzinfo=UTC)),
        ],
    )
    def test_numbers_and_times(self, text: str, expected: object) -> None:
        assert parse_as_of(text) == expected

    @pytest.mark.parametrize("text", ["", "-1", "yesterday", "2026-13-01", "1.5", "٣"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ConfigError, match="a version's number or a time such as 2026-11-20"):
            parse_as_of(text)
