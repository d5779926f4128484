"""Tiling covers everything once. That it changes nothing is tested beside each family's networks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from codec.tiles import run_tiles, spans


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


@pytest.mark.parametrize(("alone", "expected"), [(False, [8, 8]), (True, [8, 3])])
def test_batches_are_filled_up_where_images_mix(alone: bool, expected: list[int]) -> None:
    elsewhere = torch.device("meta")
    batches: list[int] = []

    def network(tiles_BCHW: Tensor) -> Tensor:
        batches.append(len(tiles_BCHW))
        return tiles_BCHW

    tiles = [(torch.empty(1, 3, 16, 16, device=elsewhere),) for _ in range(11)]
    assert len(run_tiles(network, tiles, elsewhere, of_one_image=alone)) == 11
    assert batches == expected
