"""Several images of one shard: in few requests, and a damaged byte costs one image."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.previews import read_previews
from pipeline.archive.range_reads import joined, read_rows, row_in
from pipeline.archive.schema import rows_of
from pipeline.archive.shards import build_shard, publish
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from tests.support.shard_rows import make_row


def shard_of(folder: Path, sizes: list[int], number: int = 0) -> tuple[Storage, str, list[CatalogueRow]]:
    """Every second image has EXIF, every one but the fourths a preview."""
    chance = np.random.default_rng(0)
    rows = [
        make_row(
            f"{place:03d}",
            chance.bytes(size),
            exif=b"exif" if place % 2 else None,
            preview=chance.bytes(100) if place % 4 else None,
        )
        for place, size in enumerate(sizes)
    ]
    storage, shard = Storage(str(folder)), build_shard(rows, metadata={})
    path = publish(storage, shard, "run-1", number)
    return storage, path, rows_of(shard.named(path), CatalogueRow)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What is read of any object: (offset, length)."""
    reads: list[tuple[int, int]] = []
    read_range = Storage.read_range

    def counted(store: Storage, path: str, offset: int, length: int) -> bytes:
        reads.append((offset, length))
        return read_range(store, path, offset, length)

    monkeypatch.setattr(Storage, "read_range", counted)
    return reads


def test_neighbours_come_in_one_read(tmp_path: Path, reads: list[tuple[int, int]]) -> None:
    storage, _, rows = shard_of(tmp_path, [1000] * 20 + [200_000] + [1000] * 20)
    _, _, others = shard_of(tmp_path, [700] * 3, number=1)
    reads.clear()
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


def test_the_previews_of_a_page_come_in_one_read_for_each_shard(
    tmp_path: Path, reads: list[tuple[int, int]]
) -> None:
    storage, path, rows = shard_of(tmp_path, [9_000] * 30)
    _, _, others = shard_of(tmp_path, [5_000] * 3, number=1)
    page = [others[1], *rows[1:20], others[2], others[0]]
    expected = [preview_in((tmp_path / row.shard).read_bytes(), row) for row in page]
    (tmp_path / path).write_bytes(flipped((tmp_path / path).read_bytes(), (rows[7].preview_offset or 0) + 50))
    reads.clear()
    found = list(read_previews(storage, page))
    assert [row.key for row, one in zip(page, found, strict=True) if one is None] == [
        *("004", "007", "008", "012", "016", "000")
    ]
    assert all(one in (preview, None) for one, preview in zip(found, expected, strict=True))
    assert len(reads) == 2
    assert max(length for _, length in reads) < 20 * 104


def test_a_damaged_preview_is_left_behind_when_its_image_moves(tmp_path: Path) -> None:
    _, path, rows = shard_of(tmp_path, [50] * 4)
    data = flipped((tmp_path / path).read_bytes(), rows[1].preview_offset or 0)
    moved = [row_in(row, data).preview for row in rows]
    assert moved == [None, None, preview_in(data, rows[2]), preview_in(data, rows[3])]


def preview_in(shard: bytes, row: CatalogueRow) -> bytes:
    return shard[row.preview_offset or 0 :][: row.preview_length or 0]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


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
