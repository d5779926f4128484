"""All rows of a catalogue, of files that are read whole: what SQL gives, for one request a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.archive import proven_files, whole_files
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.lost_reason import lost_reason
from pipeline.archive.seals import seal
from pipeline.bench.counting_proxy import CountingProxy
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage
from tests.support.catalogues import opened, table_of
from tests.support.seaweed import S3Server
from tests.support.shard_rows import make_row

LATER = datetime(2026, 4, 1, tzinfo=UTC)
FILES = (["d", "é"], ["a", "b"], ["a/0", "c"], ["z"])


def sealed(url: Path | str) -> Catalogue:
    catalogue = opened(url)
    for keys in FILES:
        catalogue.commit(table_of(*map(make_row, keys)), run="run-1")
    seal(Storage(str(url)), catalogue.version())
    return catalogue


@pytest.mark.parametrize("columns", [None, ["shard", "key"], ["lost_shard"]], ids=str)
def test_they_are_the_rows_that_sql_gives(columns: list[str] | None, tmp_path: Path) -> None:
    catalogue = sealed(tmp_path)
    lost = make_row("lost", status="failed", payload=None, reason=lost_reason("gone", "shards/x.parquet"))
    catalogue.commit(table_of(lost), run="run-1")
    by_key = list(catalogue.in_key_order(columns))
    assert pa.Table.from_batches(by_key).equals(catalogue.table(columns, where="true"))
    scanned = [pa.Table.from_batches(catalogue.scan(columns, where=where)) for where in (None, "true")]
    assert scanned[0].schema == scanned[1].schema
    one, other = (sorted(map(str, rows.to_pylist())) for rows in scanned)
    assert one == other


def test_each_file_is_one_request(s3_env: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"s3://{s3_env.bucket()}/archive"
    sealed(url)
    monkeypatch.setattr(proven_files, "_proven", {})
    proxy = CountingProxy(s3_env.endpoint)
    with proxy.serving() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        catalogue = Catalogue(Storage(url))
        catalogue.files()
        before = proxy.traffic()
        assert sum(map(len, catalogue.in_key_order())) == 7
        assert proxy.traffic().since(before).by_verb == {"GET": len(FILES)}
        before = proxy.traffic()
        assert catalogue.lookup(["z"])
        assert "HEAD" not in proxy.traffic().since(before).by_verb, "it is known to be what was written"


def test_a_flipped_byte_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed(tmp_path)
    monkeypatch.setattr(proven_files, "_proven", {})
    last = max(tmp_path.glob("catalogue/*.parquet"))
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 1
    last.write_bytes(data)
    with pytest.raises(DamagedError, match="as its seal says"):
        list(Catalogue(Storage(str(tmp_path))).in_key_order(["key"]))


def test_what_is_cut_off_on_the_way_is_read_again_where_no_seal_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = opened(tmp_path)
    catalogue.commit(table_of(make_row("a"), make_row("b")), run="run-1")
    rows, read, cut = catalogue.table(), Storage.read, set[str]()

    def unsteady(storage: Storage, path: str) -> bytes:
        data = read(storage, path)
        is_first = path.endswith(".parquet") and path not in cut
        cut.add(path)
        return data[: len(data) // 2] if is_first else data

    monkeypatch.setattr(Storage, "read", unsteady)
    for _ in range(2):
        assert catalogue.table().equals(rows)
        assert (
            catalogue.commit(table_of(make_row("a", source_etag="new", encoded_at=LATER)), run="run-2") <= 1
        )
        assert pa.Table.from_batches(catalogue.in_key_order())[1:].equals(rows[1:])
        rows = catalogue.table()
        cut.clear()


def test_large_files_of_older_releases_are_not_held_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = sealed(tmp_path)
    monkeypatch.setattr(whole_files, "_LARGEST", 100)
    monkeypatch.setattr(whole_files, "_contents", pytest.fail)
    assert len(catalogue.table(["key"])) == sum(map(len, catalogue.scan(["key"]))) == 7
