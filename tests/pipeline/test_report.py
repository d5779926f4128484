"""The report: folded from catalogue rows alone, the same numbers in every form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.catalogue import Catalogue
from pipeline.errors import ArchiveError, NoArchiveError
from pipeline.report import Report, make_report, report_json, report_markdown, verdict
from pipeline.shards import build_shard, publish
from pipeline.storage import Storage
from pipeline.totals import Totals
from pipeline.types import ShardRow
from tests.pipeline.shard_rows import make_row

_UNKNOWN = ("codec", "quality", "psnr_db", "width", "height", "bpp", "zip_bytes")
CODED: dict[str, Any] = {
    "status": "coded",
    "codec": "ae-zfp-1",
    "bpp": 1.0,
    "width": 8,
    "height": 8,
    "zip_bytes": 100,
}
FAILED: dict[str, Any] = {"status": "failed", "reason": "gone", **dict.fromkeys(_UNKNOWN)}
KEPT: dict[str, Any] = {
    "status": "kept",
    "codec": None,
    "quality": None,
    "psnr_db": None,
    "width": 8,
    "height": 8,
}


def reported(folder: Path, rows: Sequence[ShardRow]) -> Report:
    storage = Storage(folder)
    catalogue = Catalogue(storage)
    catalogue.create()
    shard = build_shard(rows, metadata={})
    catalogue.commit(shard.named(publish(storage, shard, "r", 0)), run="r")
    return make_report(catalogue, url=storage.url)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    rows = [
        make_row("good|pipe.png", **CODED, psnr_db=44.0, quality=60),
        make_row("bad.png", **CODED, psnr_db=21.5, quality=3),
        make_row("kept.gif", **KEPT, reason="coded form (10 bytes) is not smaller than the source (9 bytes)"),
        make_row(
            "kept2.gif", **KEPT, reason="coded form (12 bytes) is not smaller than the source (3 bytes)"
        ),
        make_row("no.png", None, **FAILED),
    ]
    return reported(tmp_path, rows)


def test_counts_and_the_worst_first(report: Report) -> None:
    assert (report.totals.images, report.totals.coded, report.totals.kept, report.totals.failed) == (
        5,
        2,
        2,
        1,
    )
    assert [one.key for one in report.worst] == ["bad.png", "good|pipe.png"]
    assert report.psnr_percentiles[0] == 21.5
    assert report.psnr_percentiles[100] == 44.0
    assert [group.name for group in report.groups][-1] == "kept"
    assert len(report.groups) == 3


def test_reasons_that_differ_in_numbers_count_together(report: Report) -> None:
    assert ("kept", "coded form is not smaller than the source", 2) in report.reasons


def test_every_form_says_the_same(report: Report) -> None:
    plain = json.loads(json.dumps(report_json(report), allow_nan=False))
    assert plain["all"]["payload_bytes"] == report.totals.payload_bytes
    markdown = report_markdown(report)
    assert f"{report.totals.payload_bytes:,}" in markdown
    assert "good\\|pipe.png" in markdown
    assert "| failed |" in markdown


def test_an_empty_archive_and_none_at_all(tmp_path: Path) -> None:
    catalogue = Catalogue(Storage(tmp_path / "a"))
    catalogue.create()
    with pytest.raises(ArchiveError, match="Expected images in the archive"):
        make_report(catalogue, url="a")
    with pytest.raises(NoArchiveError, match="Expected a Tenfold archive"):
        make_report(Catalogue(Storage(tmp_path / "b")), url="b")


def test_an_archive_of_failures_alone(tmp_path: Path) -> None:
    report = reported(tmp_path, [make_row("a.png", None, **FAILED)])
    assert report.totals.failed == 1
    assert "no image's pixels were decoded" in report_markdown(report)


def test_the_verdict_is_honest() -> None:
    lossy = Totals(pixels=1000, payload_bytes=300, zip_bytes=1500, zipped_pixels=1000, source_bytes=200)
    assert verdict(lossy).startswith(
        "Zip makes these pixels 2.00x smaller, this archive 10.0x: 5.0 times zip."
    )
    assert "larger than the source files (0.67x)" in verdict(lossy)
