"""The catalogue in the order of its keys, range by range: the rows of one version, each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.archive import key_order, queries
from tests.support.catalogues import opened, table_of
from tests.support.shard_rows import make_row

FILES = [["d/1", "d/2", "d/3"], ["a/1", "a/2"], ["a/0", "b/1"], ["c/1", "e/1"], ["f/1"], ["g/1", "g/2"]]
_ODD = ("it's", "a/b", "a.b", "é", "\U0001f600", "z\nz", "")


@pytest.mark.parametrize("where", [None, "true"], ids=["whole files", "ranges"])
def test_all_rows_of_one_version_in_key_order(
    where: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "_RANGE_ROWS", 6)
    low, high, all_over = ("0", "1", "3", "4", "5", "6"), ("7", "8", "9", "a", "b", "c"), ("~", "2", *_ODD)
    catalogue = opened(tmp_path)
    for keys in (low, high, all_over):
        catalogue.commit(table_of(*map(make_row, keys)), run="run-1")
    batches = catalogue.in_key_order(["source_size", "key", "row"], where=where)
    first = next(batches)
    catalogue.commit(table_of(make_row("~later")), run="run-2")
    rows = [row for batch in (first, *batches) for row in batch.to_pylist()]
    assert [row["key"] for row in rows] == sorted([*low, *high, *all_over])
    assert {row["source_size"] for row in rows} == {90_000}
    assert first.schema.names == ["source_size", "key", "row"]
    assert len(first) < len(rows), "a part at a time"


def test_an_empty_catalogue_has_no_rows(tmp_path: Path) -> None:
    assert list(opened(tmp_path).in_key_order(["key"])) == []


@pytest.mark.parametrize("prefix", ["", "a/", "d/2", "none"])
def test_all_rows_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    catalogue = opened(tmp_path)
    for keys in FILES:
        catalogue.commit(table_of(*map(make_row, keys)), run="run-1")
    monkeypatch.setattr(key_order, "_FIRST_ROWS", 2)
    monkeypatch.setattr(key_order, "_RANGE_ROWS", 4)
    sorted_at_once: list[int] = []
    rows = queries.Snapshot.rows

    def counted(snapshot: queries.Snapshot, **options: Any) -> Iterator[pa.RecordBatch]:
        sorted_at_once.append(0)
        for batch in rows(snapshot, **options):
            sorted_at_once[-1] += len(batch)
            yield batch

    monkeypatch.setattr(queries.Snapshot, "rows", counted)
    found = [key for batch in catalogue.with_prefix(prefix, ["key"]) for key in batch["key"].to_pylist()]
    assert found == sorted(key for keys in FILES for key in keys if key.startswith(prefix))
    if not prefix:
        assert sorted_at_once == [1, 4, 5, 2]
