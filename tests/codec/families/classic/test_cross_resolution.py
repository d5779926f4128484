"""Latents of one model, decoded by another: no gap where both are one, and a map that undoes a turn of the channels."""

from __future__ import annotations

import copy

import torch
from torch import nn

from codec.families.classic.config import ConvolutionalConfig
from codec.families.classic.cross_resolution import compare
from codec.families.classic.networks import build
from codec.grid.model import GridModel
from codec.training.image_crops import Crops
from tests.support.photographs import picture


def test_a_linear_map_undoes_what_stands_between_two_models_that_differ_by_one() -> None:
    torch.manual_seed(4)
    crops = Crops(names=("a", "b"), pixels=(picture(176, 176, 1), picture(176, 176, 2)))
    small = GridModel(build(ConvolutionalConfig(channels=4, width=8)))
    large = copy.deepcopy(small)
    with torch.no_grad():
        assert isinstance(large.network.encode_last, nn.Conv2d)
        assert isinstance(large.network.decode_first, nn.Conv2d)
        large.log_gain_C.add_(4.0)  # finer steps, so that rounding hides nothing
        large.network.encode_last.weight.copy_(large.network.encode_last.weight.flip(0))
        large.network.encode_last.bias.copy_(large.network.encode_last.bias.flip(0))  # type: ignore[union-attr]
        large.network.decode_first.weight.copy_(large.network.decode_first.weight.flip(1))
    for model in (large, small):
        model.eval().requires_grad_(False)
    own, _, _, mapped, trained = compare(large, small, crops, crops.pixels, steps=2)
    assert abs(mapped.psnr_db - own.psnr_db) < 0.05
    assert trained.way == "after 2 steps in turn"
