"""Several images: in few requests, and a damaged byte costs one image."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.range_reads import joined, read_rows
from pipeline.archive.schema import rows_of
from pipeline.archive.shards import build_shard, publish
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from tests.support.shard_rows import make_row


def shard_of(folder: Path, sizes: list[int], number: int = 0) -> tuple[Storage, str, list[CatalogueRow]]:
    chance = np.random.default_rng(0)
    rows = [
        make_row(f"{number:03d}", chance.bytes(size), exif=b"exif" if number % 2 else None)
        for number, size in enumerate(sizes)
    ]
    storage, shard = Storage(str(folder)), build_shard(rows, metadata={})
    path = publish(storage, shard, "run-1", number)
    return storage, path, rows_of(shard.named(path), CatalogueRow)


def test_neighbours_come_in_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, _, rows = shard_of(tmp_path, [1000] * 20 + [200_000] + [1000] * 20)
    reads: list[tuple[int, int]] = []
    read_range = Storage.read_range

    def counted(store: Storage, path: str, offset: int, length: int) -> bytes:
        reads.append((offset, length))
        return read_range(store, path, offset, length)

    monkeypatch.setattr(Storage, "read_range", counted)
    _, _, others = shard_of(tmp_path, [700] * 3, number=1)
    wanted = [rows[4], others[2], rows[30], rows[2]]
    assert [row.payload for _, row in read_rows(storage, wanted) if not isinstance(row, str)] == [
        (tmp_path / row.shard).read_bytes()[row.payload_offset or 0 :][: row.payload_length] for row in wanted
    ]
    assert len(reads) == 3
    assert sum(length for _, length in reads) < 5_000


def test_a_damaged_byte_costs_its_image(tmp_path: Path) -> None:
    storage, path, rows = shard_of(tmp_path, [50] * 4)
    data = bytearray((tmp_path / path).read_bytes())
    data[(rows[1].payload_offset or 0) + 7] ^= 1
    (tmp_path / path).write_bytes(data)
    outcomes = {row.key: got for row, got in read_rows(storage, rows)}
    damaged = outcomes.pop("001")
    assert isinstance(damaged, str)
    assert "Expected CRC32C" in damaged
    assert all(not isinstance(got, str) and got.key == key for key, got in outcomes.items())


def test_a_truncated_shard_gives_what_is_left(tmp_path: Path) -> None:
    storage, path, rows = shard_of(tmp_path, [50] * 4)
    end = (rows[2].payload_offset or 0) + 10
    (tmp_path / path).write_bytes((tmp_path / path).read_bytes()[:end])
    outcomes = [got for _, got in read_rows(storage, rows[:1] + rows[2:])]
    assert [isinstance(got, str) for got in outcomes] == [False, True, True]
    assert "it was truncated" in str(outcomes[1])


@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 90_000)), max_size=8))
def test_reads_hold_every_span_and_do_not_meet(spans: list[tuple[int, int]]) -> None:
    reads = joined(spans)
    assert all(any(at <= a and a + n <= at + size for at, size in reads) for a, n in spans)
    assert all(sum(one) + 64 * 1024 < start for one, (start, _) in itertools.pairwise(reads))
