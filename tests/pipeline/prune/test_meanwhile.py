"""Runs, other tools and seals while things are marked and removed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from deltalake import DeltaTable

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import entry_path
from pipeline.archive.prune_marks import PruneMarkReader
from pipeline.archive.seals import read_seals, seal
from pipeline.archive.shards import catalogue_rows
from pipeline.archive.stored_plan import StoredPlan
from pipeline.compress.resume import resume_units
from pipeline.compress.run_record import RunRecord
from pipeline.errors import ArchiveError
from pipeline.prune.run import PruneRun
from pipeline.store.storage import Storage
from pipeline.types import SourceImage
from pipeline.verify.run import VerifyRun
from tests.support.prune_steps import (
    HERE,
    age_marks,
    check_sound,
    commit,
    content_of,
    prune,
    publish_only,
    shards_of,
)


class TestBetweenMarkAndRemoval:
    def test_what_a_run_commits_stays(self, archive: Storage) -> None:
        path = publish_only(archive, "run-1", {"a": "1"})
        other = publish_only(archive, "run-0", {"z": "1"})
        prune(archive)
        assert PruneMarkReader(archive).read().since.keys() == {path, other}
        commit(archive, "run-2", {"b": "1"})
        Catalogue(archive).commit(catalogue_rows(archive.read(path), path), run="run-1")
        summary = prune(archive)
        assert summary.waiting.shards == 1
        assert PruneMarkReader(archive).read().since.keys() == {other}, (
            "it waits anew when it is let go again"
        )
        age_marks(archive)
        prune(archive)
        assert content_of(archive) == {"a": "1", "b": "1"}
        check_sound(archive)

    def test_a_commit_after_the_look(self, archive: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another tool refers to a marked shard anew while a prune is under way."""
        commit(archive, "run-1", {"a": "1"})
        commit(archive, "run-2", {"a": "2"})
        prune(archive, 1)
        age_marks(archive)
        mark = PruneRun._mark

        def restore(self: PruneRun, plan: object) -> datetime | None:
            DeltaTable(f"{archive.url}/catalogue").restore(1)
            return mark(self, plan)  # type: ignore[arg-type]

        monkeypatch.setattr(PruneRun, "_mark", restore)
        summary = prune(archive, 1)
        assert (summary.removed.shards, summary.removed.catalogue_files) == (0, 0)
        assert content_of(archive) == {"a": "1"}
        check_sound(archive)

    def test_rules_that_keep_more_again(self, archive: Storage) -> None:
        for number in range(4):
            commit(archive, f"run-{number}", {"a": str(number)})
        prune(archive, 1)
        age_marks(archive)
        assert prune(archive).removed.bytes == 0
        assert not list(archive.list("prune")), "nothing that was marked is to go any more"
        assert content_of(archive, 1) == {"a": "0"}

    def test_a_killed_run_encodes_again_what_is_marked(self, archive: Storage) -> None:
        plan = StoredPlan(archive, "run-1")
        plan.store(0, [SourceImage(key="a", url="a")])
        log = RunRecord(archive, "run-1", resumed=True)
        path = publish_only(archive, "run-1", {"a": "1"})
        prune(archive)
        assert resume_units(archive, Catalogue(archive), log, plan) == frozenset()
        assert Catalogue(archive).count() == 0
        (mark,) = PruneMarkReader(archive).read().sound
        archive.delete(mark.path)
        assert resume_units(archive, Catalogue(archive), log, plan) == {0}
        assert shards_of(archive) == {path}

    def test_a_run_that_was_suspended_does_not_commit_what_is_marked(self, archive: Storage) -> None:
        path = publish_only(archive, "run-1", {"a": "1"})
        reader = PruneMarkReader(archive)
        prune(archive)
        reader.check_committable([path])  # marked just now: a prune cannot remove it for most of an hour
        age_marks(archive, timedelta(minutes=31))
        with pytest.raises(ArchiveError, match=r"marked at 20.*Run the same command again"):
            reader.check_committable([path])
        age_marks(archive)
        other = publish_only(archive, "run-2", {"a": "1"})
        prune(archive)
        with pytest.raises(
            ArchiveError, match=r"removed before this run committed.*Run the same command again"
        ):
            reader.check_committable([other, path])
        reader.check_committable([other])


def prune_before_reading(path: str, archive: Storage, keep: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a prune come in between when somebody is about to read an object for the first time."""
    read = Storage.read

    def late(self: Storage, asked: str) -> bytes:
        if asked == path:
            monkeypatch.setattr(Storage, "read", read)
            prune(archive, keep)
        return read(self, asked)

    monkeypatch.setattr(Storage, "read", late)


class TestSealing:
    def test_a_run_that_seals_while_a_prune_cuts_the_log(
        self, archive: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(5):
            commit(archive, f"run-{number}", {"a": str(number)}, do_seal=False)
        prune(archive, 1)
        age_marks(archive)
        prune_before_reading(entry_path(1), archive, 1, monkeypatch)
        seal(archive, 5)
        check_sound(archive)

    def test_verify_while_a_prune_ends(self, much_due: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        prune_before_reading(entry_path(3), much_due, 3, monkeypatch)
        check_sound(much_due)

    def test_a_sealed_file_that_nobody_marked_is_missed(self, much_due: Storage) -> None:
        prune(much_due, 3)
        commit(much_due, "run-x", {"a": "x"})
        (path,) = (path for path in read_seals(much_due).files if path == entry_path(12))
        much_due.delete(path)
        assert not VerifyRun(much_due, HERE).run().sound
