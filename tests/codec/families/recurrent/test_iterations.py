"""What is sent: by which blocks, tile by tile, and what it costs to run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from codec.colour import rgb_to_ycbcr
from codec.contract import EncodeOptions
from codec.families.recurrent.codec import RecurrentCodec
from codec.families.recurrent.config import ModelConfig
from codec.families.recurrent.cost import cost
from codec.families.recurrent.iterations import squared_error
from codec.families.recurrent.levels import level_of
from codec.families.recurrent.symbols import Symbols
from codec.families.recurrent.tiles import TILE, encoded, shown
from codec.families.recurrent.weights import Weights
from codec.parts.space_to_channels import to_patches
from codec.weights_file import WeightsHeader
from tests.support.photographs import picture

CPU = torch.device("cpu")


def test_blocks_that_are_near_enough_stop_for_good_and_spare_bytes(weights: Weights) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 96, 3), np.uint8)
    image[:, :48] = 90
    options = EncodeOptions(quality=63)
    stopping, steady = (RecurrentCodec(weights, device=CPU, target=target) for target in (0.02, 0.0))
    (short,), (long,) = stopping.encode([image], options), steady.encode([image], options)
    assert len(short.payload) < len(long.payload)
    symbols: Symbols = stopping.reader.read(short.payload).symbols  # type: ignore[attr-defined]
    before = np.ones(symbols.grid, np.bool_)
    for sent, moves in zip(symbols.sent_Thw, symbols.moves_ThwM, strict=True):
        assert not (sent & ~before).any()
        assert not moves[~sent].any()
        before = sent
    assert not before[:, :3].any()
    assert before.any()


def test_more_is_sent_the_higher_the_quality() -> None:
    config = ModelConfig()
    levels = [level_of(quality, config) for quality in np.linspace(0, 63, 200)]
    assert [one.iterations for one in levels] == sorted(one.iterations for one in levels)
    assert levels[-1].iterations == config.iterations
    below = [one.stops_below[0] for one in levels]
    assert below == sorted(below, reverse=True)


def test_a_tile_is_in_an_image_what_it_is_alone(weights: Weights) -> None:
    image = picture(48, 16 * (TILE + 2))
    parts = [image[:, : image.shape[1] // 2], image[:, image.shape[1] // 2 :]]
    level = level_of(63, weights.config.model)

    def pictures(images: list[Any]) -> list[Any]:
        symbols = encoded(weights.model, images, [level] * len(images), CPU)
        return shown(weights.model, symbols, [one.shape[:2] for one in images], CPU)

    assert np.array_equal(pictures([image])[0], np.concatenate(pictures(parts), axis=1))


def test_the_error_of_a_block_is_that_of_its_rgb() -> None:
    rgb_BCHW = torch.rand(2, 3, 32, 16)
    grey = torch.full_like(rgb_BCHW, 0.5)
    error_B1hw = squared_error(to_patches(rgb_to_ycbcr(rgb_BCHW), 16))
    expected_Bhw = functional.avg_pool2d((rgb_BCHW - grey).square().mean(1, keepdim=True), 16)
    assert torch.allclose(error_B1hw, expected_Bhw, rtol=1e-4)


class Multiplications(TorchFunctionMode):
    """Counts those of convolutions and matrix products while they run."""

    done = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func in (torch.conv2d, functional.linear):
            channels = out.shape[1 if func is torch.conv2d else -1]
            self.done += out.numel() // channels * args[1].numel()
        return out


def test_kmac_are_those_that_run(weights: Weights) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.model.state_dict().items()}
    counted = cost(WeightsHeader(shapes=shapes, config=weights.config.model_dump_json()))
    image = picture(128, 128)
    level = level_of(63, weights.config.model, target=0.0)
    with Multiplications() as ran:
        (symbols,) = encoded(weights.model, [image], [level], CPU)
    assert counted.encode_kmac_per_pixel * 1000 * 128 * 128 == pytest.approx(ran.done, rel=0.02)
    with Multiplications() as ran:
        shown(weights.model, [symbols], [(128, 128)], CPU)
    assert counted.decode_kmac_per_pixel * 1000 * 128 * 128 == pytest.approx(ran.done, rel=0.02)
