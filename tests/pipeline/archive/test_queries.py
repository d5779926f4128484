"""What is read of a catalogue: by key, by condition and in order; and how little of its files is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline.archive.queries
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.catalogue_guard import CatalogueGuard
from pipeline.archive.rows_by_shard import table_by_shard
from pipeline.archive.sql_text import literal
from pipeline.errors import ArchiveError
from pipeline.globs import key_matcher
from pipeline.store.storage import Storage
from tests.support.catalogues import opened, table_of
from tests.support.shard_rows import make_row

ODD_KEYS = [
    "it's",
    '"quoted"',
    "per%cent_and_under",
    "back\\slash",
    "new\nline",
    "nul\0byte",
    "日本/写真 1.jpg",
    "'; DROP TABLE t; --",
    "$1 {x} %s",
    "",
    "../up",
    "/abs",
    "é" * 90,
    "é" * 90 + "b",
    "\U0001f600" * 40,
    "a" * 500,
]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    catalogue = opened(tmp_path_factory.mktemp("archive"))
    catalogue.commit(table_of(*(make_row(key) for key in ODD_KEYS)), run="run-1")
    # a second version of each makes us write the files anew
    newer = [make_row(key, b"new", source_etag="etag-2", run="run-2") for key in ODD_KEYS[::2]]
    assert catalogue.commit(
        table_of(*newer, shard="shards/run-2/000001-0123456789abcdef.parquet"), run="run-2"
    )
    return catalogue


def keys_in(batches: Iterable[pa.RecordBatch]) -> list[str]:
    return [key for batch in batches for key in batch["key"].to_pylist()]


class TestRead:
    @pytest.mark.parametrize("key", ODD_KEYS, ids=[ascii(key)[:20] for key in ODD_KEYS])
    def test_odd_keys_are_found(self, catalogue: Catalogue, key: str) -> None:
        (row,) = catalogue.lookup([key])
        assert row.key == key
        assert row.run == ("run-2" if key in ODD_KEYS[::2] else "run-1")

    def test_odd_keys_merge_with_themselves(self, catalogue: Catalogue) -> None:
        for key in ODD_KEYS[1::2]:
            assert catalogue.commit(table_of(make_row(key)), run="run-3") == 0

    @pytest.mark.parametrize("rows_per_range", [0, 1000], ids=["by queries", "by one scan"])
    def test_many_keys_at_once(
        self, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, rows_per_range: int
    ) -> None:
        monkeypatch.setattr(pipeline.archive.queries, "_RANGES_PER_QUERY", 3)
        monkeypatch.setattr(pipeline.archive.queries, "_ROWS_PER_RANGE", rows_per_range)
        rows = catalogue.lookup([*ODD_KEYS, "not there", ODD_KEYS[0]])
        assert [row.key for row in rows] == sorted(ODD_KEYS)

    def test_scan_streams_the_columns_asked_for(self, catalogue: Catalogue) -> None:
        batches = list(catalogue.scan(["run", "key"]))
        assert {tuple(batch.schema.names) for batch in batches} == {("run", "key")}
        assert {batch.schema.field("key").type for batch in batches} == {pa.string()}
        assert sorted(key for batch in batches for key in batch["key"].to_pylist()) == sorted(ODD_KEYS)

    def test_scan_in_order(self, catalogue: Catalogue) -> None:
        keys = [key for batch in catalogue.in_key_order(["key"]) for key in batch["key"].to_pylist()]
        assert keys == sorted(ODD_KEYS)

    def test_scan_with_a_condition(self, catalogue: Catalogue) -> None:
        where = f"key = {literal(ODD_KEYS[0])} OR key = {literal(ODD_KEYS[1])}"
        assert keys_in(catalogue.in_key_order(["key"], where=where)) == sorted(ODD_KEYS[:2])

    def test_images_of_a_run(self, catalogue: Catalogue) -> None:
        assert sorted(keys_in(catalogue.of_run("run-2", ["key"]))) == sorted(ODD_KEYS[::2])
        assert sorted(keys_in(catalogue.of_run("run-2", ["key"], status="coded"))) == sorted(ODD_KEYS[::2])
        assert keys_in(catalogue.of_run("run-2", ["key"], status="kept")) == []

    def test_images_that_failed(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        rows = [make_row("y", None, reason="truncated"), make_row("a"), make_row("x", None, reason="empty")]
        catalogue.commit(table_of(*rows), run="run-1")
        assert keys_in(catalogue.failed(["key"])) == ["x", "y"]
        assert (catalogue.count_failed(), catalogue.count()) == (2, 3)

    @pytest.mark.parametrize("prefix", ["", "it's", "per%", "per_", "\U0001f600"], ids=ascii)
    def test_images_whose_keys_start_so(self, catalogue: Catalogue, prefix: str) -> None:
        expected = sorted(key for key in ODD_KEYS if key.startswith(prefix))
        assert keys_in(catalogue.with_prefix(prefix, ["key"])) == expected

    @pytest.mark.parametrize(
        "glob", ["*", "per%*_under", "new?line", "*[!e]", "日本/*.jpg", "nul\0*", "it's"], ids=ascii
    )
    def test_images_whose_keys_match(self, catalogue: Catalogue, glob: str) -> None:
        expected = sorted(filter(key_matcher(glob), ODD_KEYS))
        assert sorted(keys_in(catalogue.scan(["key"], glob=glob))) == expected
        assert sum(len(batch) for batch in catalogue.scan(["row"], glob=glob)) == len(expected) > 0

    def test_one_shard_after_the_other(self, catalogue: Catalogue) -> None:
        by_shard = dict(catalogue.by_shard())
        assert by_shard.keys() == catalogue.shards()
        assert all(rows["row"].to_pylist() == sorted(rows["row"].to_pylist()) for rows in by_shard.values())
        assert dict(table_by_shard(catalogue.table())) == by_shard

    def test_shards_of_a_run(self, catalogue: Catalogue) -> None:
        assert catalogue.shards(run="run-2") == {"shards/run-2/000001-0123456789abcdef.parquet"}
        assert catalogue.shards(run="run'3") == set()

    @pytest.mark.parametrize(
        "where",
        ["psnr < 30", "key =", "1 = 1; SELECT 1", "width / 0 = 1 OR", ""],
        ids=lambda where: where or "empty",
    )
    def test_a_bad_condition_is_named(self, catalogue: Catalogue, where: str) -> None:
        with pytest.raises(ArchiveError, match="Expected an SQL condition.*" + re.escape(repr(where))):
            list(catalogue.scan(where=where))

    def test_an_unknown_column_is_named(self, catalogue: Catalogue) -> None:
        with pytest.raises(ValueError, match="got colour; there are key, "):
            next(catalogue.scan(["key", "colour"]))

    def test_what_others_commit_is_seen_after_refresh(self, tmp_path: Path) -> None:
        mine, other = opened(tmp_path), opened(tmp_path)
        assert mine.count() == 0
        other.commit(table_of(make_row("a")), run="run-1")
        assert (mine.count(), mine.version()) == (0, 0)
        mine.refresh()
        assert (mine.count(), mine.version()) == (1, 1)

    @pytest.mark.parametrize("commits", [1, 2])
    def test_another_archive_in_its_place_is_seen_after_refresh(self, tmp_path: Path, commits: int) -> None:
        mine = opened(tmp_path / "archive")
        mine.commit(table_of(make_row("old")), run="run-1")
        assert len(mine.files()) == 1
        (tmp_path / "archive").rename(tmp_path / "gone")
        other = opened(tmp_path / "archive")
        for number in range(commits):
            other.commit(table_of(make_row(f"new-{number}")), run="run-1")
        mine.refresh()
        assert mine.table(["key"])["key"].to_pylist() == [f"new-{number}" for number in range(commits)]
        assert mine.files() == other.files()

    @given(
        keys=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=6, unique=True)
    )
    @settings(max_examples=8)
    def test_any_key_is_found_and_merges(
        self, tmp_path_factory: pytest.TempPathFactory, keys: list[str]
    ) -> None:
        catalogue = opened(tmp_path_factory.mktemp("archive"))
        rows = table_of(*map(make_row, keys))
        assert catalogue.commit(rows, run="run-1") == len(keys)
        assert catalogue.commit(rows, run="run-1") == 0
        assert [row.key for row in catalogue.lookup(keys)] == sorted(keys)

    def test_other_tools_read_the_table(self, catalogue: Catalogue, tmp_path: Path) -> None:
        own = opened(tmp_path)
        own.commit(table_of(make_row("a"), make_row("b")), run="run-1")
        own.commit(table_of(make_row("a", source_etag="etag-2", run="run-2")), run="run-2")
        table = str(tmp_path / "catalogue")
        assert pl.read_delta(table).filter(pl.col("key") == "a")["run"].to_list() == ["run-2"]
        frame = DeltaTable(table).to_pandas()
        assert sorted(frame["key"]) == ["a", "b"]
        files = DeltaTable(table).file_uris()
        with duckdb.connect() as connection:
            found = connection.execute("SELECT run FROM read_parquet(?) WHERE key = 'a'", [files]).fetchall()
        assert found == [("run-2",)]


class TestReadsLittle:
    """The files of the catalogue that are looked at, of one for each letter."""

    @pytest.mark.parametrize(
        ("ask", "files"),
        [
            (lambda catalogue: catalogue.lookup(["b/1", "y/0"]), 2),
            (lambda catalogue: catalogue.lookup(["not there"]), 0),
            (lambda catalogue: list(catalogue.scan(["key"], glob="c/*")), 1),
            (lambda catalogue: list(catalogue.with_prefix("x/", ["key"])), 1),
        ],
        ids=["two keys", "an unknown key", "a glob", "a prefix"],
    )
    def test_what_is_asked_costs_what_is_asked(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        ask: Callable[[Catalogue], object],
        files: int,
    ) -> None:
        writer = opened(tmp_path)
        for letter in "abcdwxyz":
            writer.commit(table_of(*(make_row(f"{letter}/{number}") for number in range(3))), run="run-1")
        seen: list[str] = []
        check_data = CatalogueGuard.check_data

        def counted(guard: CatalogueGuard, paths: Mapping[str, int], version: int) -> None:
            seen.extend(paths)
            check_data(guard, paths, version)

        monkeypatch.setattr(CatalogueGuard, "check_data", counted)
        monkeypatch.setattr(pipeline.archive.queries, "_ROWS_PER_RANGE", 1)
        ask(Catalogue(Storage(str(tmp_path))))
        assert len(seen) == files


def test_literals_are_escaped() -> None:
    assert literal("it's ''") == "'it''s '''''"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_catalogue_that_was_read_before_a_fork_says_so_after_it(catalogue: Catalogue) -> None:
    catalogue.count()
    here, there = get_context("fork").Pipe()
    child = get_context("fork").Process(target=_tell_what_reading_says, args=(catalogue, there))
    child.start()
    kind, words = here.recv()
    child.join()
    assert kind is ArchiveError
    assert "one that was forked of it" in words


def _tell_what_reading_says(catalogue: Catalogue, parent: Connection) -> None:
    try:
        catalogue.lookup(["no such key"])
    except Exception as error:  # noqa: BLE001 it is told to the parent
        parent.send((type(error), str(error)))
