"""Rows come one shard after the other, whatever their order and however few are held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import pipeline.archive.rows_by_shard
from pipeline.archive.rows_by_shard import rows_by_shard
from tests.support.catalogues import opened, table_of
from tests.support.shard_rows import make_row

SHARDS = [f"shards/run-1/{number:06d}-0123456789abcdef.parquet" for number in range(7)]


def test_dealt_to_files_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pa.concat_tables(
        table_of(*(make_row(f"{letter}{number}") for letter in "ab"), shard=shard)
        for number, shard in enumerate(SHARDS)
    )
    mixed = rows.take(np.random.default_rng(0).permutation(len(rows)))
    batches = mixed.to_batches(max_chunksize=5)
    whole = dict(rows_by_shard(batches, len(rows)))
    assert list(whole) == SHARDS
    monkeypatch.setattr(pipeline.archive.rows_by_shard, "_ROWS_HELD", 4)
    monkeypatch.setattr(pipeline.archive.rows_by_shard, "_MOST_FILES", 3)
    assert dict(rows_by_shard(batches, len(rows))) == whole
    assert all(of_shard["row"].to_pylist() == [0, 1] for of_shard in whole.values())
    assert list(rows_by_shard([], 100)) == []


def test_what_is_said_of_a_shard_in_all(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    rows = table_of(
        make_row("a"), make_row("b", None, reason="empty"), make_row("c", exif=b"e"), shard=SHARDS[0]
    )
    catalogue.commit(pa.concat_tables([rows, table_of(make_row("d"), shard=SHARDS[1])]), run="run-1")
    first, second = catalogue.shard_contents()
    spans = [("payload", 0), ("payload", 2), ("exif", 2)]
    ends = [
        sum(rows[f"{name}_{end}"][number].as_py() for end in ("offset", "length")) for name, number in spans
    ]
    assert (first.shard, first.images, first.stored, first.end) == (SHARDS[0], 3, 2, max(ends))
    assert (second.shard, second.images) == (SHARDS[1], 1)
    assert [shard for shard, _ in catalogue.by_shard([SHARDS[1], "not there"])] == [SHARDS[1]]
