"""What is gone from a source, and how much of it may be dropped at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.compress.comparison import HELD_COLUMNS, ListingComparison
from pipeline.compress.delete_policy import missing_from_source, parse_policy
from pipeline.errors import ConfigError, SourceError
from pipeline.source.options import SourceOptions
from pipeline.source.parse import parse_source

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("keep", 0.0),
        ("drop", 0.5),
        ("fail-if-over 5%", 0.05),
        ("fail-if-over  12.5 %", 0.125),
        ("fail-if-over 100%", 1.0),
        ("fail-if-over 0%", 0.0),
    ],
)
def test_policies(text: str, most: float) -> None:
    assert parse_policy(text).most == pytest.approx(most)


@pytest.mark.parametrize(
    "text", ["", "Drop", "fail-if-over 5", "fail-if-over 101%", "fail-if-over -1%", "delete"]
)
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected keep, drop or a limit such as 'fail-if-over 5%'"):
        parse_policy(text)


@pytest.mark.parametrize(
    ("policy", "gone", "archived", "refused"),
    [
        ("drop", 5, 10, False),
        ("drop", 6, 10, True),
        ("fail-if-over 5%", 5, 100, False),
        ("fail-if-over 5%", 6, 100, True),
        ("fail-if-over 0%", 0, 100, False),
        ("fail-if-over 0%", 1, 100, True),
        ("fail-if-over 100%", 100, 100, False),
        ("drop", 0, 0, False),
    ],
)
def test_limits(policy: str, gone: int, archived: int, refused: bool) -> None:
    refusal = parse_policy(policy).refusal(gone=gone, archived=archived)
    assert (refusal is not None) is refused
    if refusal is not None:
        assert f"got {gone:,} (" in refusal
        assert "nothing was dropped" in refusal


@pytest.mark.parametrize(
    ("source", "url", "covered"),
    [
        ("/photos", "/photos/a.jpg", True),
        ("/photos", "/photos/deep/down/a.jpg", True),
        ("/photos", "/photos2/a.jpg", False),
        ("/photos", "/other/a.jpg", False),
        ("/photos", "/photos", False),
        ("/photos", "/photos/archive/a.jpg", False),
        ("/photos", "file:///photos/caf%E9.jpg", True),
        ("/photos/*.jpg", "/photos/a.jpg", True),
        ("/photos/*.jpg", "/photos/a.png", False),
        ("/photos/*.jpg", "/photos/deep/a.jpg", False),
        ("/photos/**/*.jpg", "/photos/deep/a.jpg", True),
        ("s3://b/photos", "s3://b/photos/a.jpg", True),
        ("s3://b/photos", "s3://b/photos2/a.jpg", False),
        ("s3://b/photos", "/photos/a.jpg", False),
        ("/photos/a.jpg", "/photos/a.jpg", False),
    ],
)
def test_which_images_a_source_would_list(source: str, url: str, covered: bool) -> None:
    assert parse_source(source, exclude="/photos/archive").coverage()(url) is covered


@pytest.mark.parametrize("name", ["list.txt", "manifest.parquet"])
def test_lists_do_not_tell_what_is_gone(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=f"got .*{name}: a list does not say .* Use --deletes keep"):
        parse_source(str(tmp_path / name)).coverage()


def test_an_inventory_tells_what_is_gone_and_not_what_came_later(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "all.csv").write_text(
        f"url,size,mtime\n{photos}/a.jpg,1,2026-01-02T12:00:00Z\n/other/x.jpg,1,\n"
    )
    names = ("a.jpg", "gone.jpg", "later.jpg", "untimed.jpg")
    urls = [*(f"{photos}/{name}" for name in names), f"{photos}2/x.jpg"]
    held = pa.record_batch(
        {
            "key": [*names, "x.jpg"],
            "source_url": urls,
            "source_size": [1, 2, 4, 8, 16],
            "source_etag": pa.nulls(5, pa.string()),
            "source_mtime": [NOON, NOON, NOON + timedelta(seconds=1), None, NOON],
            "shard": ["shards/1"] * 5,
            "row": [0, 1, 2, 3, 4],
            "status": ["coded"] * 5,
        },
        schema=pa.schema([CATALOGUE_SCHEMA.field(name) for name in HELD_COLUMNS]),
    )
    source = parse_source(str(photos), take=SourceOptions(inventory=str(tmp_path / "all.csv")))
    comparison = ListingComparison(source.batches(), lambda: [held])
    assert [compared.count("unchanged") for compared in comparison.compared()] == [1]
    missing = missing_from_source(source, comparison)
    assert missing.rows.to_pylist() == [
        {"key": "gone.jpg", "shard": "shards/1", "row": 1},
        {"key": "untimed.jpg", "shard": "shards/1", "row": 3},
    ]
    assert (missing.archived, missing.source_bytes) == (3, 10)
