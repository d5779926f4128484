"""What runs together is each thing once, and fills a batch up where images mix."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from codec.parts.company import Company, company_on, gathered, run_tiles

ELSEWHERE = torch.device("meta")


@given(keys=st.lists(st.sampled_from("abc"), max_size=30))
def test_everything_is_gathered_once_with_its_like(keys: list[str]) -> None:
    most = {"a": 1, "b": 3, "c": 100}
    parts = list(gathered(range(len(keys)), keys.__getitem__, most.__getitem__))
    assert sorted(number for part in parts for number in part) == list(range(len(keys)))
    for part in parts:
        (key,) = {keys[number] for number in part}
        assert len(part) <= most[key]


@pytest.mark.parametrize(("size", "expected"), [(8, 8), (1, 3)], ids=["filled up", "as many as there are"])
def test_a_batch_is_filled_up_to_its_size(size: int, expected: int) -> None:
    batches: list[tuple[int, int]] = []

    def network(tiles_BCHW: Tensor, quality_B: Tensor) -> Tensor:
        batches.append((len(tiles_BCHW), len(quality_B)))
        return tiles_BCHW

    tile = (torch.ones(1, 3, 16, 16), torch.ones(1))
    assert len(run_tiles(network, [tile] * 3, torch.device("cpu"), size=size)) == 3
    assert batches == [(expected, expected)]


def test_small_images_have_company_and_large_ones_none() -> None:
    company = Company(positions=1024, tiles=1, filled=False)
    assert company.images_of((4, 4)) == 64
    assert company.images_of((48, 32)) == company.tiles_of((48, 32)) == 1


def test_a_gpu_always_gets_as_many_tiles() -> None:
    company = company_on(ELSEWHERE)
    assert company.filled
    assert company.tiles_of((64, 64)) == 8
