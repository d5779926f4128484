"""Tiling covers everything once. That it changes nothing is tested beside each family's networks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codec.tiles import spans


@given(length=st.integers(1, 400), halo=st.integers(0, 5), tile=st.integers(1, 90))
def test_tiles_keep_every_position_once(length: int, halo: int, tile: int) -> None:
    kept: list[int] = []
    for span in spans(length, halo, tile):
        assert 0 <= span.read_from <= span.keep_from < span.keep_to <= span.read_to <= length
        assert span.read_to - span.read_from <= tile + 2 * halo
        assert span.keep_from - span.read_from == min(halo, span.keep_from)
        assert span.read_to - span.keep_to == min(halo, length - span.keep_to)
        kept.extend(range(length)[span.kept])
    assert kept == list(range(length))
