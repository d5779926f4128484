"""Prune: only what no kept version needs goes, after its grace; a kill anywhere leaves a sound archive."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pipeline.adopt import committed_units
from pipeline.catalogue import Catalogue
from pipeline.config import CompressConfig, WorkersConfig
from pipeline.delta_log import HINT, checkpoint_path, entry_path
from pipeline.errors import ArchiveError, ConfigError, DamagedError, LockedError, NoArchiveError, TenfoldError
from pipeline.lease import Lease
from pipeline.marks import MarkReader, write_mark
from pipeline.plan import StoredPlan
from pipeline.prune import PruneRun
from pipeline.retention import Retention
from pipeline.runlog import RunLog
from pipeline.seals import read_seals, seal
from pipeline.shards import catalogue_rows
from pipeline.storage import Storage
from pipeline.types import SourceImage
from pipeline.verify import VerifyRun
from tests.pipeline.prunable import (
    LONG,
    age_marks,
    commit,
    content_of,
    dry,
    new_archive,
    prune,
    publish_only,
    shards_of,
    tree,
)
from tests.seaweed import S3Server

HERE = CompressConfig(workers=WorkersConfig(count=0))


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    return new_archive(tmp_path / "archive")


def check_sound(storage: Storage) -> None:
    seen = VerifyRun(storage, HERE).run()
    assert seen.sound, seen.problems


def pruned(storage: Storage, keep: int | None = None) -> None:
    """Both phases, the grace period between them."""
    prune(storage, keep)
    age_marks(storage)
    prune(storage, keep)


def log_of(storage: Storage) -> list[str]:
    return [info.path for info in storage.list("catalogue/_delta_log")]


class TestOrphans:
    def test_go_after_the_grace_and_nothing_else(self, archive: Storage) -> None:
        used = commit(archive, "run-1", {"a": "1", "b": "1"})
        orphan = publish_only(archive, "run-2", {"c": "1"})
        archive.write("catalogue/part-00000-of-a-commit-that-failed.parquet", b"PAR1")
        told = dry(archive)
        assert (told.marked.shards, told.marked.catalogue_files, told.marked.log_files) == (1, 1, 0)
        assert told.marked.bytes == archive.size(orphan) + 4
        assert (told.kept_from, told.newest_version, told.removed.bytes) == (0, 1, 0)
        first = prune(archive)
        assert first.marked == told.marked
        assert first.next_due is not None
        assert datetime.fromisoformat(first.next_due) > datetime.now(UTC) + timedelta(days=6.9)
        again = prune(archive)
        assert (again.marked.shards, again.removed.shards, again.waiting.shards) == (0, 0, 1)
        assert shards_of(archive) == {used, orphan}
        age_marks(archive)
        assert dry(archive).removed == told.marked
        assert prune(archive).removed == told.marked
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
        assert json.loads(archive.read(HINT))["version"] == 12
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
        for night in range(16):
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
            return PruneRun(archive, retention, clock=lambda: later).look().kept_from

        assert kept(older_than=timedelta(days=30)) == 4
        assert kept(older_than=timedelta(days=50)) == 0
        assert kept(older_than=timedelta(days=30), keep_versions=3) == 2
        assert kept(older_than=timedelta(days=50), keep_versions=1) == 0


class TestBetweenMarkAndRemoval:
    def test_what_a_run_commits_stays(self, archive: Storage) -> None:
        path = publish_only(archive, "run-1", {"a": "1"})
        other = publish_only(archive, "run-0", {"z": "1"})
        prune(archive)
        assert MarkReader(archive).read().since.keys() == {path, other}
        commit(archive, "run-2", {"b": "1"})
        Catalogue(archive).commit(catalogue_rows(archive.read(path), path), run="run-1")
        summary = prune(archive)
        assert summary.waiting.shards == 1
        assert MarkReader(archive).read().since.keys() == {other}, "it waits anew when it is let go again"
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
        log = RunLog(archive, "run-1", resumed=True)
        path = publish_only(archive, "run-1", {"a": "1"})
        prune(archive)
        assert committed_units(archive, Catalogue(archive), log, plan) == frozenset()
        assert Catalogue(archive).count() == 0
        (mark,) = MarkReader(archive).read().marks
        archive.delete(mark.path)
        assert committed_units(archive, Catalogue(archive), log, plan) == {0}
        assert shards_of(archive) == {path}

    def test_a_run_that_was_suspended_does_not_commit_what_is_marked(self, archive: Storage) -> None:
        path = publish_only(archive, "run-1", {"a": "1"})
        reader = MarkReader(archive)
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


def many_things(storage: Storage) -> None:
    """Something of every kind is due: orphans, old shards, old entries, a checkpoint, a failed commit's file."""
    for number in range(14):
        commit(storage, f"run-{number}", {"a": str(number), f"k{number % 3}": str(number)})
    publish_only(storage, "orphan", {"c": "1"})
    storage.write("catalogue/part-00000-of-a-commit-that-failed.parquet", b"PAR1")
    prune(storage, 3)
    age_marks(storage)


