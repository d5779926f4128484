"""The small language in which people say which images they want to see."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive.filter_fields import FIELDS
from pipeline.archive.filters import parse_filter
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.errors import FilterError
from pipeline.globs import is_glob, key_matcher
from tests.support.catalogues import table_of
from tests.support.shard_rows import kept_row, make_row

ROWS = [
    make_row(
        "holiday/Beach.jpg",
        b"x" * 2000,
        psnr_db=31.5,
        quality=34,
        width=4000,
        height=3000,
        source_size=50_000,
    ),
    make_row(
        "holiday/cat.png", psnr_db=36.0, source_format="PNG", encoded_at=datetime(2026, 11, 2, tzinfo=UTC)
    ),
    make_row("work/my scan<1>.tif", None, reason="no such file", psnr_db=None, run="20261128T1-x"),
    kept_row("work/b.gif", reason="Animation of 12 frames", source_format="GIF", psnr_db=None),
]
KEYS = ["Beach.jpg", "cat.png", "my scan<1>.tif", "b.gif"]


@cache
def _rows() -> pa.RecordBatch:
    return table_of(*ROWS).combine_chunks().to_batches()[0]


def met(text: str) -> set[str]:
    """The names of the rows that meet a filter."""
    rows = _rows()
    wanted = parse_filter(text)
    assert set(wanted.columns) <= set(CATALOGUE_SCHEMA.names)
    found = rows.filter(wanted.holds(rows.select(list({"key", *wanted.columns}))))["key"].to_pylist()
    assert all(key.startswith(wanted.prefix) for key in found)
    return {key.partition("/")[2] for key in found}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [0, 1, 2, 3]),
        ("  holiday/ ", [0, 1]),
        ("BEACH", [0]),
        ("*.png", [1]),
        ("holiday/*.[jx]p?", [0]),
        ('"scan<1>"', [2]),
        ('-"scan<1>" work/', [3]),
        ("psnr<32", [0]),
        ("-psnr<32", [1, 2, 3]),
        ("psnr!=36", [0]),
        ("psnr>=31.5 psnr<=36", [0, 1]),
        ("mp>=12", [0]),
        ("ratio=25", [0]),
        ("bytes>=2kB", [0]),
        ("status:kept,failed", [2, 3]),
        ("status!=kept,failed", [0, 1]),
        ("format:gif", [3]),
        ("reason:animation", [3]),
        ('reason:"of 12"', [3]),
        ("run:2026", [2]),
        ("Quality:34", [0]),
        ("encoded:2026-11", [1]),
        ("encoded<=2026-10", [0, 2, 3]),
        ("encoded!=2026-11-02", [0, 2, 3]),
        ("encoded>2025 encoded<2026-11-02", [0, 2, 3]),
        ("holiday/ work/", []),
    ],
)
def test_what_it_lets_through(text: str, numbers: list[int]) -> None:
    assert met(text) == {KEYS[number] for number in numbers}


@pytest.mark.parametrize(
    ("text", "message", "fault"),
    [
        (
            "a psnr<high",
            r"^Expected a number, as 32 or 0\.5, after `psnr<`, got `high` at character 3 of the filter",
            (2, 11),
        ),
        ("pnsr<32", "got `pnsr` at character 1 .* Is it `psnr`", (0, 7)),
        ("beach:1", r"got `beach` .* There are psnr, .*quotes\.", (0, 7)),
        ("status<kept", "Expected a word, or several", (0, 11)),
        ("encoded>2026-13", "Expected a day, month or year in UTC", (0, 15)),
        ("bytes>1XB", "Expected a number of bytes", (0, 9)),
        ("cat -", "Expected a term, got `-` at character 5", (4, 5)),
        ('a "b', "Expected a quote that ends what the one at character 3 begins", (2, 4)),
        ("x/[z-a]", "Expected a glob whose ranges in brackets run forwards", (0, 7)),
        ("x/[+-9]", "Expected a glob whose ranges in brackets run forwards and hold no `/`", (0, 7)),
        ("a " * 21, "Expected 20 terms at most", (40, 41)),
        ("x" * 1001, "Expected a filter of 1,000 characters at most, got 1,001", (1000, 1001)),
    ],
)
def test_what_it_cannot_read(text: str, message: str, fault: tuple[int, int]) -> None:
    with pytest.raises(FilterError, match=message) as caught:
        parse_filter(text)
    assert (caught.value.start, caught.value.stop) == fault


def test_every_example_of_a_field_is_a_filter() -> None:
    for field in FIELDS.values():
        assert field.example.startswith(field.name)
        met(field.example)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from('ab/*?[]!-"\\<>=:,. 3psnr\u00e9\n'), max_size=24) | st.text(max_size=12))
def test_any_text_is_a_filter_or_an_error_that_names_its_place(text: str) -> None:
    with suppress(FilterError):
        met(text)
        return
    with pytest.raises(FilterError, match="Expected") as caught:
        parse_filter(text)
    assert 0 <= caught.value.start < caught.value.stop <= len(text)


@settings(max_examples=40, deadline=None)
@given(
    st.text("ab/*?[]!-.", min_size=1, max_size=8).filter(is_glob).filter(lambda text: text[0] != "-"),
    st.lists(st.text("ab/-.", max_size=5), max_size=9),
)
def test_a_glob_means_what_it_means_elsewhere(glob: str, keys: list[str]) -> None:
    rows = pa.record_batch({"key": pa.array(keys, pa.string())})
    with suppress(FilterError):  # a range that runs backwards, or spans `/`
        assert parse_filter(glob).holds(rows).to_pylist() == list(map(key_matcher(glob), keys))
