"""The report: folded from catalogue rows in one pass, the same numbers in every form."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.errors import ArchiveError, NoArchiveError
from pipeline.report import (
    PAGE_BYTES,
    Report,
    Sampling,
    catalogue_report,
    images_parquet,
    report_html,
    report_json,
    report_markdown,
    verdict,
)
from pipeline.report.aggregate import SHOWN_DRAWN, SHOWN_WORST
from pipeline.report.comparison.crops import picture
from pipeline.report.comparison.results import comparison_results
from pipeline.report.page.data import table_rows
from pipeline.store.storage import Storage
from pipeline.totals import STATUSES, Totals
from pipeline.types import ShardRow
from tests.support.comparisons import made_up_contest
from tests.support.report_rows import CODED, FAILED, HOSTILE, KEPT, committed
from tests.support.shard_rows import make_row


def reported(folder: Path, rows: Sequence[ShardRow], sampling: Sampling = Sampling(count=0)) -> Report:  # noqa: B008
    storage, catalogue = committed(folder, rows)
    return catalogue_report(storage, catalogue, sampling=sampling)


ROWS = [
    make_row("good|pipe.png", **CODED, psnr_db=44.0, quality=60),
    make_row("bad.png", **CODED, psnr_db=21.5, quality=3),
    make_row("kept.gif", **KEPT, reason="coded form (10 bytes) is not smaller than the source (9 bytes)"),
    make_row("kept2.gif", **KEPT, reason="coded form (12 bytes) is not smaller than the source (3 bytes)"),
    make_row("no.png", None, **FAILED),
]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return reported(tmp_path, ROWS)


def test_counts_and_the_worst_first(report: Report) -> None:
    totals = report.aggregate.totals
    assert (totals.images, totals.coded, totals.kept, totals.failed) == (5, 2, 2, 1)
    assert [one.key for one in report.aggregate.worst] == ["bad.png", "good|pipe.png"]
    psnr = report.aggregate.histograms["psnr_db"].percentiles()
    assert (psnr[0], psnr[100]) == (21.5, 44.0)


def test_every_axis_adds_up_to_all(report: Report) -> None:
    groups = report.aggregate.groups
    for axis in ("status", "size"):
        assert sum((group.totals for group in groups[axis]), Totals()) == report.aggregate.totals, axis
    by_format = {group.name: (group.totals.images, group.totals.payload_bytes) for group in groups["format"]}
    shared = report.aggregate.totals.payload_bytes
    assert by_format == {"GIF": (2, shared), "JPEG": (2, shared), "unknown": (1, 0)}, (
        "a payload that both have"
    )
    assert [group.name for group in groups["codec_quality"]] == ["ae-zfp-1 q3", "ae-zfp-1 q60", "kept"]
    assert [group.name for group in groups["size"]] == ["under 0.25 megapixels", "size unknown"]


def test_size_classes_by_their_edges(tmp_path: Path) -> None:
    sides = {"a": (499, 500), "b": (500, 500), "c": (1000, 1000), "d": (4000, 1000), "e": (4000, 4000)}
    rows = [
        make_row(key, **{**CODED, "width": width, "height": height}) for key, (width, height) in sides.items()
    ]
    assert [group.name for group in reported(tmp_path, rows).aggregate.groups["size"]] == [
        "under 0.25 megapixels",
        "0.25 to 1 megapixels",
        "1 to 4 megapixels",
        "4 to 16 megapixels",
        "16 megapixels and more",
    ]


def test_reasons_that_differ_in_numbers_count_together(report: Report) -> None:
    assert ("kept", "coded form is not smaller than the source", 2) in report.aggregate.reasons


def test_every_form_says_the_same(report: Report) -> None:
    plain = json.loads(json.dumps(report_json(report), allow_nan=False))
    assert plain["all"]["payload_bytes"] == report.aggregate.totals.payload_bytes
    markdown, page = report_markdown(report), report_html(report).decode()
    assert f"{report.aggregate.totals.payload_bytes:,}" in markdown
    assert f"{report.aggregate.totals.payload_bytes:,}" in page
    assert "good\\|pipe.png" in markdown
    assert "| failed |" in markdown


def test_images_that_lose_nothing_are_stored_images_too(tmp_path: Path) -> None:
    drawing = {**KEPT, "status": "lossless", "reason": "palette of 4 colours", "packing": "jxl"}
    storage, catalogue = committed(tmp_path, [*ROWS[:2], make_row("drawing.gif", **drawing)])
    made = catalogue_report(storage, catalogue, sampling=Sampling())
    counts = report_json(made)["all"]
    assert sum(counts[status] for status in STATUSES) == counts["images"] == 3
    comparison = made_up_contest(catalogue, shown=[])
    page = report_html(replace(made, comparison=comparison, results=comparison_results(comparison)))
    assert b" of the 3 stored images, drawn" in page


def test_the_price_is_the_users(tmp_path: Path) -> None:
    storage, catalogue = committed(tmp_path, ROWS)
    made = catalogue_report(storage, catalogue, sampling=Sampling(count=0), usd_per_gb_month=1e9)
    said = report_json(made)["storage"]
    on_disk = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert said["archive_bytes"] == on_disk == pytest.approx(said["archive_usd_per_month"])
    assert said["archive_bytes_by_folder"].keys() == {"catalogue", "shards"}


def test_hostile_keys_are_text_in_every_form(tmp_path: Path) -> None:
    rows = [
        make_row(HOSTILE, **CODED, psnr_db=20.0),
        make_row("no.png", None, **{**FAILED, "reason": HOSTILE}),
    ]
    made = reported(tmp_path, rows)
    page = report_html(made).decode()
    assert "<img src=x" not in page
    assert page.count("</script>") == page.count("<script")
    assert "<img src=x" not in report_markdown(made)
    assert report_json(made)["worst"][0]["key"] == HOSTILE


def test_the_page_stays_small_whatever_the_archive(tmp_path: Path) -> None:
    rows = [
        make_row(f"{number:05d}" + "<long/>" * 60, **CODED, psnr_db=20 + number % 97 / 10)
        for number in range(4000)
    ]
    storage, catalogue = committed(tmp_path, rows)
    made = catalogue_report(storage, catalogue, sampling=Sampling(count=3))
    assert len(made.aggregate.drawn) == 3
    assert SHOWN_DRAWN <= len(made.aggregate.shown) <= SHOWN_DRAWN + SHOWN_WORST
    comparison = made_up_contest(catalogue, shown=[])
    noise = np.random.default_rng(0).integers(0, 255, (700, 1000, 3), np.uint8)
    shown = picture(noise, noise[::-1].copy(), orientation=None)
    comparison.pictures = dict.fromkeys([*made.worst_pictured, *made.median_pictured], shown)
    assert len(comparison.pictures) == 9
    page = report_html(replace(made, comparison=comparison, results=comparison_results(comparison)))
    assert len(page) < PAGE_BYTES
    assert "of 4,000 images: those of lowest PSNR, and others drawn by chance" in page.decode()


def test_a_piece_of_a_large_image_is_where_it_is_worst() -> None:
    original = np.full((1500, 2000, 3), 90, np.uint8)
    decoded = original.copy()
    decoded[1300:1400, 1700:1800] = 120
    shown = picture(original, decoded, orientation=6)
    assert (shown.width, shown.height, shown.is_whole) == (
        576,
        768,
        False,
    )  # turned as it is meant to be seen
    assert shown.left <= 1700
    assert shown.left + 768 >= 1800
    assert shown.top <= 1300
    assert shown.top + 576 >= 1400


def test_images_parquet_has_a_row_an_image(report: Report, tmp_path: Path) -> None:
    table = pq.read_table(io.BytesIO(images_parquet(Catalogue(Storage(tmp_path)), report.comparison)))
    rows = {row["key"]: row for row in table.to_pylist()}
    assert rows.keys() == {row.key for row in ROWS}
    assert rows["bad.png"]["ratio_vs_raw"] == pytest.approx(3 * 64 / len(b"payload"))
    assert rows["no.png"]["ratio_vs_raw"] is None
    assert rows["bad.png"]["psnr_db"] == 21.5


def test_one_that_was_never_decoded_counts_as_its_file_everywhere(tmp_path: Path) -> None:
    rows = [make_row("film.gif", **{**KEPT, "zip_bytes": None}, source_size=21)]
    made = reported(tmp_path, rows)
    (row,) = pq.read_table(io.BytesIO(images_parquet(Catalogue(Storage(tmp_path)), None))).to_pylist()
    assert row["ratio_vs_raw"] == made.aggregate.totals.ratio_vs_raw == table_rows(made)[0][-1] == 3.0
    assert row["zip_ratio_vs_raw"] is None


def test_an_empty_archive_and_none_at_all(tmp_path: Path) -> None:
    catalogue = Catalogue(Storage(tmp_path / "a"))
    catalogue.create()
    with pytest.raises(ArchiveError, match="Expected images in the archive"):
        catalogue_report(Storage(tmp_path / "a"), catalogue, sampling=Sampling())
    nowhere = Storage(tmp_path / "b")
    with pytest.raises(NoArchiveError, match="Expected a Tenfold archive"):
        catalogue_report(nowhere, Catalogue(nowhere), sampling=Sampling())


def test_an_archive_of_failures_alone(tmp_path: Path) -> None:
    made = reported(tmp_path, [make_row("a.png", None, **FAILED)])
    assert made.aggregate.totals.failed == 1
    assert "no image's pixels were decoded" in report_markdown(made).replace("&#39;", "'")
    assert "No image is coded" in report_html(made).decode()


def test_the_verdict_is_honest() -> None:
    sizes = Totals(pixels=1000, payload_bytes=300, zip_bytes=1500, zipped_pixels=1000, source_bytes=200)
    assert verdict(sizes) == (
        "Against your files the payloads are larger (1.50 times). Against raw pixels they are 10.0x smaller, where zip "
        "reaches 2.00x: 5.0 times zip. Both are lossless."
    )
    assert verdict(replace(sizes, coded=1)).endswith("Zip is lossless, this archive is not.")
