"""Inventories: the names below a source from a table, in the layouts of S3 Inventory and of our manifests."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError
from pipeline.source import inventory
from pipeline.source.options import SourceOptions
from pipeline.source.parse import parse_source
from pipeline.source.source import Source
from pipeline.store.range_file import open_object
from pipeline.store.storage import Storage

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("b c.jpg", "a/1.jpg", "note.txt", "gone/later.jpg"):
        Storage(folder).write(name, name.encode())
    return folder


def source_of(text: str | Path, table: Path, **take: Any) -> Source:
    return parse_source(str(text), take=SourceOptions(inventory=str(table), **take))


def test_a_table_of_urls_stands_for_the_listing(photos: Path, tmp_path: Path) -> None:
    urls = [f"{photos}/{name}" for name in ("b c.jpg", "a/1.jpg", "note.txt")] + [f"{photos}2/x.jpg"]
    columns = {"url": urls, "size": [7, 7, 8, 1], "etag": [None, '"e1"', None, None], "label": [1, 2, 3, 4]}
    pq.write_table(pa.table({**columns, "mtime": [NOON] * 4}), tmp_path / "all.parquet")
    source = source_of(photos, tmp_path / "all.parquet")
    images = list(source.images())
    assert [(one.key, one.url, one.size, one.etag, one.mtime) for one in images] == [
        ("b c.jpg", urls[0], 7, None, NOON),
        ("a/1.jpg", urls[1], 7, "e1", NOON),
    ]
    assert [source.read(one).decode() for one in images] == ["b c.jpg", "a/1.jpg"]
    assert (source.notes.skipped, source.listed_until) == (1, NOON)
    assert source.coverage()(f"{photos}/gone/later.jpg"), "what it does not name is gone"
    assert [one.key for one in source_of(f"{photos}/*/*.jpg", tmp_path / "all.parquet").images()] == [
        "a/1.jpg"
    ]


@pytest.mark.parametrize("between", [0, 5000], ids=["one after the other", "far apart"])
def test_a_table_that_names_older_versions_too_is_refused(photos: Path, tmp_path: Path, between: int) -> None:
    names = ["b c.jpg", *(f"{number}.jpg" for number in range(between)), "b c.jpg"]
    urls = [f"{photos}/{name}" for name in names]
    pq.write_table(pa.table({"url": urls, "size": [7] * len(urls)}), tmp_path / "all.parquet")
    message = "Expected each key once in .*all.parquet, got 'b c.jpg' again; an inventory may name no older"
    with pytest.raises(SourceError, match=message):
        list(source_of(photos, tmp_path / "all.parquet").images())


_ROWS = [
    ("photos/a%2B+b.jpg", "12", "2026-01-02T12:00:00.000Z", "e1", "true", "false"),
    ("photos/c%C3%BC.jpg", "13", "2026-01-01T12:00:00.000Z", "e2", "true", "false"),
    ("photos/001", "14", "2026-01-01T12:00:00.000Z", "e3", "true", "false"),
    ("photos/old.jpg", "15", "2026-01-01T12:00:00.000Z", "e4", "false", "false"),
    ("photos/deleted.jpg", "", "2026-01-01T12:00:00.000Z", "", "true", "true"),
    ("photos/folder/", "0", "2026-01-01T12:00:00.000Z", "e5", "true", "false"),
    ("other/x.jpg", "1", "2026-01-01T12:00:00.000Z", "e6", "true", "false"),
]
_WANTED = [("a+ b.jpg", 12, "e1"), ("cü.jpg", 13, "e2"), ("001", 14, "e3")]


def found(source: Source) -> list[tuple[str, int | None, str | None]]:
    return [(one.key, one.size, one.etag) for one in source.images()]


def test_what_s3_writes_as_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f'"b","{row[0]}",' + ",".join(f'"{fact}"' for fact in row[1:]) + "\n" for row in _ROWS)
    (tmp_path / "1.csv.gz").write_bytes(gzip.compress(text.encode()))
    manifest = {
        "sourceBucket": "b",
        "destinationBucket": "arn:aws:s3:::inventories",
        "creationTimestamp": str(int(NOON.timestamp() * 1000)),
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, LastModifiedDate, ETag, IsLatest, IsDeleteMarker",
        "files": [{"key": "data/1.csv.gz"}],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    asked: list[str] = []
    opened = open_object

    def open_here(url: str, *how: Any) -> Any:
        asked.append(url)
        return opened(str(tmp_path / url.rpartition("/")[2]), *how)

    monkeypatch.setattr("pipeline.source.inventory.open_object", open_here)
    listing = inventory.Inventory(str(tmp_path / "manifest.json"), Storage(tmp_path).options)
    pages = list(listing.pages("s3://b/photos", lambda _: True))
    assert [row for page in pages for row in zip(page.paths, page.sizes, page.etags, strict=True)] == _WANTED
    assert asked == ["s3://inventories/data/1.csv.gz"]
    assert listing.until == NOON


def test_a_csv_with_a_line_of_names(tmp_path: Path) -> None:
    text = "key,bucket,size,last_modified_date,e_tag\n" + "photos/001.jpg,b,12,2026-01-02T12:00:00Z,NA\n"
    (tmp_path / "all.csv").write_text(text)
    source = source_of("s3://b/photos", tmp_path / "all.csv", limit=1)
    listing = inventory.Inventory(str(tmp_path / "all.csv"), source.config.storage)
    (page,) = listing.pages("s3://b/photos", lambda _: True)
    assert (page.paths, page.sizes, page.etags, listing.until) == (["001.jpg"], [12], ["NA"], NOON)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.parquet", None, "Expected a file, got none at .*none.parquet for the inventory"),
        (
            "x.csv",
            b"path,size\na,1\n",
            "Expected a column `url`, or `bucket` and `key`, got size for the inventory",
        ),
        ("x.csv", b"url,mtime\n/p/a.jpg,\n", "Expected columns size, got url, mtime for the inventory"),
        ("x.csv", b"url,size\n/p/a.jpg,big\n", "Expected sizes as numbers and times as times, got"),
        ("x.parquet", b"url\n", "Expected Parquet, or CSV, got .* for the inventory"),
        ("manifest.json", b"{}", "Expected the manifest.json of an S3 Inventory, got another text"),
        ("x.orc", b"", r"Expected files that end in \.parquet, \.csv or \.csv\.gz, got"),
    ],
)
def test_what_is_no_inventory(
    tmp_path: Path, photos: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        list(source_of(photos, tmp_path / name).images())


@pytest.mark.parametrize("text", ["@list", "list.txt", "manifest.parquet"])
def test_a_list_needs_no_inventory(text: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a folder, prefix or glob as SRC beside an inventory, got"):
        source_of(text, tmp_path / "all.parquet")
