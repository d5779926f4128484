"""The catalogue: commits are idempotent, all or nothing, safe against each other and against odd keys."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier, Timer
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

import pipeline.archive.commits
import pipeline.archive.delta_table
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.delta_access import delta_options
from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.schema import CATALOGUE_SCHEMA, rows_of
from pipeline.archive.shards import build_shard, publish
from pipeline.errors import ArchiveError, LostCatalogueError, NoArchiveError, StorageError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from tests.support.catalogues import opened, table_of
from tests.support.seaweed import S3Server
from tests.support.shard_rows import MOMENT, make_row


def held(catalogue: Catalogue) -> list[CatalogueRow]:
    return rows_of(catalogue.table(), CatalogueRow)


class TestCreate:
    def test_a_new_catalogue_is_empty_and_creating_again_leaves_it(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        assert catalogue.exists()
        assert catalogue.count() == 0
        assert catalogue.table().schema == CATALOGUE_SCHEMA
        catalogue.commit(table_of(make_row("a")), run="run-1")
        catalogue.create()
        assert catalogue.count() == 1

    def test_many_creators_at_once_end_up_with_one_table(self, tmp_path: Path) -> None:
        together = Barrier(4)

        def create(_: int) -> int:
            catalogue = Catalogue(Storage(str(tmp_path)))
            together.wait()
            catalogue.create()
            return catalogue.version()

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(create, range(4))) == [0, 0, 0, 0]

    def test_anothers_table_may_take_a_moment_to_show(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = Storage.create
        late: list[Timer] = []

        def slow(self: Storage, path: str, data: bytes) -> bool:
            late.append(Timer(0.4, create, (self, path, data)))
            late[0].start()
            return False

        monkeypatch.setattr(Storage, "create", slow)
        catalogue = Catalogue(Storage(tmp_path))
        catalogue.create()
        assert catalogue.version() == 0
        late[0].join()

    def test_nothing_there(self, tmp_path: Path) -> None:
        catalogue = Catalogue(Storage(str(tmp_path / "none")))
        assert not catalogue.exists()
        with pytest.raises(
            NoArchiveError, match=r"got an empty folder or none; create one with `tenfold compress"
        ):
            catalogue.count()

    def test_something_else_there(self, tmp_path: Path) -> None:
        (tmp_path / "photo.jpg").write_bytes(b"x")
        with pytest.raises(NoArchiveError, match=r"other files \(photo.jpg"):
            Catalogue(Storage(str(tmp_path))).table()

    def test_shards_whose_catalogue_is_lost(self, tmp_path: Path) -> None:
        shard = build_shard([make_row("a")], metadata={})
        publish(Storage(tmp_path), shard, "run-1", 0)
        catalogue = Catalogue(Storage(tmp_path))
        with pytest.raises(LostCatalogueError, match=r"is lost; `tenfold repair .*` makes it anew"):
            catalogue.create()
        assert not catalogue.exists()
        catalogue.create(replaces_lost=True)
        assert catalogue.count() == 0

    def test_a_delta_table_of_something_else(self, tmp_path: Path) -> None:
        DeltaTable.create(str(tmp_path / "catalogue"), pa.schema([("key", pa.string())]))
        catalogue = Catalogue(Storage(str(tmp_path)))
        assert not catalogue.exists()
        with pytest.raises(NoArchiveError, match="a Delta table of something else"):
            catalogue.create()

    def test_a_newer_format(self, tmp_path: Path) -> None:
        opened(tmp_path)
        first = tmp_path / "catalogue/_delta_log/00000000000000000000.json"
        first.write_text(first.read_text().replace('"tenfold.format":"2"', '"tenfold.format":"3"'))
        with pytest.raises(ArchiveError, match=r"got format 3\. Install a newer Tenfold"):
            Catalogue(Storage(str(tmp_path))).exists()

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StorageError, match=r"Expected .* got .* at "):
            Catalogue(Storage(str(tmp_path / "file"))).create()

    def test_a_broken_log(self, tmp_path: Path) -> None:
        opened(tmp_path)
        (tmp_path / "catalogue/_delta_log/00000000000000000000.json").write_text("{nonsense")
        with pytest.raises(ArchiveError, match="Expected a sound catalogue"):
            Catalogue(Storage(str(tmp_path))).count()


class TestCommit:
    def test_new_rows_are_added(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        rows = table_of(
            make_row("b"), make_row("a", orientation=6, exif=b"e"), make_row("c", None, reason="bad")
        )
        assert catalogue.commit(rows, run="run-1") == 3
        assert catalogue.table() == rows
        assert catalogue.version() == 1

    def test_committing_again_changes_nothing(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        rows = table_of(make_row("a"), make_row("b", None, reason="bad"))
        catalogue.commit(rows, run="run-1")
        assert catalogue.commit(rows, run="run-1") == 0
        assert catalogue.version() == 1

    def test_a_second_driver_of_the_run_adds_only_what_is_missing(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a"), make_row("b", None, reason="x")), run="run-1")
        later = MOMENT.replace(year=2027)
        other = table_of(
            make_row("a", encoded_at=later),
            make_row("b", None, reason="y", encoded_at=later),
            make_row("c", encoded_at=later),
            shard="shards/run-1/000000-fedcba9876543210.parquet",
        )
        assert catalogue.commit(other, run="run-1") == 1
        assert [row.encoded_at for row in held(catalogue)] == [MOMENT, MOMENT, later]

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"source_size": 5}, id="size"),
            pytest.param({"source_size": None}, id="size unknown"),
            pytest.param({"source_etag": "etag-2"}, id="etag"),
            pytest.param({"source_sha256": "1" * 64}, id="content"),
            pytest.param({"source_etag": None, "source_mtime": MOMENT.replace(hour=1)}, id="mtime"),
        ],
    )
    def test_a_changed_source_replaces_its_row(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a"), make_row("b")), run="run-1")
        changed = make_row("b", b"other", run="run-2", **changes)
        assert catalogue.commit(table_of(changed), run="run-2") == 1
        a, b = held(catalogue)
        assert (a.run, b.run) == ("run-1", "run-2")
        assert catalogue.commit(table_of(changed), run="run-2") == 0

    def test_what_was_encoded_earlier_replaces_nothing(self, tmp_path: Path) -> None:
        """A killed run, resumed when another run has long taken a later version in, still has its shards."""
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a", source_etag="etag-2", run="run-2")), run="run-2")
        earlier = make_row("a", source_etag="etag-1", encoded_at=MOMENT.replace(year=2020))
        assert catalogue.commit(table_of(earlier), run="run-1") == 0
        (row,) = held(catalogue)
        assert row.run == "run-2"

    def test_a_row_of_a_clock_that_was_ahead_gives_way_to_what_changed(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a", encoded_at=MOMENT.replace(year=2222))), run="run-1")
        changed = make_row("a", source_etag="etag-2", run="run-2", encoded_at=MOMENT)
        assert catalogue.commit(table_of(changed), run="run-2") == 1

    def test_mtime_alone_means_nothing_where_the_etag_is_equal(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a")), run="run-1")
        touched = make_row("a", source_mtime=MOMENT.replace(hour=1), run="run-2")
        assert catalogue.commit(table_of(touched), run="run-2") == 0

    def test_what_failed_is_replaced_by_a_later_try(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a", None, reason="bad")), run="run-1")
        assert catalogue.commit(table_of(make_row("a", None, reason="worse", run="run-2")), run="run-2") == 1
        assert held(catalogue)[0].reason == "worse"
        assert catalogue.commit(table_of(make_row("a", run="run-3")), run="run-3") == 1
        assert held(catalogue)[0].status == "coded"

    def test_what_failed_never_replaces_what_is_stored(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a"), make_row("b", status="kept")), run="run-1")
        failed = [make_row(key, None, source_etag=None, source_size=1, run="run-2") for key in "ab"]
        assert catalogue.commit(table_of(*failed), run="run-2") == 0
        assert [row.status for row in held(catalogue)] == ["coded", "kept"]

    def test_rows_of_lost_shards_are_replaced_whatever_comes(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        lost_shard, whole = (
            "shards/run-1/000000-00000000000000ff.parquet",
            "shards/run-1/000001-00000000000000ee.parquet",
        )
        catalogue.commit(table_of(make_row("a"), make_row("b"), shard=lost_shard), run="run-1")
        catalogue.commit(table_of(make_row("c"), shard=whole), run="run-1")
        again = table_of(
            make_row("a", b"again", run="run-2"),
            make_row("b", None, run="run-2"),
            make_row("c", None, run="run-2"),
        )
        assert catalogue.commit(again, run="run-2") == 0, "the same versions, or failures"
        assert (
            catalogue.commit(again, run="run-2", lost_shards=[lost_shard, "shards/run-0/others.parquet"]) == 2
        )
        assert [(row.key, row.status, row.run) for row in held(catalogue)] == [
            ("a", "coded", "run-2"),
            ("b", "failed", "run-2"),
            ("c", "coded", "run-1"),
        ]
        assert catalogue.commit(again, run="run-2", lost_shards=[lost_shard]) == 0, (
            "a second time nothing is left to replace"
        )

    def test_a_key_twice_is_refused(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        with pytest.raises(ValueError, match="got 'a' again"):
            catalogue.commit(
                pa.concat_tables([table_of(make_row("a")), table_of(make_row("a"))]), run="run-1"
            )
        assert catalogue.version() == 0

    def test_nothing_is_committed_for_no_rows(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        assert catalogue.commit(CATALOGUE_SCHEMA.empty_table(), run="run-1") == 0
        assert catalogue.version() == 0

    def test_run_and_info_are_in_the_history(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a")), run="run-7", info={"units": "3"})
        entry = DeltaTable(str(tmp_path / "catalogue")).history(1)[0]
        assert (entry["tenfold.run"], entry["units"]) == ("run-7", "3")

    def test_new_keys_leave_the_old_files_alone(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        for start in range(3):
            catalogue.commit(table_of(*(make_row(f"{n:03d}") for n in range(start, 300, 3))), run="run-1")
        last = max((tmp_path / "catalogue/_delta_log").glob("*.json")).read_text()
        actions = [next(iter(json.loads(line))) for line in last.splitlines()]
        assert "remove" not in actions
        assert actions.count("add") == 1

    def test_earlier_versions_stay_readable(self, tmp_path: Path) -> None:
        catalogue = opened(tmp_path)
        catalogue.commit(table_of(make_row("a"), make_row("b")), run="run-1")
        catalogue.commit(table_of(make_row("a", b"new", source_etag="etag-2", run="run-2")), run="run-2")
        before = pl.read_delta(str(tmp_path / "catalogue"), version=1).sort("key")
        assert before["run"].to_list() == ["run-1", "run-1"]

    def test_columns_that_an_older_catalogue_lacks_are_added(self, tmp_path: Path) -> None:
        older = CATALOGUE_SCHEMA.remove(CATALOGUE_SCHEMA.get_field_index("xmp_offset"))
        DeltaTable.create(
            str(tmp_path / "catalogue"),
            older,
            configuration={"tenfold.format": "1"},
            raise_if_key_not_exists=False,
        )
        catalogue = Catalogue(Storage(str(tmp_path)))
        assert catalogue.table(["xmp_offset", "key"]).num_rows == 0
        row = make_row("a", xmp=b"x")
        assert catalogue.commit(table_of(row), run="run-1") == 1
        assert held(catalogue)[0].xmp_offset is not None
        opened = DeltaTable(str(tmp_path / "catalogue"))
        assert opened.metadata().configuration["tenfold.format"] == "2", "older releases would misread it"


class TestRace:
    def test_four_drivers_with_the_same_rows(self, tmp_path: Path) -> None:
        opened(tmp_path)
        together = Barrier(4)

        def drive(number: int) -> int:
            catalogue = Catalogue(Storage(str(tmp_path)))
            added = 0
            together.wait()
            for part in range(3):
                rows = [make_row(f"{part}-{n:02d}", bytes([number])) for n in range(20)]
                added += catalogue.commit(table_of(*rows), run="run-1")
            return added

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(drive, range(4))) == 60
        keys = Catalogue(Storage(str(tmp_path))).table(["key"])["key"].to_pylist()
        assert keys == sorted(f"{part}-{n:02d}" for part in range(3) for n in range(20))

    def test_two_processes_with_rows_of_their_own(self, tmp_path: Path) -> None:
        opened(tmp_path)
        with get_context("spawn").Pool(2) as pool:
            added = pool.starmap(_drive_alone, [(str(tmp_path), number) for number in range(2)])
        assert added == [40] * 2
        assert Catalogue(Storage(str(tmp_path))).count() == 80

    def test_giving_up_says_why(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        catalogue = opened(tmp_path)
        monkeypatch.setattr(pipeline.archive.commits, "ATTEMPTS", 2)
        monkeypatch.setattr(pipeline.archive.commits, "_LONGEST_PAUSE_S", 0.0)

        def always_late(*_: object, **__: object) -> None:
            raise CommitFailedError("another writer")

        monkeypatch.setattr(DeltaCatalogueTable, "replace", always_late)
        with pytest.raises(ArchiveError, match="got 2 conflicts with other writers"):
            catalogue.commit(table_of(make_row("a")), run="run-1")


def _drive_alone(url: str, number: int) -> int:
    catalogue = Catalogue(Storage(url))
    return sum(
        catalogue.commit(table_of(*(make_row(f"{n:03d}-{number}") for n in range(part, 40, 4))), run="run-1")
        for part in range(4)
    )


class TestOnS3:
    def test_the_whole_road(self, s3_env: S3Server) -> None:
        url = f"s3://{s3_env.bucket()}/some/archive"
        assert not Catalogue(Storage(url)).exists()
        catalogue = opened(url)
        assert catalogue.commit(table_of(make_row("a"), make_row("it's")), run="run-1") == 2
        assert catalogue.commit(table_of(make_row("a", source_etag="x", run="run-2")), run="run-2") == 1
        assert [row.run for row in Catalogue(Storage(url)).lookup(["a", "it's"])] == ["run-2", "run-1"]

    def test_four_drivers_at_once(self, s3_env: S3Server) -> None:
        url = f"s3://{s3_env.bucket()}/archive"
        together = Barrier(4)

        def drive(number: int) -> int:
            together.wait()
            catalogue = opened(url)
            shared = catalogue.commit(table_of(*(make_row(f"{n:02d}") for n in range(20))), run="run-1")
            return shared + catalogue.commit(table_of(make_row(f"own {number}")), run="run-1")

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(drive, range(4))) == 24
        assert opened(url).count() == 24

    def test_wrong_secret_is_an_error_that_does_not_show_it(
        self, s3_env: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = f"s3://{s3_env.bucket()}/archive"
        secret = "not-the-right-secret-0123456789"
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        with pytest.raises(StorageError, match="SignatureDoesNotMatch") as caught:
            Catalogue(Storage(url)).count()
        assert secret not in str(caught.value)
        assert s3_env.access_key not in str(caught.value)
        assert url in str(caught.value)

    def test_no_server(self, s3_env: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
        patient = delta_options  # ten attempts: too long for a test
        monkeypatch.setattr(
            pipeline.archive.delta_table,
            "delta_options",
            lambda storage: {**patient(storage), "max_retries": "1"},
        )
        down = Storage("s3://bucket/archive", StorageOptions(endpoint_url="http://127.0.0.1:9"))
        with pytest.raises(StorageError, match="s3://bucket/archive"):
            Catalogue(down).count()

    def test_no_bucket(self, s3_env: S3Server) -> None:
        with pytest.raises((StorageError, NoArchiveError), match="s3://no-such-bucket/archive"):
            Catalogue(Storage("s3://no-such-bucket/archive")).count()


def test_schema_has_no_unsigned_and_keys_are_required() -> None:
    assert not CATALOGUE_SCHEMA.field("key").nullable
    assert CATALOGUE_SCHEMA.field("payload_offset").nullable
    assert not [field for field in CATALOGUE_SCHEMA if pa.types.is_unsigned_integer(field.type)]
    assert replace(rows_of(table_of(make_row("a")), CatalogueRow)[0], key="b").key == "b"
