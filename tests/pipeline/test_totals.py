"""Sums and ratios, against numbers worked out by hand."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.totals import COLUMNS, Totals

ROWS = [
    # status, damaged, width, height, source, payload, shared with, zip of pixels, zip of source, PSNR, MS-SSIM
    ("coded", False, 100, 10, 1500, 100, None, 2000, 1400, 30.0, 0.9),
    ("coded", False, 200, 10, 2500, 200, None, 4000, 2600, 40.0, None),
    ("kept", True, 10, 10, 300, 300, None, None, 290, None, None),
    ("failed", None, None, None, 77, None, None, None, None, None, None),
]


@pytest.fixture
def rows() -> pa.Table:
    schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in COLUMNS])
    return pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in ROWS], schema)


def test_by_hand(rows: pa.Table) -> None:
    totals = Totals.of(rows)
    assert (totals.images, totals.coded, totals.kept, totals.failed) == (4, 2, 1, 1)
    assert totals.damaged == 1
    assert totals.raw_bytes == 3 * 3100
    assert totals.source_bytes == 4300  # what failed is in no size
    assert totals.payload_bytes == 600
    assert totals.bpp == pytest.approx(8 * 600 / 3100)
    assert totals.coded_bpp == pytest.approx(8 * 300 / 3000)
    assert totals.ratio_vs_raw == pytest.approx(9300 / 600)
    assert totals.ratio_vs_source == pytest.approx(4300 / 600)
    assert totals.zip_ratio_vs_raw == pytest.approx(9000 / 6000)  # over the images that were decoded
    assert totals.zip_ratio_vs_source == pytest.approx(4300 / 4290)
    assert totals.psnr_db == pytest.approx(35)
    assert totals.ms_ssim == pytest.approx(0.9)


def test_a_shared_payload_counts_once_and_for_the_rate_of_each(rows: pa.Table) -> None:
    schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in COLUMNS])
    again = ("coded", False, 200, 10, 2500, 200, 1, 4000, 2600, 40.0, None)
    more = Totals.of(pa.Table.from_pylist([dict(zip(COLUMNS, again, strict=True))], schema))
    totals = Totals.of(rows) + more
    assert totals.payload_bytes == 600
    assert totals.coded_bpp == pytest.approx(8 * 500 / 5000)
    assert totals.ratio_vs_source == pytest.approx(6800 / 600)


def test_a_header_that_lies_makes_nothing_smaller() -> None:
    schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in COLUMNS])
    row = ("kept", None, 2147483648, 2147483648, 300, 300, None, None, 290, None, None)
    totals = Totals.of(pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True))], schema))
    assert (totals.raw_bytes, totals.ratio_vs_raw, totals.zip_ratio_vs_raw) == (300, 1.0, None)


def test_parts_add_up_to_the_whole(rows: pa.Table) -> None:
    assert Totals.of_stream([rows.slice(0, 1), rows.slice(1, 2), rows.slice(3, 1)]) == Totals.of(rows)
    assert Totals.of_stream(rows.to_batches(max_chunksize=1)) == Totals.of(rows)


def test_nothing_has_no_ratio() -> None:
    nothing = Totals()
    assert nothing.bpp is nothing.ratio_vs_raw is nothing.zip_ratio_vs_raw is nothing.psnr_db is None


def test_only_failures_have_no_ratio(rows: pa.Table) -> None:
    failed = Totals.of(rows.slice(3, 1))
    assert (failed.images, failed.failed, failed.raw_bytes, failed.bpp) == (1, 1, 0, None)
