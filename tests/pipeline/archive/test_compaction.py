"""The catalogue's files are put in order where that pays, and hold the same rows whatever happens meanwhile."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from pipeline.archive import commits, compaction, rewriting
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.compaction import worth_merging
from pipeline.archive.data_files import DataFile, NewFile, VersionFiles, touched_by
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.seals import seal
from pipeline.prune.retention import Retention
from pipeline.prune.run import PruneRun
from pipeline.store.storage import Storage
from tests.support.catalogues import opened, table_of
from tests.support.prune_steps import age_marks
from tests.support.shard_rows import make_row

KEYS = [f"{number:02d}" for number in range(60)]
SIZE = 4


class Killed(BaseException):
    """As SIGKILL between two requests."""


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of four rows, of which ten are held at once, so that sixty are many."""
    monkeypatch.setattr(rewriting, "_FEWEST_ROWS", SIZE)
    monkeypatch.setattr(rewriting, "MOST_HELD", 10)
    monkeypatch.setattr(rewriting, "_SAMPLED", 1)
    monkeypatch.setattr(compaction, "_MOST_SMALL", 3)


def rows_of(content: dict[str, str]) -> pa.Table:
    return table_of(*(make_row(key, source_etag=etag, run=f"run-{etag}") for key, etag in content.items()))


def put(catalogue: Catalogue, content: dict[str, str]) -> None:
    catalogue.commit(rows_of(content), run="run")


def held(url: Path | str, version: int | None = None) -> dict[str, str]:
    """Key -> ETag; every key is there once."""
    table = Catalogue(Storage(url), as_of=version).table(["key", "source_etag"])
    keys = table["key"].to_pylist()
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, table["source_etag"].to_pylist(), strict=True))


def files_of(url: Path | str) -> list[DataFile]:
    return list(VersionFiles.of(DeltaTable(f"{url}/catalogue")).files)


def depth(files: list[DataFile]) -> int:
    """The most files that a look-up of one key would open."""
    return max(len(touched_by(KeyRanges.of_keys([key]), files)) for key in KEYS)


