"""Looking for a quality: few looks, inside the range, whatever the shape of the curve."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.encode.quality_search import HIGHEST, LOWEST, STEP, nearest, on_grid, search_quality


def found(excess: Callable[[float], float], **changes: float) -> tuple[float, int]:
    options = {"first": 30.0, "slope": 0.045, "tolerance": 0.003, "low": LOWEST, "high": HIGHEST, **changes}
    looks = search_quality(excess, most=12, **options)
    return nearest(looks).quality, len(looks)


@given(st.floats(0.5, 62.5), st.floats(0.01, 0.2), st.floats(0, 63))
def test_an_even_curve_takes_a_handful_of_looks(root: float, slope: float, first: float) -> None:
    quality, looks = found(lambda at: slope * (at - root), first=first)
    assert abs(quality - root) <= max(STEP, 0.003 / slope)
    assert looks <= 9


@given(st.floats(1, 62), st.floats(0, 63))
def test_a_jump_is_closed_in_on_from_both_sides(root: float, first: float) -> None:
    looks = search_quality(
        lambda at: -0.2 if at < root else 0.3, first=first, slope=0.045, tolerance=0.003, most=12
    )
    below = max(look.quality for look in looks if look.excess < 0)
    above = min(look.quality for look in looks if look.excess > 0)
    assert below < root <= above
    assert above - below <= 3


def test_curves_with_a_knee_do_not_stall() -> None:
    quality, looks = found(lambda at: 0.001 * (at - 50) if at < 50 else 2.0 * (at - 50), tolerance=0.0005)
    assert abs(quality - 50) <= 0.5
    assert looks <= 12


@pytest.mark.parametrize(
    ("excess", "end"),
    [
        pytest.param(lambda at: 5.0 + at, LOWEST, id="even the lowest is too much"),
        pytest.param(lambda at: -500.0 + at, HIGHEST, id="even the highest is too little"),
        pytest.param(lambda _: math.inf, LOWEST, id="endless everywhere"),
    ],
)
def test_beyond_the_range_the_end_is_taken(excess: Callable[[float], float], end: float) -> None:
    assert found(excess)[0] == end


def test_what_is_endless_above_is_left() -> None:
    quality, _ = found(lambda at: math.inf if at > 20 else 0.04 * (at - 15))
    assert abs(quality - 15) <= 2 * STEP


def test_the_last_look_goes_to_the_end_when_all_were_on_one_side() -> None:
    looks = search_quality(lambda at: -1e6 + at, first=0, slope=1e6, tolerance=0.1, most=3)
    assert looks[-1].quality == HIGHEST


def test_a_narrower_range_is_kept_to() -> None:
    looks = search_quality(lambda at: at - 50, first=60, slope=1, tolerance=0.01, most=9, low=10, high=40)
    assert [look.quality for look in looks] == [40]


@given(st.floats(-100, 200))
def test_the_grid(quality: float) -> None:
    placed = on_grid(quality)
    assert LOWEST <= placed <= HIGHEST
    assert (placed / STEP).is_integer()