class Killed(BaseException):
    """As SIGKILL between two requests."""


def killed_at(storage: Storage, number: int, monkeypatch: pytest.MonkeyPatch, keep: int | None = 3) -> bool:
    """Prune until the n-th change of the store; whether it came so far."""
    counter = itertools.count()

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def do(self: Storage, path: str, *data: bytes) -> object:
            if not path.startswith("locks/") and next(counter) >= number:
                raise Killed
            return change(self, path, *data)

        return do

    with monkeypatch.context() as patch:
        for name in ("delete", "write", "create"):
            patch.setattr(Storage, name, counted(getattr(Storage, name)))
        try:
            prune(storage, keep)
        except Killed:
            return True
    return False


class TestKilled:
    def test_anywhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Killed at each change in turn, then run again: all versions that history lists can be read throughout."""
        many_things(new_archive(tmp_path / "made"))
        before = {version: content_of(Storage(tmp_path / "made"), version) for version in range(15)}
        shutil.copytree(tmp_path / "made", tmp_path / "whole")
        prune(Storage(tmp_path / "whole"), 3)
        whole = set(tree(tmp_path / "whole", without=["locks", "seals"]))
        sealed = read_seals(Storage(tmp_path / "whole")).files
        for number in itertools.count():
            storage = Storage(shutil.copytree(tmp_path / "made", tmp_path / f"{number}"))
            if not killed_at(storage, number, monkeypatch):
                break
            check_sound(storage)
            catalogue = Catalogue(storage)
            assert catalogue.version() == 14
            for version in catalogue.versions():
                if version.version >= 12 or number % 5 == 0:
                    assert content_of(storage, version.version) == before[version.version], number
            commit(storage, "run-next", {"n": "1"})
            prune(storage, 4)
            check_sound(storage)
            assert [version.version for version in catalogue.versions()] == [14, 13, 12]
            assert whole <= tree(storage.url).keys(), "nothing went that an undisturbed prune leaves"
            left = tree(storage.url, without=["locks", "seals"]).keys() - whole
            assert {path.split("/")[0] for path in left} <= {"catalogue", "shards"}
            assert len(left) == 3, f"only what the new commit added: {left}"
            assert read_seals(storage).files.keys() >= sealed.keys() - {HINT}
        assert number > 30

    def test_the_lease_lost_to_another(self, archive: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        many_things(archive)
        before = shards_of(archive)
        monkeypatch.setattr(Lease, "is_lost", True)
        with pytest.raises(LockedError, match="Expected to hold the lease"):
            prune(archive, 3)
        assert shards_of(archive) == before
        check_sound(archive)


class TestAnyOrder:
    @pytest.mark.parametrize("seed", range(6))
    def test_against_what_every_version_held(
        self, archive: Storage, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Runs, killed runs, time, prunes with any rule, some killed: what history lists shows what it showed."""
        chance = random.Random(seed)
        held: dict[int, dict[str, str]] = {0: {}}
        kept_from = 0
        for step in range(40):
            newest = max(held)
            match chance.choice(
                ["run", "run", "run", "orphan", "age", "prune", "prune", "killed", "restore"]
            ):
                case "run":
                    new = {f"k{chance.randrange(6)}": f"{step}" for _ in range(chance.randrange(1, 4))}
                    commit(archive, f"run-{step}", new, do_seal=chance.random() < 0.7)
                    held[newest + 1] = held[newest] | new
                case "orphan":
                    publish_only(archive, f"run-{step}", {"never": "committed"})
                case "age":
                    age_marks(archive, timedelta(days=chance.randrange(1, 9)))
                case "restore":  # what another tool may do
                    older = [version.version for version in Catalogue(archive).versions()[1:]]
                    if older:
                        old = chance.choice(older)
                        DeltaTable(f"{archive.url}/catalogue").restore(old)
                        held[newest + 1] = held[old]
                case what:
                    keep = chance.choice([None, 1, 2, 3, 5])
                    if what == "killed":
                        killed_at(archive, chance.randrange(40), monkeypatch, keep)
                    else:
                        prune(archive, keep)
                    kept_from = max(kept_from, 0 if keep is None else newest - keep + 1)
            if step % 4 == 0:
                self.check(archive, held, kept_from)
        prune(archive, 1)
        age_marks(archive)
        prune(archive, 1)
        self.check(archive, held, max(held))
        needed = Catalogue(archive).table(["shard"])["shard"].to_pylist()
        assert shards_of(archive) == set(needed)
        assert {path for path in tree(f"{archive.url}/catalogue") if path.startswith("part-")} == {
            path.removeprefix("catalogue/") for path in Catalogue(archive).files()
        }

    def check(self, archive: Storage, held: dict[int, dict[str, str]], kept_from: int) -> None:
        seen = VerifyRun(archive, HERE).run()
        assert seen.sound, seen.problems
        listed = [version.version for version in Catalogue(archive).versions()]
        assert listed == list(range(max(held), listed[-1] - 1, -1))
        assert listed[-1] <= kept_from
        for version in listed:
            assert content_of(archive, version) == held[version]


