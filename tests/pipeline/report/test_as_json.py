"""Draws and distributions: bounded in memory, stable, and right to the width of a bin."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from pipeline.report.histogram import Histogram
from pipeline.sampling import DrawnRows, LowestRows, Sampling


def keys(draw: DrawnRows) -> set[str]:
    rows = draw.rows()
    return set() if rows is None else set(rows["key"].to_pylist())


def drawn(names: list[str], sampling: Sampling, *, parts: int = 3) -> set[str]:
    draw = DrawnRows(sampling)
    for part in np.array_split(np.array(names), parts):
        draw.offer(pa.table({"key": pa.array(part.tolist(), pa.string())}))
    return keys(draw)


NAMES = [f"{number}.png" for number in range(2000)]


def test_a_draw_is_stable_and_does_not_depend_on_the_parts() -> None:
    first = drawn(NAMES, Sampling(count=24))
    assert len(first) == 24
    assert drawn(NAMES[::-1], Sampling(count=24), parts=7) == first
    assert drawn(NAMES, Sampling(count=24, seed=1)) != first
    assert drawn(NAMES, Sampling(count=12)) < first
    more = drawn([*NAMES, "new.png"], Sampling(count=24))
    assert len(more & first) >= 23


def test_shares_all_and_none() -> None:
    assert 60 < len(drawn(NAMES, Sampling(share=0.05))) < 140
    assert drawn(NAMES, Sampling()) == set(NAMES)
    assert drawn(NAMES, Sampling(count=0)) == set()
    assert drawn(NAMES, Sampling(count=10_000)) == set(NAMES)
    assert keys(DrawnRows(Sampling(count=3))) == set()


def test_a_draw_favours_no_part() -> None:
    found = drawn(NAMES, Sampling(count=1000))
    assert 430 < sum(int(name.removesuffix(".png")) < 1000 for name in found) < 570


def test_the_lowest_leave_nulls_out_and_break_ties_by_key() -> None:
    lowest = LowestRows(3, by="x")
    lowest.offer(pa.table({"key": ["d", "a"], "x": [1.0, None]}))
    lowest.offer(pa.table({"key": ["c", "b", "e"], "x": [1.0, 2.0, 0.5]}))
    rows = lowest.rows()
    assert rows is not None
    assert rows["key"].to_pylist() == ["e", "c", "d"]


@pytest.mark.parametrize(
    ("histogram", "values"),
    [
        (Histogram(0, 100), np.random.default_rng(3).normal(36, 3, 40_000)),
        (Histogram(1e-2, 1e5, scale="log"), np.random.default_rng(4).lognormal(3, 0.7, 40_000)),
    ],
    ids=["linear", "log"],
)
def test_percentiles_and_bars_agree_with_all_values_at_once(histogram: Histogram, values: np.ndarray) -> None:
    for part in np.array_split(values, 9):
        histogram.add(part)
    found = histogram.percentiles()
    assert (found[0], found[100]) == (values.min(), values.max())
    for percent in (5, 25, 50, 75, 95):
        assert found[percent] == pytest.approx(np.percentile(values, percent), rel=0.004)
    bars = histogram.bars()
    assert 8 <= len(bars) <= 32
    assert sum(bar.images for bar in bars) == len(values)
    assert all(a.high == pytest.approx(b.low) for a, b in itertools.pairwise(bars))
    for bar in bars[2:-2]:
        inside = int(((values >= bar.low) & (values < bar.high)).sum())
        assert bar.images == pytest.approx(inside, abs=0.05 * len(values))


def test_few_values_one_value_and_none() -> None:
    histogram = Histogram(0, 100)
    assert (histogram.percentiles(), histogram.bars()) == ({}, [])
    histogram.add(np.array([37.5, np.nan, np.inf]))
    assert histogram.count == 1
    assert set(histogram.percentiles().values()) == {37.5}
    (bar,) = [bar for bar in histogram.bars() if bar.images]
    assert bar.low <= 37.5 <= bar.high


def test_values_beyond_the_ends_are_counted() -> None:
    histogram = Histogram(0, 1)
    histogram.add(np.array([-1.0, 0.5, 2.0]))
    assert sum(bar.images for bar in histogram.bars()) == 3
    assert histogram.percentiles()[100] == 2.0
