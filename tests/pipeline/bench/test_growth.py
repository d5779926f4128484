"""The exponent of a curve through measured points."""

from __future__ import annotations

import pytest

from pipeline.bench.growth import fit

SIZES = [10**3, 10**4, 10**5, 10**6]


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.9])
@pytest.mark.parametrize("fixed", [0.0, 0.05])
def test_the_exponent_is_found_beside_what_is_fixed(exponent: float, fixed: float) -> None:
    found = fit(SIZES, [fixed + 3e-4 * size**exponent for size in SIZES])
    assert found is not None
    assert found.exponent == pytest.approx(exponent, abs=0.02)
    assert found.fixed == pytest.approx(fixed, abs=0.02)
    assert found.at(10**8) == pytest.approx(fixed + 3e-4 * 10 ** (8 * exponent), rel=0.5)


def test_noise_is_no_growth() -> None:
    found = fit(SIZES, [1.1, 1.0, 1.2, 1.15])
    assert found is not None
    assert found.words == "flat"
    assert found.at(10**9) == pytest.approx(1.1125)


def test_two_points_are_a_ratio_and_one_is_nothing() -> None:
    found = fit([10, 1000], [5, 500])
    assert found is not None
    assert found.words == "n^1.00"
    assert fit([10], [5]) is None