@pytest.mark.parametrize("seed", range(2))
def test_any_order_of_changes_holds_what_it_should(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    catalogue = opened(tmp_path)
    expected: dict[str, str] = {}
    versions = {0: expected}
    for step in range(16):
        some = dict.fromkeys(chance.sample(KEYS, chance.choice([1, 3, 20])), str(step))
        match chance.choice(["put", "put", "put", "add", "remove", "settle"]):
            case "put":
                put(catalogue, some)
                expected = expected | some
            case "add":
                left = catalogue.add([rows_of({key: etag}) for key, etag in some.items()], run="run")
                came = {key: etag for key, etag in some.items() if key not in expected}
                assert len(left) == len(some) - len(came)
                expected = expected | came
            case "remove":
                there = catalogue.table(["key", "shard", "row"])
                numbers = chance.sample(range(len(there)), len(there) // 4)
                gone = there.take(pa.array(numbers, pa.int64()))
                assert catalogue.remove(gone, run="run") == len(gone)
                expected = {key: etag for key, etag in expected.items() if key not in gone["key"].to_pylist()}
            case "settle":
                catalogue.settle(run="run")
                assert depth(files_of(tmp_path)) <= compaction._DEEPEST
        versions[catalogue.version()] = expected
        assert held(tmp_path) == expected
        assert all(0 < file.rows <= SIZE * 1.5 + 20 for file in files_of(tmp_path))
    old = chance.choice(list(versions))
    assert held(tmp_path, old) == versions[old]


def test_changed_rows_all_over_leave_sorted_files_side_by_side(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    put(catalogue, dict.fromkeys(KEYS, "1"))
    put(catalogue, dict.fromkeys(KEYS[::7], "2"))
    files = files_of(tmp_path)
    assert depth(files) == 1
    assert len(files) in {len(KEYS) // SIZE, len(KEYS) // SIZE + 1}
    versions = catalogue.versions(limit=1)
    assert [(v.added, v.changed, v.removed) for v in versions] == [(0, 9, 0)]
    put(catalogue, {KEYS[30]: "3"})
    assert len({file.name for file in files} - {file.name for file in files_of(tmp_path)}) == 1, (
        "one file of many"
    )


def _spread(start: int = 0) -> dict[str, str]:
    return dict.fromkeys(KEYS[start:30:6], "1")


def _changes(url: Path) -> list[Callable[[], object]]:
    """A merge, and a compaction, of what `_many_files` leaves."""
    return [
        lambda: put(opened(url), dict.fromkeys(KEYS[:30:5], "2")),
        lambda: opened(url).settle(run="run"),
    ]


def _many_files(url: Path) -> None:
    catalogue = opened(url)
    for start in range(6):
        put(catalogue, _spread(start))


def _is_killed_at(number: int, change: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do something until the n-th change of the store; whether it came so far."""
    counter = itertools.count()

    def killing(of: type, name: str) -> Callable[..., object]:
        change_store = getattr(of, name)

        def do(*args: object, **more: object) -> object:
            if next(counter) == number:
                raise Killed
            return change_store(*args, **more)

        return do

    with monkeypatch.context() as patch:
        patch.setattr(commits, "_WRITERS", 1)
        patch.setattr(Storage, "write", killing(Storage, "write"))
        for name in ("create_write_transaction", "create_checkpoint"):
            patch.setattr(DeltaTable, name, killing(DeltaTable, name))
        try:
            change()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("which", [0, 1], ids=["merge", "compaction"])
def test_killed_anywhere(tmp_path: Path, which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each change of the store in turn; then the same is done again, and a prune tidies."""
    _many_files(tmp_path / "made")
    seal(Storage(tmp_path / "made"), opened(tmp_path / "made").version())
    Storage(tmp_path / "made").write(
        rows_of(_spread())["shard"][0].as_py(), b"prune only looks whether it is there"
    )
    before = held(tmp_path / "made")
    after = before | ({} if which else dict.fromkeys(KEYS[:30:5], "2"))
    for number in itertools.count():
        url = Path(shutil.copytree(tmp_path / "made", tmp_path / f"{number}"))
        was_killed = _is_killed_at(number, _changes(url)[which], monkeypatch)
        assert held(url) in (before, after)
        _changes(url)[which]()
        assert held(url) == after
        if not was_killed:
            break
        if number == 3:
            for _ in range(2):
                PruneRun(Storage(url), Retention(keep_versions=1)).apply()
                age_marks(Storage(url))
            assert held(url) == after
            lying = {path.name for path in (url / "catalogue").glob("*.parquet")}
            assert lying == {file.name for file in files_of(url)}
    assert number > 5


class TestBesideOthers:
    def settle_while(
        self, url: Path, what: Callable[[], object], monkeypatch: pytest.MonkeyPatch
    ) -> tuple[int, set[str]]:
        """Compact, while somebody else does something before it commits; how many files it took, and what was there."""

        def slow(archive: Storage, parts: Iterable[pa.Table]) -> list[NewFile]:
            made = commits.publish_all(archive, parts)
            what()
            return made

        monkeypatch.setattr(compaction, "publish_all", slow)
        was = {file.name for file in files_of(url)}
        return opened(url).settle(run="run"), was

    def test_what_is_added_meanwhile_stays(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _many_files(tmp_path)
        moved, was = self.settle_while(tmp_path, lambda: put(opened(tmp_path), {"new": "1"}), monkeypatch)
        assert moved == len(was - {file.name for file in files_of(tmp_path)}) > 0
        assert held(tmp_path) == dict.fromkeys([*KEYS[:30], "new"], "1")

    def test_what_is_changed_meanwhile_wins(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _many_files(tmp_path)
        moved, _ = self.settle_while(tmp_path, lambda: put(opened(tmp_path), {KEYS[0]: "2"}), monkeypatch)
        assert moved == 0
        assert held(tmp_path) == dict.fromkeys(KEYS[:30], "1") | {KEYS[0]: "2"}


class TestWhatPays:
    BASE = tuple(
        DataFile(name=f"base-{number}", size=1, rows=SIZE, first=KEYS[number * 4], last=KEYS[number * 4 + 3])
        for number in range(15)
    )
    SPARSE = tuple(
        DataFile(name=f"sparse-{number}", size=1, rows=1, first=KEYS[number], last=KEYS[-1])
        for number in range(9)
    )

    def chosen(self, *files: DataFile) -> set[str]:
        return {file.name for file in worth_merging(files)}

    def test_what_is_in_order_is_left(self) -> None:
        assert not self.chosen(*self.BASE)
        assert not self.chosen(*self.BASE, *self.SPARSE[:1])
        assert not self.chosen()

    def test_sparse_files_become_one_without_the_dense_ones(self) -> None:
        assert self.chosen(*self.BASE, *self.SPARSE[:4]) == {file.name for file in self.SPARSE[:4]}

    def test_a_large_file_is_cut(self) -> None:
        large = replace(self.BASE[3], rows=SIZE * 5)
        assert self.chosen(*self.BASE[:3], large, *self.BASE[4:]) == {large.name}

    def test_small_ones_side_by_side_become_one(self) -> None:
        small = [replace(file, rows=1) for file in self.BASE[:5]]
        assert self.chosen(*small, *self.BASE[5:]) == {file.name for file in small}
        apart = [replace(file, rows=1) if number % 3 == 0 else file for number, file in enumerate(self.BASE)]
        assert not self.chosen(*apart), "alone between others they would be written as they are"


def test_checkpoints_become_rarer_and_a_run_ends_with_one(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    for number in range(13):
        put(catalogue, {KEYS[number]: "1"})
    log = tmp_path / "catalogue/_delta_log"
    assert [path.name[:20] for path in log.glob("*.checkpoint.parquet")] == [f"{9:020d}"]
    from pipeline.archive.delta_table import _entries_between_checkpoints

    assert [_entries_between_checkpoints(files) for files in (1, 489, 10**4, 10**6)] == [10, 24, 100, 100]
