"""Bits of the catalogue's files that killed the process, or gave other rows, before their checksums were looked at."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pipeline.archive.catalogue_guard
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import entry_path
from pipeline.archive.seals import seal
from pipeline.archive.trial import read_on_trial
from pipeline.errors import DamagedError
from pipeline.store.backend import ObjectInfo
from pipeline.store.storage import Storage
from tests.support.catalogues import opened, table_of
from tests.support.image_archives import flip
from tests.support.own_process import in_own_process
from tests.support.shard_rows import make_row

GOLDEN: Final = Path(__file__).parents[2] / "golden/archives/2026-11-22-b628a3d/archive"
_FIRST: Final = "catalogue/part-00000-008333f1-5bd9-4782-b94f-4e851e83f6d9-c000.snappy.parquet"
_SECOND: Final = "catalogue/part-00000-a960063c-9809-4d61-ace3-9e981ccae5d6-c000.snappy.parquet"
_THIRD: Final = "catalogue/part-00000-b564ec10-3675-4777-b289-681fbe40d351-c000.snappy.parquet"
KILLED: Final = (
    (_FIRST, 11876, 1),
    (_FIRST, 12652, 4),
    (_SECOND, 10291, 0),
    (_SECOND, 12163, 4),
    (_THIRD, 10067, 5),
    (_THIRD, 11357, 1),
)
GAVE_OTHERS: Final = ((_FIRST, 545, 5), (_FIRST, 1614, 1), (_THIRD, 108, 0), (_THIRD, 1460, 3))


def _said(archive: str, bits: tuple[tuple[str, int, int], ...]) -> list[str]:
    """What each flipped bit makes the catalogue say; run where it may kill."""
    said = []
    for path, at, bit in bits:
        flip(Path(archive) / path, at, bit)
        try:
            Catalogue(Storage(archive)).table()
            said.append("rows")
        except DamagedError as error:
            said.append(str(error))
        flip(Path(archive) / path, at, bit)
    return said


def _sealed_and_not(archive: str) -> tuple[list[str], list[str]]:
    sealed = _said(archive, KILLED + GAVE_OTHERS)
    shutil.rmtree(Path(archive) / "seals")
    return sealed, _said(archive, KILLED[::2])


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy of what its catalogue consists of."""
    for part in ("catalogue", "seals"):
        shutil.copytree(GOLDEN / part, tmp_path / part)
    return tmp_path


def test_a_file_is_held_against_its_seal_and_one_without_kills_another_process(golden: Path) -> None:
    sealed, unsealed = in_own_process(_sealed_and_not, str(golden))
    for (path, _, _), words in zip(KILLED + GAVE_OTHERS, sealed, strict=True):
        assert words.startswith(f"Expected a sound catalogue at {golden}, got damage in {path}"), words
        assert f"as its seal says, got {(golden / path).stat().st_size:,} with" in words
        assert words.endswith(f"Run `tenfold repair {golden}`.")
    for (path, _, _), words in zip(KILLED[::2], unsealed, strict=True):
        assert f"got damage in {path}" in words
        assert "No seal vouches for all that was read" in words


@pytest.mark.parametrize("path", ["00000000000000000000.json", "00000000000000000005.json"])
def test_a_flipped_bit_in_the_log(golden: Path, path: str) -> None:
    entry = golden / "catalogue/_delta_log" / path
    flip(entry, entry.read_bytes().index(b'"timestamp":') + 14)
    with pytest.raises(
        DamagedError, match=f"got damage in catalogue/_delta_log/{path}: expected .* as its seal"
    ):
        Catalogue(Storage(golden)).count()


