"""Another codec at our rate and quality: on the line between its points, and never beyond its ends."""

from __future__ import annotations

import math

import pytest

from codec.bench.matched import match
from codec.bench.measure import Sample


def sample(bpp: float, psnr_db: float) -> Sample:
    """An image of 100 x 80."""
    return Sample(quality=1, num_bytes=round(bpp * 1000), width=100, height=80, psnr_db=psnr_db, ms_ssim=None)


CURVE = [sample(0.2, 28.0), sample(0.4, 31.0), sample(0.8, 34.0), sample(1.6, 38.0)]


def test_at_a_measured_point_it_is_that_point() -> None:
    found = match(CURVE, our_bpp=0.4, our_psnr_db=34.0)
    assert found is not None
    assert found.psnr_db_at_our_bpp == pytest.approx(31.0)
    assert found.bytes_at_our_psnr == pytest.approx(800)


def test_between_points_psnr_is_linear_over_the_logarithm_of_the_rate() -> None:
    found = match(CURVE, our_bpp=math.sqrt(0.4 * 0.8), our_psnr_db=36.0)
    assert found is not None
    assert found.psnr_db_at_our_bpp == pytest.approx(32.5)
    assert found.bytes_at_our_psnr == pytest.approx(1000 * math.sqrt(0.8 * 1.6))


@pytest.mark.parametrize(
    ("our_bpp", "our_psnr_db", "side"), [(0.1, 20.0, "below"), (2.0, 40.0, "above")], ids=["low", "high"]
)
def test_beyond_the_ends_it_says_outside(our_bpp: float, our_psnr_db: float, side: str) -> None:
    found = match(CURVE, our_bpp=our_bpp, our_psnr_db=our_psnr_db)
    assert found is not None
    assert (found.psnr_db_at_our_bpp, found.bytes_at_our_psnr) == (side, side)


def test_points_that_buy_nothing_do_not_bend_the_curve() -> None:
    worse = [*CURVE, sample(0.6, 29.0), sample(3.0, math.inf)]
    assert match(worse, our_bpp=0.6, our_psnr_db=33.0) == match(CURVE, our_bpp=0.6, our_psnr_db=33.0)


@pytest.mark.parametrize("curve", [[], CURVE[:1], [sample(1, math.inf), sample(2, math.inf)]], ids=len)
def test_no_curve_no_match(curve: list[Sample]) -> None:
    assert match(curve, our_bpp=0.4, our_psnr_db=31.0) is None
    assert match(CURVE, our_bpp=0.4, our_psnr_db=math.inf) is None
