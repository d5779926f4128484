"""Two archives side by side: only images of the same source file count, and the most different come first."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.report import (
    Sampling,
    catalogue_report,
    compare_archives,
    differences_parquet,
    report_html,
    report_json,
    report_markdown,
)
from tests.support.report_rows import CODED, FAILED, HOSTILE, committed
from tests.support.shard_rows import make_row


def test_totals_and_the_most_different(tmp_path: Path) -> None:
    here = [
        make_row(HOSTILE, b"1234", **CODED, psnr_db=40.0),
        make_row("b.png", b"12345678", **CODED, psnr_db=33.0),
        make_row("changed.png", b"1", **CODED, psnr_db=30.0),
        make_row("only-here.png", b"1", **CODED, psnr_db=30.0),
        make_row("failed.png", None, **FAILED),
    ]
    there = [
        make_row(HOSTILE, b"12", **CODED, psnr_db=35.0),
        make_row("b.png", b"1234", **CODED, psnr_db=34.0),
        make_row("changed.png", b"1", **CODED, psnr_db=30.0, source_sha256="1" * 64),
        make_row("failed.png", b"21", **CODED, psnr_db=20.0),
    ]
    storage, this = committed(tmp_path / "this", here)
    _, other = committed(tmp_path / "other", there)
    diff = compare_archives(this, other, other_archive="s3://other/<b>")
    assert (diff.images, diff.changed) == (3, 1)
    assert (diff.this.payload_bytes, diff.other.payload_bytes) == (12, 8)
    assert (diff.this.failed, diff.other.failed) == (1, 0)
    assert [(one.key, one.psnr_difference_db, one.bytes_ratio) for one in diff.differing] == [
        (HOSTILE, 5.0, 2.0),
        ("b.png", -1.0, 2.0),
    ]
    gains = diff.psnr_difference_db.percentiles()
    assert (gains[0], gains[100]) == (-1.0, 5.0)

    made = replace(catalogue_report(storage, this, sampling=Sampling(count=0)), diff=diff)
    assert report_json(made)["beside"]["differing"][0]["key"] == HOSTILE
    for text in (report_markdown(made), report_html(made).decode()):
        assert "2.00x" in text
        assert "+5.00" in text
        assert "<img src=x" not in text
        assert "s3://other/<b>" not in text

    table = pq.read_table(io.BytesIO(differences_parquet(this, other)))
    found = {row["key"]: row for row in table.to_pylist()}
    assert found.keys() == {HOSTILE, "b.png", "changed.png", "failed.png"}
    assert found["b.png"]["psnr_difference_db"] == pytest.approx(-1.0)
    assert not found["changed.png"]["same_source"]


def test_archives_with_nothing_in_common(tmp_path: Path) -> None:
    storage, this = committed(tmp_path / "this", [make_row("a.png", **CODED)])
    _, other = committed(tmp_path / "other", [make_row("b.png", **CODED)])
    diff = compare_archives(this, other, other_archive="other")
    assert (diff.images, diff.changed, diff.differing) == (0, 0, [])
    made = replace(catalogue_report(storage, this, sampling=Sampling(count=0)), diff=diff)
    assert "None of them is coded in both" in report_markdown(made)
    assert report_html(made)
    assert pq.read_table(io.BytesIO(differences_parquet(this, other))).num_rows == 0