class TestRefused:
    def test_a_dry_run_changes_nothing(self, archive: Storage) -> None:
        many_things(archive)
        before = tree(archive.url)
        told = dry(archive, 3)
        assert tree(archive.url) == before
        done = prune(archive, 3)
        assert (told.removed, told.marked, told.kept_from) == (done.removed, done.marked, done.kept_from)
        assert (told.readable_from, done.readable_from) == (12, 12)

    def test_what_is_not_known_stays_and_is_told(self, archive: Storage) -> None:
        many_things(archive)
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
            archive.write(name, b"mine")
        summary = prune(archive, 3)
        assert set(summary.unknown_names) == set(names[:7])
        assert summary.unknown == 7
        age_marks(archive)
        prune(archive, 1)
        assert all(archive.read(name) == b"mine" for name in names)

    @pytest.mark.parametrize("what", ["gone", "flipped", "shorter"])
    def test_a_catalogue_that_is_damaged(self, archive: Storage, what: str) -> None:
        many_things(archive)
        needed = [
            *Catalogue(archive).files(),
            *Catalogue(archive, as_of=12).files(),
            *(entry_path(version) for version in (10, 11, 12, 13, 14)),
            *([checkpoint_path(9)] if what != "gone" else []),  # the whole log before it is still there
        ]
        refused = 0
        for path in needed:
            data = archive.read(path)
            if what == "gone":
                archive.delete(path)
            else:
                middle = len(data) // 2
                flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
                archive.write(path, flipped if what == "flipped" else data[:-1])
            before = tree(archive.url, without=["locks"])
            with pytest.raises(TenfoldError):
                prune(archive, 3)
            assert tree(archive.url, without=["locks"]) == before, path
            archive.write(path, data)
            refused += 1
        assert refused == len(needed)
        assert prune(archive, 3).removed.shards > 0

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
        with pytest.raises(TenfoldError):
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
        (mark,) = MarkReader(archive).read().marks
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
        with pytest.raises(NoArchiveError):
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

    def test_verify_while_a_prune_ends(self, archive: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        many_things(archive)
        prune_before_reading(entry_path(3), archive, 3, monkeypatch)
        check_sound(archive)

    def test_a_sealed_file_that_nobody_marked_is_missed(self, archive: Storage) -> None:
        many_things(archive)
        prune(archive, 3)
        commit(archive, "run-x", {"a": "x"})
        (path,) = (path for path in read_seals(archive).files if path == entry_path(12))
        archive.delete(path)
        assert not VerifyRun(archive, HERE).run().sound


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


def test_marks_are_replaced_not_changed(archive: Storage) -> None:
    mark = write_mark(archive, ["b", "a"], datetime(2026, 11, 20, 3, tzinfo=UTC))
    assert mark.path.startswith("prune/20261120T030000Z-")
    assert json.loads(archive.read(mark.path)) == {
        "marked_at": "2026-11-20T03:00:00+00:00",
        "paths": ["a", "b"],
    }