class TestUnsealed:
    @pytest.fixture
    def entry(self, tmp_path: Path) -> Path:
        """The last entry of a log that nobody has sealed, as another process finds it."""
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a"), make_row("b")), run="run-1")
        return tmp_path / "catalogue/_delta_log/00000000000000000001.json"

    @pytest.mark.parametrize(
        ("was", "becomes", "words"),
        [
            ('\\"maxValues\\":{', '\\"maxVbluest\\":{', None),
            ('\\"key\\":\\"b\\"', '\\"key\\":\\"a\\"', "values of key beyond those that the log claims"),
            ('\\"numRecords\\":2', '\\"numRecords\\":3', "2 rows where the log says 3"),
            ('{"add":', '{"aed":', "does what no writer does: aed"),
            ("part-0", "part-1", "nothing there where the log says|nothing there"),
        ],
    )
    def test_a_log_that_hides_rows(self, entry: Path, was: str, becomes: str, words: str | None) -> None:
        text = entry.read_text()
        assert was in text
        entry.write_text(text.replace(was, becomes))
        catalogue = Catalogue(Storage(entry.parents[2]))
        if words is None:
            assert [row.key for row in catalogue.lookup(["a", "b"])] == ["a", "b"]
        else:
            with pytest.raises(DamagedError, match=words):
                catalogue.lookup(["a", "b"])

    def test_a_file_of_many_row_groups(self, tmp_path: Path) -> None:
        rows = pa.concat_tables([table_of(make_row("a"))] * 10_000)
        keys = pa.array([f"{number:05d}" for number in range(10_000)])
        written = rows.set_column(rows.column_names.index("key"), rows.schema.field("key"), keys)
        opened(tmp_path).commit(written, run="run-1")
        [path] = tmp_path.glob("catalogue/*.parquet")
        assert pq.ParquetFile(path).num_row_groups > 1
        for path in tmp_path.glob("catalogue/_delta_log/*.json"):
            os.utime(path)  # as another process finds them
        assert Catalogue(Storage(tmp_path)).table().num_rows == 10_000

    def test_so_much_is_tried_at_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        catalogue = opened(tmp_path)
        for key in "abc":
            catalogue.commit(table_of(make_row(key)), run="run-1")
        tried: list[int] = []

        def counted(url: str, log: Mapping[str, bytes], data: Mapping[str, bytes]) -> None:
            tried.append(len(data))
            read_on_trial(url, log, data)

        guard = pipeline.archive.catalogue_guard
        monkeypatch.setattr("pipeline.archive.proven_files._proven", {})
        monkeypatch.setattr(guard, "read_on_trial", counted)
        monkeypatch.setattr(guard, "_TRIED_AT_ONCE", 1)
        assert Catalogue(Storage(tmp_path)).table().num_rows == 3
        assert tried == [1, 1, 1], "the log with each file of a row"

    def test_a_column_of_another_name(self, entry: Path) -> None:
        first = entry.with_name("00000000000000000000.json")
        first.write_text(first.read_text().replace("source_sha256", "sourae_sha256"))
        with pytest.raises(DamagedError, match="a column that the table does not have: 'source_sha256'"):
            Catalogue(Storage(entry.parents[2])).count()

    def test_a_hint_at_a_checkpoint_that_is_not_there(self, entry: Path) -> None:
        hint = entry.with_name("_last_checkpoint")
        hint.write_text(json.dumps({"version": 1, "size": 3}))
        with pytest.raises(DamagedError, match="expected the name of the last checkpoint, got version 1"):
            Catalogue(Storage(entry.parents[2])).count()

    def test_what_this_process_wrote_needs_no_trial(
        self, entry: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(*_: object) -> None:
            raise AssertionError("it is known")

        asked: list[str] = []

        def info(archive: Storage, path: str) -> ObjectInfo:
            asked.append(path)
            return looked_at(archive, path)

        looked_at = Storage.info
        monkeypatch.setattr(pipeline.archive.catalogue_guard, "read_on_trial", never)
        archive = Storage(entry.parents[2])
        assert len(Catalogue(archive).lookup(["a", "b"])) == 2
        catalogue = Catalogue(archive)
        files = catalogue.files()
        monkeypatch.setattr(Storage, "info", info)
        catalogue.add([table_of(make_row("c"))], run="run-2")
        new = set(catalogue.files()) - set(files)
        assert sorted(asked) == sorted([entry_path(catalogue.version()), *new]), (
            "and only after that is asked"
        )
        assert Catalogue(archive).table().num_rows == 3


def test_a_sealed_file_is_read_once_and_only_if_its_keys_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = opened(tmp_path)
    for key in "ab":
        catalogue.commit(table_of(make_row(key)), run="run-1")
    seal(catalogue._table.storage, catalogue.version())
    seen = _reads_from_now_on(monkeypatch)
    for _ in range(2):
        assert Catalogue(Storage(tmp_path)).lookup(["a"])[0].key == "a"
    assert sum(path.endswith(".parquet") for path in seen) == 1
    assert len([path for path in seen if "_delta_log" in path]) == 3


def test_a_sealed_file_is_checked_as_it_is_read_to_be_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = opened(tmp_path)
    catalogue.commit(table_of(make_row("a"), make_row("b")), run="run-1")
    seal(catalogue._table.storage, catalogue.version())
    [path] = tmp_path.glob("catalogue/*.parquet")
    seen = _reads_from_now_on(monkeypatch)
    Catalogue(Storage(tmp_path)).commit(table_of(make_row("a", source_size=1)), run="run-2")
    assert seen.count(f"catalogue/{path.name}") == 2, "for its keys, and for its rows"
    assert [row.source_size for row in Catalogue(Storage(tmp_path)).lookup(["a"])] == [1]


def _reads_from_now_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read whole of an archive of which nothing is known yet."""
    monkeypatch.setattr("pipeline.archive.proven_files._proven", {})
    read, seen = Storage.read, list[str]()

    def counted(self: Storage, path: str) -> bytes:
        seen.append(path)
        return read(self, path)

    monkeypatch.setattr(Storage, "read", counted)
    return seen
