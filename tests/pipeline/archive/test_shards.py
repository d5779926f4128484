"""Shards: what goes in comes out, every payload is one byte run at its offset, damage is found."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import duckdb
import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive.layout import ShardPath, parse_shard_path, shard_path
from pipeline.archive.range_reads import ATTACHMENTS, read_payload, read_row
from pipeline.archive.schema import CATALOGUE_SCHEMA, SHARD_SCHEMA, rows_of
from pipeline.archive.shards import Shard, build_shard, catalogue_rows, iter_rows, publish
from pipeline.errors import ArchiveError, DamagedError
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow
from tests.support.shard_rows import make_row, read_rows, shard_rows

RANDOM = random.Random(5)

many_rows = st.lists(shard_rows(), min_size=1, max_size=12, unique_by=lambda row: row.key)


def catalogue_of(
    shard: Shard, path: str = "shards/run-1/000000-0123456789abcdef.parquet"
) -> list[CatalogueRow]:
    return rows_of(shard.named(path), CatalogueRow)


def sha256_of(number: int) -> str:
    """Of something."""
    return hashlib.sha256(number.to_bytes(4)).hexdigest()


def published(folder: Path, rows: list[ShardRow]) -> tuple[Storage, str, list[CatalogueRow]]:
    storage = Storage(str(folder))
    shard = build_shard(rows, metadata={"run": "run-1"})
    path = publish(storage, shard, "run-1", 3)
    return storage, path, catalogue_of(shard, path)


class CountingStorage(Storage):
    """Notes every range that is read."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.ranges: list[tuple[str, int, int]] = []

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        self.ranges.append((path, offset, length))
        return super().read_range(path, offset, length)


class TestSharedPayloads:
    ROWS: ClassVar = [
        make_row(f"{number:03d}", b"the same" if number % 3 else RANDOM.randbytes(70_000), icc=b"profile")
        for number in range(300)
    ]

    def test_equal_payloads_lie_once_and_come_back_in_every_way(self, tmp_path: Path) -> None:
        storage, path, catalogue = published(tmp_path, self.ROWS)
        data = storage.read(path)
        assert data.count(b"the same") == 1
        assert len({row.payload_offset for row in catalogue}) == 101
        assert [row.same_as_row for row in catalogue[:5]] == [None, None, 1, None, 1]
        assert read_rows(storage, path) == self.ROWS
        chosen = [row for _, row in iter_rows(storage, path, only=[299])]
        assert chosen == self.ROWS[299:]  # of another row group than the one that holds its payload
        assert read_row(storage, catalogue[299]) == self.ROWS[299]
        assert (
            catalogue_rows(data, path).to_pylist()
            == pa.Table.from_pylist(
                [asdict(row) | {"shard": path} for row in catalogue], CATALOGUE_SCHEMA
            ).to_pylist()
        )

    @pytest.mark.parametrize("holder", [-1, 0, 2, 7])
    def test_a_row_that_names_none_that_holds_its_payload_is_damage(
        self, tmp_path: Path, holder: int
    ) -> None:
        rows = [make_row(key, b"same") for key in "abc"]
        table = pq.read_table(pa.BufferReader(build_shard(rows, metadata={"run": "r"}).data))
        column = table.schema.get_field_index("same_as_row")
        numbers = pa.array([None, 0, holder], pa.int64()) if holder else pa.array([1, None, 0], pa.int64())
        sink = pa.BufferOutputStream()
        pq.write_table(table.set_column(column, table.schema.field(column), numbers), sink)
        data = sink.getvalue().to_pybytes()
        path = shard_path("run-1", 0, hashlib.sha256(data).hexdigest())
        with pytest.raises(DamagedError, match="Expected"):
            catalogue_rows(data, path)


