"""The setting that is found is the nearest one, with few encodings."""

from __future__ import annotations

import math

import pytest

from codec.bench.zoo.matched_rate import RateSearch

QUALITIES = range(1, 101)


def sizes(quality: float) -> int:
    """Grows as JPEG's do: evenly by ratio, and steeply at the end."""
    return round(400 * math.exp(quality / 30) + 3000 * (quality / 100) ** 12)


@pytest.mark.parametrize("wanted", [1, 420, 500, 1234, 2222.5, 9000, 1e9])
def test_the_nearest_setting_is_found(wanted: float) -> None:
    asked: list[float] = []

    def encode(quality: float) -> bytes:
        asked.append(quality)
        return bytes(sizes(quality))

    found = RateSearch(encode, QUALITIES).nearest(wanted)
    off = abs(math.log(len(found.payload) / wanted))
    best = min(abs(math.log(sizes(quality) / wanted)) for quality in QUALITIES)
    assert off <= best + 0.003
    assert len(asked) == len(set(asked)) <= 12


def test_what_one_rate_made_serves_the_next() -> None:
    asked: list[float] = []

    def encode(quality: float) -> bytes:
        asked.append(quality)
        return bytes(sizes(quality))

    search = RateSearch(encode, QUALITIES)
    first = search.nearest(2000)
    assert search.nearest(2000) == first
    search.nearest(2050)
    assert len(asked) == len(set(asked))
