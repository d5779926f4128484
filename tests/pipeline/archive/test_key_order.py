"""The catalogue in the order of its keys, range by range: the rows of one version, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.archive import key_order
from tests.support.catalogues import opened, table_of
from tests.support.shard_rows import make_row

_ODD = ("it's", "a/b", "a.b", "é", "\U0001f600", "z\nz", "")


def test_all_rows_of_one_version_in_key_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_order, "_RANGE_ROWS", 6)
    low, high, all_over = ("0", "1", "3", "4", "5", "6"), ("7", "8", "9", "a", "b", "c"), ("~", "2", *_ODD)
    catalogue = opened(tmp_path)
    for keys in (low, high, all_over):
        catalogue.commit(table_of(*map(make_row, keys)), run="run-1")
    batches = catalogue.by_key(["source_size", "key", "row"])
    first = next(batches)
    catalogue.commit(table_of(make_row("~later")), run="run-2")
    rows = [row for batch in (first, *batches) for row in batch.to_pylist()]
    assert [row["key"] for row in rows] == sorted([*low, *high, *all_over])
    assert {row["source_size"] for row in rows} == {90_000}
    assert first.schema.names == ["source_size", "key", "row"]
    assert len(first) < len(rows), "a range at a time"


def test_an_empty_catalogue_has_no_rows(tmp_path: Path) -> None:
    assert list(opened(tmp_path).by_key(["key"])) == []
