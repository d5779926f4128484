"""BD-rate on curves whose answer is known, and on published ones."""

from __future__ import annotations

import math

import pytest

from codec.bench.bd_rate import NoBdRateError, RateCurve, bd_rate
from codec.bench.comparison import MAIN_RANGE_BPP, NoBdRate, compare_curves, ms_ssim_db
from codec.bench.kodak import published_curves
from codec.bench.measure import RatePoint
from codec.bench.rising_points import rising_points

POINTS = [(0.05, 25.0), (0.1, 27.5), (0.25, 31.0), (0.5, 34.1), (0.9, 37.3), (1.6, 40.8), (3.0, 45.0)]


def _points(scale: float = 1.0, *, ms_ssim: float | None = None) -> list[RatePoint]:
    return [
        RatePoint(quality=0, images=1, bpp=bpp * scale, ratio=1.0, psnr_db=psnr, ms_ssim=ms_ssim)
        for bpp, psnr in POINTS
    ]


@pytest.mark.parametrize("scale", [0.5, 0.9, 1.0, 1.25, 3.0])
def test_a_curve_with_scaled_rates_is_off_by_just_that(scale: float) -> None:
    found = bd_rate(RateCurve((bpp * scale, psnr) for bpp, psnr in POINTS), RateCurve(POINTS))
    assert found.percent == pytest.approx(100.0 * (scale - 1.0), abs=1e-9)
    assert (found.low_db, found.high_db) == (25.0, 45.0)
    assert found.low_bpp == pytest.approx(0.05 * scale)
    assert found.high_bpp == pytest.approx(3.0 * scale)


def test_swapping_the_curves_inverts_the_ratio() -> None:
    other = RateCurve((bpp**1.1 * 1.2, psnr + math.sin(psnr)) for bpp, psnr in POINTS)
    there, back = bd_rate(RateCurve(POINTS), other), bd_rate(other, RateCurve(POINTS))
    assert (1 + there.percent / 100) * (1 + back.percent / 100) == pytest.approx(1.0)


def test_only_the_common_qualities_count() -> None:
    low, high = RateCurve(POINTS[:5]), RateCurve([(bpp * 0.9, psnr) for bpp, psnr in POINTS[2:]])
    found = bd_rate(high, low)
    assert (found.low_db, found.high_db) == (31.0, 37.3)
    assert [found.low_bpp, found.high_bpp] == pytest.approx([0.225, 0.81])


def test_the_main_range_is_of_our_rates() -> None:
    ours = RateCurve(POINTS)
    found = bd_rate(ours, RateCurve((bpp * 1.25, psnr) for bpp, psnr in POINTS), between_bpp=MAIN_RANGE_BPP)
    assert [found.low_bpp, found.high_bpp] == pytest.approx(MAIN_RANGE_BPP)
    assert found.percent == pytest.approx(-20.0)
    assert ours.bpp_at(found.low_db) == pytest.approx(0.2)


def test_published_pairs_come_out_as_published() -> None:
    """Per cent against VTM on Kodak by PSNR, as an independent PCHIP implementation gives them."""
    curves = {
        curve.id: RateCurve((point.bpp, point.psnr_db) for point in curve.points)
        for curve in published_curves()
    }
    published = {
        "vtm": 0.0,
        "vtm_9_1": -1.51,
        "hpcm_large": -19.95,
        "elic_2022": -7.02,
        "av1": 16.18,
        "mbt2018_mean": 21.28,
        "bpg_444": 21.99,
        "hm": 23.31,
    }
    found = {name: bd_rate(curve, curves["vtm"]).percent for name, curve in curves.items()}
    assert found == pytest.approx(published, abs=0.006)


def test_the_envelope_keeps_what_is_worth_its_bits() -> None:
    assert rising_points([(0.2, 30.0), (0.1, 28.0), (0.3, 29.0), (0.4, 30.0), (0.2, 30.5), (0.5, 31.0)]) == [
        (0.1, 28.0),
        (0.2, 30.5),
        (0.5, 31.0),
    ]


def test_dropped_points_are_counted_and_change_nothing() -> None:
    found = bd_rate(RateCurve(POINTS), RateCurve([*POINTS, (0.6, 33.0), (0.7, 20.0)]))
    assert found.percent == pytest.approx(0.0, abs=1e-9)
    assert (found.dropped_ours, found.dropped_other) == (0, 2)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(POINTS[:3], id="three"),
        pytest.param([*POINTS[:3], (0.6, 30.0)], id="three after the envelope"),
        pytest.param([*POINTS[:3], (2.0, math.inf)], id="three finite"),
        pytest.param([], id="none"),
    ],
)
def test_too_few_points_hold_no_curve(points: list[tuple[float, float]]) -> None:
    with pytest.raises(NoBdRateError, match=f"at least 4 points, got {min(3, len(points))}"):
        RateCurve(points)


def test_curves_that_never_meet_say_so() -> None:
    above = RateCurve((bpp, psnr + 30.0) for bpp, psnr in POINTS)
    with pytest.raises(NoBdRateError, match=r"ours 25.00 to 45.00 dB, the other 55.00 to 75.00 dB"):
        bd_rate(RateCurve(POINTS), above)


def test_a_missing_number_is_a_reason() -> None:
    compared = compare_curves(_points(), _points()[:2], "psnr")
    assert compared.overlap == NoBdRate(reason="its curve: expected at least 4 points, got 2")
    unmeasured = compare_curves(_points(), _points(), "ms_ssim")
    assert unmeasured.overlap == NoBdRate(reason="our curve: expected at least 4 points, got 0")
    beyond = compare_curves(_points(0.01), _points(), "psnr")
    assert isinstance(beyond.main_range, NoBdRate)
    assert not isinstance(beyond.overlap, NoBdRate)


def test_ms_ssim_in_db() -> None:
    assert ms_ssim_db(0.99) == pytest.approx(20.0)
    assert ms_ssim_db(1.0) == math.inf
