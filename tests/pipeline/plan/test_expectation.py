"""Estimates from a sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.compress.plan import ImageCount
from pipeline.plan.expectation import expect
from pipeline.plan.measured_sample import MeasuredSample
from pipeline.totals import COLUMNS


def _sample(count: int, seed: int) -> MeasuredSample:
    """Files of very different sizes that become a tenth, some of them kept as they are."""
    chance = np.random.default_rng(seed)
    sizes = np.round(chance.lognormal(12, 1, count))
    kept = chance.random(count) < 0.1
    columns = {
        "status": np.where(kept, "kept", "coded").tolist(),
        "damaged": [False] * count,
        "width": [1000] * count,
        "height": np.round(sizes / 300).astype(int).tolist(),
        "source_size": sizes.astype(int).tolist(),
        "payload_length": np.round(sizes * np.where(kept, 1, chance.normal(0.1, 0.01, count)))
        .astype(int)
        .tolist(),
        "same_as_row": pa.nulls(count, pa.int64()),
        "zip_bytes": sizes.astype(int).tolist(),
        "zip_source_bytes": np.round(sizes * 0.98).astype(int).tolist(),
        "psnr_db": [None if one else 35.0 + chance.normal() for one in kept],
        "ms_ssim": [None] * count,
    }
    rows = pa.table({name: columns[name] for name in COLUMNS})
    return MeasuredSample(
        rows=rows, metadata_bytes_an_image=300, metadata_bytes=0, work_s=0.5 * count, on_gpu=False
    )


def test_the_truth_is_in_nine_of_ten_intervals_or_more() -> None:
    whole = _sample(20_000, seed=1000)
    files = int(np.sum(whole.rows["source_size"].to_pylist()))
    of = ImageCount(images=20_000, bytes=files)
    payloads = int(np.sum(whole.rows["payload_length"].to_pylist()))
    hits = 0
    for seed in range(40):
        found = expect(_sample(200, seed), of, seed=0)
        hits += found.archive_bytes.low <= payloads + 300 * 20_000 <= found.archive_bytes.high
        assert found.ratio_vs_source.low < found.ratio_vs_source.value < found.ratio_vs_source.high
    assert hits >= 34


def test_a_sample_of_everything_is_no_estimate() -> None:
    sample = _sample(50, seed=1)
    files = int(np.sum(sample.rows["source_size"].to_pylist()))
    found = expect(sample, ImageCount(images=50, bytes=files), seed=0)
    stored = int(np.sum(sample.rows["payload_length"].to_pylist())) + 300 * 50
    assert (found.archive_bytes.low, found.archive_bytes.high) == pytest.approx((stored, stored))
    assert found.hours.value * 3600 == pytest.approx(25)
    assert sum(share.value for share in found.shares.values()) == pytest.approx(1)


def test_an_empty_file_in_the_sample_changes_no_estimate() -> None:
    whole = _sample(51, seed=1)
    rows = whole.rows.slice(0, 50)
    empty = {"source_size": [0], "payload_length": [0], "zip_source_bytes": [0]}
    last = whole.rows.slice(50)
    for name, zero in empty.items():
        last = last.set_column(last.schema.get_field_index(name), name, pa.array(zero))
    of = ImageCount(images=500, bytes=2 * sum(rows["source_size"].to_pylist()))
    with_it = expect(replace(whole, rows=pa.concat_tables([rows, last])), of, seed=0)
    assert with_it.archive_bytes.value == expect(replace(whole, rows=rows), of, seed=0).archive_bytes.value
    assert with_it.archive_bytes.value * with_it.ratio_vs_source.value == pytest.approx(of.bytes)


def test_a_list_that_tells_no_sizes_is_scaled_by_its_images() -> None:
    sample = _sample(50, seed=1)
    found = expect(sample, ImageCount(images=500, bytes=0), seed=0)
    stored = int(np.sum(sample.rows["payload_length"].to_pylist())) + 300 * 50
    assert found.archive_bytes.value == pytest.approx(10 * stored)
    assert found.archive_bytes.low < 10 * stored < found.archive_bytes.high
