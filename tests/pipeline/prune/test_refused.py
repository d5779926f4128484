"""What prune does not do, and what it writes down."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import checkpoint_path, entry_path
from pipeline.archive.lease import Lease
from pipeline.archive.prune_marks import PruneMarkReader, write_mark
from pipeline.errors import ArchiveError, ConfigError, DamagedError, LockedError, NoArchiveError, TenfoldError
from pipeline.prune.retention import Retention
from pipeline.store.storage import Storage
from pipeline.verify.run import VerifyRun
from tests.support.prune_steps import (
    HERE,
    age_marks,
    check_sound,
    commit,
    dry,
    prune,
    publish_only,
    shards_of,
    tree,
)


class TestRefused:
    def test_a_dry_run_changes_nothing(self, much_due: Storage) -> None:
        before = tree(much_due.url)
        planned = dry(much_due, 3)
        assert tree(much_due.url) == before
        done = prune(much_due, 3)
        assert (planned.removed, planned.marked, planned.kept_from) == (
            done.removed,
            done.marked,
            done.kept_from,
        )
        assert (planned.readable_from, done.readable_from) == (12, 12)

    def test_what_is_not_known_stays_and_is_told(self, much_due: Storage) -> None:
        names = [
            "shards/notes.txt",
            "shards/run-0/000000-0123.parquet",
            "shards/.tenfold-1.tmp",
            "catalogue/mine.parquet",
            "catalogue/_delta_log/_commit_1.json.tmp",
            "catalogue/_change_data/part-0.parquet",
            "prune/readme",
            "readme",
            "codec/0123456789abcdef.safetensors",
            "runs/x/y",
        ]
        for name in names:
            much_due.write(name, b"mine")
        summary = prune(much_due, 3)
        assert set(summary.unknown_names) == set(names[:7])
        assert summary.unknown == 7
        age_marks(much_due)
        prune(much_due, 1)
        assert all(much_due.read(name) == b"mine" for name in names)

    @pytest.mark.parametrize("what", ["gone", "flipped", "shorter"])
    def test_a_catalogue_that_is_damaged(self, much_due: Storage, what: str) -> None:
        needed = [
            *Catalogue(much_due).files(),
            *Catalogue(much_due, as_of=12).files(),
            *(entry_path(version) for version in (10, 11, 12, 13, 14)),
            *([checkpoint_path(9)] if what != "gone" else []),  # the whole log before it is still there
        ]
        refused = 0
        for path in needed:
            data = much_due.read(path)
            if what == "gone":
                much_due.delete(path)
            else:
                middle = len(data) // 2
                flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
                much_due.write(path, flipped if what == "flipped" else data[:-1])
            before = tree(much_due.url, without=["locks"])
            with pytest.raises(
                TenfoldError, match=r"Expected (a sound catalogue|the catalogue of every kept)"
            ):
                prune(much_due, 3)
            assert tree(much_due.url, without=["locks"]) == before, path
            much_due.write(path, data)
            refused += 1
        assert refused == len(needed)
        assert prune(much_due, 3).removed.shards > 0

    def test_files_that_are_not_sealed_yet(self, archive: Storage) -> None:
        commit(archive, "run-1", {"a": "1"})
        commit(archive, "run-2", {"a": "2"}, do_seal=False)
        (path,) = (file for file in Catalogue(archive).files())
        data = archive.read(path)
        for other in (data[:-1], data[:4] + bytes(len(data) - 8) + data[-4:]):
            archive.write(path, other)
            with pytest.raises(
                DamagedError, match="Expected the catalogue of every kept version to be whole"
            ):
                prune(archive, 1)
        archive.write(entry_path(2), b"{")
        with pytest.raises(TenfoldError, match="Expected a sound catalogue"):
            prune(archive)

    def test_a_shard_or_seal_that_is_lost(self, archive: Storage) -> None:
        old = commit(archive, "run-1", {"a": "1"})
        new = commit(archive, "run-2", {"a": "2"})
        data = archive.read(new)
        archive.delete(new)
        with pytest.raises(DamagedError, match=f"Expected every shard .* got nothing at {new}"):
            prune(archive, 1)
        archive.write(new, data)
        (seal_path, *_) = (info.path for info in archive.list("seals"))
        archive.write(seal_path, archive.read(seal_path) + b" ")
        with pytest.raises(DamagedError, match="Expected the checksums that its name promises"):
            prune(archive, 1)
        assert shards_of(archive) == {old, new}

    def test_a_mark_that_is_damaged_counts_for_nothing(self, archive: Storage) -> None:
        publish_only(archive, "run-1", {"a": "1"})
        prune(archive)
        age_marks(archive)
        (mark,) = PruneMarkReader(archive).read().sound
        archive.write(mark.path, archive.read(mark.path).replace(b"marked_at", b"marked_ad"))
        (problem,) = VerifyRun(archive, HERE).run().problems
        assert problem.path == mark.path
        summary = prune(archive)
        assert (summary.removed.shards, summary.marked.shards) == (0, 1)
        check_sound(archive)

    def test_another_tool(self, archive: Storage) -> None:
        commit(archive, "run-1", {"a": "1"})
        table = DeltaTable(f"{archive.url}/catalogue")
        table.alter.set_table_properties({"delta.enableDeletionVectors": "true"}, raise_if_not_exists=False)
        if table.protocol().min_reader_version > 1:
            with pytest.raises(ArchiveError, match="reader version 1"):
                prune(archive)

    def test_no_archive_and_one_that_is_held(self, archive: Storage, tmp_path: Path) -> None:
        with pytest.raises(NoArchiveError, match="got an empty folder or none"):
            prune(Storage(tmp_path / "none"))
        assert not (tmp_path / "none").exists()
        with Lease(archive, verb="nightly"), pytest.raises(LockedError, match="the lease of a nightly"):
            prune(archive)

    def test_rules_that_make_no_sense(self) -> None:
        with pytest.raises(ConfigError, match="a grace period of at least 1h, got 59m"):
            Retention(grace=timedelta(minutes=59))
        with pytest.raises(ConfigError, match="at least 1 version"):
            Retention(keep_versions=0)
        with pytest.raises(ConfigError, match="an age above 0"):
            Retention(older_than=timedelta(days=-1))


def test_marks_are_replaced_not_changed(archive: Storage) -> None:
    mark = write_mark(archive, ["b", "a"], datetime(2026, 11, 20, 3, tzinfo=UTC))
    assert mark.path.startswith("prune/20261120T030000Z-")
    assert json.loads(archive.read(mark.path)) == {
        "marked_at": "2026-11-20T03:00:00+00:00",
        "paths": ["a", "b"],
    }
