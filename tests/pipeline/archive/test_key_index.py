"""From keys to rows: by the catalogue at first, and by an index file where that pays."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.archive import index_file, key_index
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.key_index import KeyIndex
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from tests.support.catalogues import opened, table_of
from tests.support.shard_rows import MOMENT, make_row

KEYS = [f"{number:02d}" for number in range(12)]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(key_index, "_FEW_LOOKUPS", 2)
    monkeypatch.setattr(key_index, "_ROWS_PER_LOOKUP", 10)
    monkeypatch.setattr(index_file, "_ROWS_PER_BATCH", 5)
    rows = (make_row(key, source_mtime=None if key < "06" else MOMENT) for key in KEYS)
    opened(tmp_path / "archive").commit(table_of(*rows), run="run-1")
    return tmp_path / "archive"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys for which the catalogue was asked."""
    keys: list[str] = []
    lookup = Catalogue.lookup

    def counted(catalogue: Catalogue, wanted: Collection[str]) -> list[CatalogueRow]:
        keys.extend(wanted)
        return lookup(catalogue, wanted)

    monkeypatch.setattr(Catalogue, "lookup", counted)
    return keys


def index_of(archive: Path) -> KeyIndex:
    return KeyIndex(Catalogue(Storage(str(archive))))


def files(archive: Path) -> list[Path]:
    return sorted((archive.parent / "cache" / "tenfold" / "indexes").glob("*"))


@pytest.mark.parametrize(("rows_per_lookup", "lookups"), [(3, 3), (4, 2), (10, 1)], ids=str)
def test_it_is_made_when_it_pays(
    archive: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, rows_per_lookup: int, lookups: int
) -> None:
    monkeypatch.setattr(key_index, "_ROWS_PER_LOOKUP", rows_per_lookup)
    expected = {row.key: row for row in opened(archive).lookup(KEYS)}
    asked.clear()
    index = index_of(archive)
    assert [index.find(key) for key in ("03", "03", "none")] == [expected["03"], expected["03"], None]
    assert {key: index.find(key) for key in KEYS} == expected
    assert len(asked) == lookups
    assert [index.find(key) for key in ("", "0", "03a", "zz")] == [None] * 4
    assert len(asked) == lookups
    assert len(files(archive)) == 1


def test_many_are_one_question(archive: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_index, "_ROWS_PER_LOOKUP", 3)
    index = index_of(archive)
    index.find("03")
    for _ in range(2):
        found = index.find_many(["05", "none", "03"])
        assert sorted(found) == ["03", "05"]
        assert all(row.key == key for key, row in found.items())
    assert asked == ["03", "05", "none", "03"]


def test_a_small_catalogue_is_read_once(
    archive: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_index, "_ROWS_PER_LOOKUP", 12)
    index = index_of(archive)
    assert index.find("none") is None
    assert all(map(index.find, KEYS))
    assert (asked, files(archive)) == ([], [])


def test_others_find_it_and_a_damaged_one_is_made_again(archive: Path, asked: list[str]) -> None:
    first = index_of(archive)
    assert [first.find(key) is not None for key in KEYS[:3]] == [True] * 3
    (path,) = files(archive)
    before = path.stat().st_mtime_ns
    with ThreadPoolExecutor(4) as pool:
        second = index_of(archive)
        assert all(pool.map(second.find, KEYS))
    assert path.stat().st_mtime_ns == before
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # a mapped file changes under who has it mapped
    path.write_bytes(data)
    third = index_of(archive)
    assert [row.key for key in KEYS if (row := third.find(key)) is not None] == KEYS


def test_a_new_version_has_its_own_and_the_old_one_goes(archive: Path) -> None:
    index = index_of(archive)
    assert all(map(index.find, KEYS))
    (old,) = files(archive)
    opened(archive).commit(table_of(make_row("new")), run="run-2")
    assert index.find("new") is None
    index.refresh()
    assert [index.find(key) is not None for key in ("new", *KEYS)] == [True] * 13
    (new,) = files(archive)
    assert new != old


def test_copies_that_went_on_apart_have_each_their_own(archive: Path) -> None:
    copy = archive.with_name("copy")
    shutil.copytree(archive, copy)
    for folder, key in ((archive, "mine"), (copy, "theirs")):
        opened(folder).commit(table_of(make_row(key)), run="run-2")
    for folder, key in ((archive, "mine"), (copy, "theirs"), (archive, "mine")):
        index = index_of(folder)
        assert [index.find(name) is not None for name in (*KEYS, "mine", "theirs")] == [
            *[True] * 12,
            key == "mine",
            key == "theirs",
        ]


def test_an_edition_is_worked_out_once_a_version(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    before = catalogue.edition()
    assert catalogue.edition() is before
    catalogue.commit(table_of(make_row("a")), run="run-1")
    assert catalogue.edition() != before


def test_without_room_for_a_cache_the_catalogue_answers(
    archive: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (archive.parent / "cache").write_text("a file")
    assert all(map(index_of(archive).find, KEYS))
    assert asked == KEYS
    monkeypatch.setattr(key_index, "MOST_BYTES", 0)
    (archive.parent / "cache").unlink()
    assert all(map(index_of(archive).find, KEYS))
    assert files(archive) == []