class TestBuild:
    @given(rows=many_rows)
    @settings(max_examples=80)
    def test_every_value_lies_at_its_offset(self, rows: list[ShardRow]) -> None:
        shard = build_shard(rows, metadata={})
        by_key = {row.key: row for row in rows}
        catalogue = catalogue_of(shard)
        assert [row.key for row in catalogue] == sorted(by_key)
        for number, row in enumerate(catalogue):
            assert row.row == number
            for name in ("payload", *ATTACHMENTS):
                offset, length = getattr(row, f"{name}_offset"), getattr(row, f"{name}_length")
                value = getattr(by_key[row.key], name)
                assert (None if offset is None else shard.data[offset : offset + length]) == value

    @given(rows=many_rows)
    @settings(max_examples=40)
    def test_rows_come_back_and_so_does_the_catalogue(
        self, tmp_path_factory: pytest.TempPathFactory, rows: list[ShardRow]
    ) -> None:
        folder = tmp_path_factory.mktemp("archive")
        storage, path, catalogue = published(folder, rows)
        ordered = sorted(rows, key=lambda row: row.key)
        assert read_rows(storage, path) == ordered
        rebuilt = catalogue_rows(storage.read(path), path)
        assert rebuilt.schema == CATALOGUE_SCHEMA
        assert rows_of(rebuilt, CatalogueRow) == catalogue

    def test_same_rows_give_the_same_bytes_in_any_order(self) -> None:
        rows = [make_row(f"k{i}", bytes([i]) * i) for i in range(50)]
        first = build_shard(rows, metadata={"run": "r", "unit": "1"})
        second = build_shard(rows[::-1], metadata={"unit": "1", "run": "r"})
        assert first.data == second.data
        assert first.sha256 == second.sha256

    def test_row_groups_hold_8192_rows_or_16_mib(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pipeline.archive.shards._ROW_GROUP_ROWS", 256)
        rows = [make_row(f"{i:04d}", b"x") for i in range(600)]
        big = [make_row(f"big {i}", bytes([i]) * 6 * 2**20) for i in range(4)]
        metadata = pq.read_metadata(io.BytesIO(build_shard(rows + big, metadata={}).data))
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        assert sizes == [256, 256, 88 + 2, 2]

    def test_a_thumbnail_costs_little_beside_its_payload(self) -> None:
        """Most of 40 columns say the same in every row: hardly more is stored than hashes, sizes and times."""
        rows = [make_row(f"{i:04d}", i.to_bytes(2) * 200, source_sha256=sha256_of(i)) for i in range(1000)]
        shard = build_shard(rows, metadata={})
        overhead = len(shard.data) - sum(len(row.payload or b"") for row in rows)
        assert overhead / len(rows) < 75

    def test_layout_is_as_documented(self) -> None:
        rows = [
            make_row(f"{i:04d}", b"payload", exif=b"e", icc=b"i", xmp=b"x", alpha=b"a", preview=b"p")
            for i in range(300)
        ]
        metadata = pq.read_metadata(io.BytesIO(build_shard(rows, metadata={"run": "r"}).data))
        assert metadata.metadata is not None
        assert metadata.metadata[b"tenfold.format"] == b"2"
        assert metadata.metadata[b"run"] == b"r"
        chunks = {
            chunk.path_in_schema: chunk
            for chunk in map(metadata.row_group(0).column, range(metadata.num_columns))
        }
        payload = chunks["payload"]
        assert payload.compression == "UNCOMPRESSED"
        assert not payload.has_dictionary_page
        assert not payload.is_stats_set
        assert set(payload.encodings) == {"PLAIN", "RLE"}
        assert all(chunks[name].compression == "UNCOMPRESSED" for name in ATTACHMENTS)
        assert chunks["key"].compression == "ZSTD"
        assert chunks["key"].is_stats_set
        assert pq.read_schema(io.BytesIO(build_shard(rows, metadata={}).data)).names == SHARD_SCHEMA.names

    def test_metadata_that_many_images_share_is_stored_once(self) -> None:
        profile = random.Random(1).randbytes(3144)
        rows = [make_row(f"{i:03d}", b"payload", icc=profile) for i in range(200)]
        shard = build_shard(rows, metadata={})
        assert shard.data.count(profile) == 1
        assert len({row.icc_offset for row in catalogue_of(shard)}) == 1

    def test_metadata_over_the_usual_dictionary_size_still_lies_in_one_run(self) -> None:
        rng = random.Random(2)
        rows = [make_row(f"{i}", b"p", alpha=rng.randbytes(700_000)) for i in range(5)]
        shard = build_shard(rows, metadata={})
        for row, got in zip(rows, catalogue_of(shard), strict=True):
            assert got.alpha_offset is not None
            assert got.alpha_length == 700_000
            assert shard.data[got.alpha_offset :][:700_000] == row.alpha

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            pytest.param([], "at least one row", id="none"),
            pytest.param([make_row("a"), make_row("a", b"b")], "each key once", id="a key twice"),
            pytest.param(
                [make_row("a", b"b", payload_crc32c=1)], "payload CRC32C 1 for key 'a'", id="wrong crc"
            ),
            pytest.param([make_row("a", None, payload_crc32c=1)], "CRC32C 1", id="crc without payload"),
        ],
    )
    def test_rows_that_cannot_be_stored_are_refused(self, rows: list[ShardRow], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            build_shard(rows, metadata={})


class TestPublish:
    def test_the_path_says_run_number_and_hash(self, tmp_path: Path) -> None:
        storage, path, _ = published(tmp_path, [make_row("a")])
        sha16 = build_shard([make_row("a")], metadata={"run": "run-1"}).sha256[:16]
        assert path == f"shards/run-1/000003-{sha16}.parquet"
        assert parse_shard_path(path) == ShardPath(run="run-1", number=3, sha16=sha16)
        assert storage.exists(path)

    @given(run=st.text(st.characters(exclude_characters="/\n"), min_size=1), number=st.integers(0, 10**8))
    def test_parse_undoes_the_path(self, run: str, number: int) -> None:
        path = shard_path(run, number, "ab" * 32)
        assert parse_shard_path(path) == ShardPath(run=run, number=number, sha16="ab" * 8)

    @pytest.mark.parametrize("path", ["shards/r/.DS_Store", "shards/r/1-ab.parquet", "runs/r/plan.json", ""])
    def test_other_paths_are_refused(self, path: str) -> None:
        with pytest.raises(ArchiveError, match="Expected a shard path"):
            parse_shard_path(path)

    def test_publishing_again_writes_nothing(self, tmp_path: Path) -> None:
        _, path, _ = published(tmp_path, [make_row("a")])
        before = (tmp_path / path).stat().st_mtime_ns
        published(tmp_path, [make_row("a")])
        assert (tmp_path / path).stat().st_mtime_ns == before

    def test_a_truncated_object_of_that_name_is_replaced(self, tmp_path: Path) -> None:
        storage, path, _ = published(tmp_path, [make_row("a")])
        (tmp_path / path).write_bytes(b"PAR1")
        published(tmp_path, [make_row("a")])
        assert [row.key for row in read_rows(storage, path)] == ["a"]


class TestReadWhole:
    def test_only_the_wanted_rows_come(self, tmp_path: Path) -> None:
        storage, path, _ = published(tmp_path, [make_row(f"{i:04d}", bytes([i % 256])) for i in range(700)])
        got = list(iter_rows(storage, path, only=[699, 3, 4, 300]))
        assert [(number, row.key) for number, row in got] == [
            (3, "0003"),
            (4, "0004"),
            (300, "0300"),
            (699, "0699"),
        ]

    def test_missing_shard_is_damage(self, tmp_path: Path) -> None:
        with pytest.raises(DamagedError, match="got nothing there"):
            read_rows(Storage(str(tmp_path)), shard_path("r", 0, "0" * 64))

    def test_any_flipped_byte_is_found(self, tmp_path: Path) -> None:
        storage, path, _ = published(tmp_path, [make_row("a", b"abc"), make_row("b", b"defg")])
        whole = bytearray((tmp_path / path).read_bytes())
        for at in range(0, len(whole), 97):
            damaged = bytearray(whole)
            damaged[at] ^= 0x10
            (tmp_path / path).write_bytes(damaged)
            with pytest.raises(DamagedError, match="Expected SHA-256"):
                read_rows(storage, path)
            with pytest.raises(DamagedError, match="Expected SHA-256"):
                catalogue_rows(bytes(damaged), path)

    def test_a_parquet_file_of_another_make_is_refused(self) -> None:
        sink = pa.BufferOutputStream()
        columns = [pa.array([getattr(make_row("a"), f.name, 0)], f.type) for f in SHARD_SCHEMA]
        pq.write_table(pa.table(columns, schema=SHARD_SCHEMA), sink, compression="zstd")
        data = sink.getvalue().to_pybytes()
        path = shard_path("r", 0, hashlib.sha256(data).hexdigest())
        with pytest.raises(DamagedError, match="Expected a Tenfold shard"):
            catalogue_rows(data, path)

    def test_columns_of_a_later_version_are_left_out_and_older_ones_are_null(self) -> None:
        shard = build_shard([make_row("a", b"abc", xmp=b"x")], metadata={})
        table = pq.read_table(io.BytesIO(shard.data))
        later = table.drop_columns(["xmp"]).append_column("novelty", pa.array([1]))
        assert rows_of(later, ShardRow) == [make_row("a", b"abc")]


class TestReadOne:
    def test_payload_is_one_range_read_of_exactly_its_bytes(self, tmp_path: Path) -> None:
        _, path, catalogue = published(
            tmp_path, [make_row(f"{i}", f"payload {i}".encode()) for i in range(9)]
        )
        storage = CountingStorage(str(tmp_path))
        for row in catalogue:
            assert read_row(storage, row).payload == f"payload {row.key}".encode()
        assert storage.ranges == [(path, row.payload_offset, row.payload_length) for row in catalogue]

    def test_each_kind_of_metadata_is_one_more(self, tmp_path: Path) -> None:
        wanted = make_row("b", b"payload", exif=b"EXIF", icc=b"", alpha=b"PNG")
        _, _, catalogue = published(tmp_path, [make_row("a"), wanted, make_row("c", exif=b"EXIF")])
        storage = CountingStorage(str(tmp_path))
        assert read_row(storage, catalogue[1]) == wanted
        assert sorted(length for _, _, length in storage.ranges) == [0, 3, 4, 7]

    def test_metadata_of_a_kept_image_is_not_read(self, tmp_path: Path) -> None:
        _, _, catalogue = published(tmp_path, [make_row("a", b"the file", exif=b"EXIF", status="kept")])
        storage = CountingStorage(str(tmp_path))
        row = read_row(storage, catalogue[0])
        assert (row.payload, row.exif) == (b"the file", None)
        assert len(storage.ranges) == 1

    @given(at=st.integers(0, 99), flip=st.integers(1, 255))
    @settings(max_examples=30)
    def test_any_damage_to_a_payload_is_found(
        self, tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
    ) -> None:
        folder = tmp_path_factory.mktemp("archive")
        storage, path, (row,) = published(folder, [make_row("holiday/a.jpg", bytes(range(100)))])
        data = bytearray((folder / path).read_bytes())
        data[(row.payload_offset or 0) + at] ^= flip
        (folder / path).write_bytes(data)
        with pytest.raises(DamagedError, match=f"'holiday/a.jpg'.*{path} at byte {row.payload_offset}"):
            read_payload(storage, row)

    def test_damage_to_metadata_is_found(self, tmp_path: Path) -> None:
        storage, path, (row,) = published(tmp_path, [make_row("a", exif=b"EXIF", alpha=b"PNG")])
        data = bytearray((tmp_path / path).read_bytes())
        data[row.alpha_offset or 0] ^= 1
        (tmp_path / path).write_bytes(data)
        with pytest.raises(DamagedError, match=r"for the exif \+ alpha of 'a'"):
            read_row(storage, row)

    def test_missing_shard_says_so(self, tmp_path: Path) -> None:
        storage, path, (row,) = published(tmp_path, [make_row("a")])
        storage.delete(path)
        with pytest.raises(DamagedError, match="got nothing there"):
            read_payload(storage, row)

    def test_shortened_shard_says_so(self, tmp_path: Path) -> None:
        storage, path, (row,) = published(tmp_path, [make_row("a", bytes(100))])
        (tmp_path / path).write_bytes((tmp_path / path).read_bytes()[: (row.payload_offset or 0) + 50])
        end = (row.payload_offset or 0) + 100
        with pytest.raises(
            DamagedError, match=f"to reach byte {end:,}, got one of {end - 50:,}: it was trunc"
        ):
            read_payload(storage, row)

    def test_failed_image_gives_its_reason(self, tmp_path: Path) -> None:
        storage, _, (row,) = published(tmp_path, [make_row("a", None, reason="truncated JPEG")])
        with pytest.raises(ArchiveError, match="failed: truncated JPEG"):
            read_payload(storage, row)


def _pandas(path: Path) -> list[bytes | None]:
    import pandas as pd  # a second

    return [value if isinstance(value, bytes) else None for value in pd.read_parquet(path)["payload"]]


def _duckdb(path: Path) -> list[bytes | None]:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT payload FROM read_parquet(?) ORDER BY key", [str(path)]).fetchall()
    return [value for (value,) in found]


def _polars(path: Path) -> list[bytes | None]:
    import polars as pl  # half a second

    return pl.read_parquet(path)["payload"].to_list()


@pytest.mark.parametrize("read", [_pandas, _duckdb, _polars], ids=["pandas", "DuckDB", "Polars"])
def test_other_tools_read_the_payloads(read: Callable[[Path], list[bytes | None]], tmp_path: Path) -> None:
    rng = random.Random(3)
    rows = [make_row(f"{i:04d}", rng.randbytes(rng.randrange(2000)) if i % 7 else None) for i in range(400)]
    _, path, _ = published(
        tmp_path, [*rows, make_row("with", b"all", exif=b"e", icc=b"i", xmp=b"x", alpha=b"a")]
    )
    assert read(tmp_path / path) == [*(row.payload for row in rows), b"all"]


def test_crc_in_the_catalogue_is_that_of_the_payload(tmp_path: Path) -> None:
    _, _, (row,) = published(tmp_path, [make_row("a", b"123456789")])
    assert row.payload_crc32c == 0xE3069283 == google_crc32c.value(b"123456789")
