"""Which keys are asked for, as ranges."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.key_ranges import KeyRanges

KEYS = st.text("\0a.b/\ud7ff\ue000\U0010ffff", max_size=4)
RANGES = st.lists(st.tuples(KEYS, st.none() | KEYS), max_size=5).map(
    lambda drawn: [(first, stop) for first, stop in drawn if stop is None or first < stop]
)


def holds(ranges: list[tuple[str, str | None]], key: str) -> bool:
    return any(first <= key and (stop is None or key < stop) for first, stop in ranges)


@given(RANGES, st.lists(KEYS, min_size=1, max_size=8))
def test_united_ranges_hold_what_each_holds(ranges: list[tuple[str, str | None]], keys: list[str]) -> None:
    united = KeyRanges.united(ranges)
    assert united.hold(pa.array(keys)).to_pylist() == [holds(ranges, key) for key in keys]
    for (_, stop), (first, _) in zip(united.ranges, united.ranges[1:], strict=False):
        assert stop is not None
        assert stop < first


@given(RANGES, st.lists(KEYS, min_size=2, max_size=6))
def test_a_file_that_is_skipped_holds_none_of_the_keys(
    ranges: list[tuple[str, str | None]], keys: list[str]
) -> None:
    touched = KeyRanges.united(ranges).touches(min(keys), max(keys))
    assert touched or not any(holds(ranges, key) for key in keys)


def test_a_file_without_statistics_may_hold_anything() -> None:
    assert KeyRanges.of_keys(["a"]).touches("", None)


@given(KEYS, KEYS)
def test_a_prefix_holds_what_starts_so(prefix: str, key: str) -> None:
    assert KeyRanges.with_prefix(prefix).hold(pa.array([key])).to_pylist() == [key.startswith(prefix)]


@given(st.lists(KEYS, min_size=1, max_size=4), KEYS)
def test_keys_are_ranges_of_one(keys: list[str], key: str) -> None:
    assert KeyRanges.of_keys(keys).hold(pa.array([key])).to_pylist() == [key in keys]
