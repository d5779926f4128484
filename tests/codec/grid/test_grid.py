"""What the grid gives every family: training, weights, payloads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import BaseModel, TypeAdapter
from torch import Tensor

from codec.contract import EncodeOptions
from codec.entropy.factorised import fit_factorised
from codec.errors import WeightsError
from codec.family import Family
from codec.grid.chains import MOST, chained, unchained
from codec.grid.codec import GridCodec
from codec.grid.model import GridModel
from codec.grid.network import GridFamily, GridNetwork
from codec.grid.principal import keep_principal
from codec.grid.quality import best_step, step_of
from codec.grid.recipe import GridRecipe
from codec.grid.train_config import GridTrainConfig
from codec.grid.weights import WeightsConfig, export, understand
from codec.metrics import psnr_db
from codec.parts.convolution import Convolution
from codec.parts.space_to_channels import from_patches, to_patches
from codec.training.image_crops import Crops
from codec.weights_file import parse_weights
from tests.support.photographs import picture

CPU = torch.device("cpu")


class Shape(BaseModel):
    channels: int = 24


class Small(GridNetwork):
    grid, halo = 8, 1

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.channels = shape.channels
        self.encode, self.decode = Convolution(192, self.channels), Convolution(self.channels, 192)

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        y_BChw: Tensor = self.encode(to_patches(x_BCHW, 8))
        return y_BChw

    def synthesise(self, y_BChw: Tensor) -> Tensor:
        return from_patches(self.decode(y_BChw), 8)

    def start(self, x_BCHW: Tensor) -> bool:
        keep_principal(self.encode, self.decode, to_patches(x_BCHW, 8))
        return True


class Config(GridTrainConfig):
    network: Shape = Shape()


ABOUT = Family(
    id="small-1",
    package=__name__,
    summary="One layer each way.",
    source="none",
    licence="none",
    codec="",
    train_config="",
    recipe="",
    tiny="",
)
FAMILY = GridFamily(family=ABOUT, config=TypeAdapter(Shape), build=Small, preset="small")


class Recipe(GridRecipe):
    family = FAMILY


def test_a_model_begins_at_principal_components_and_codes_by_them() -> None:
    crops = Crops(names=tuple("abcd"), pixels=tuple(picture(64, 96, seed) for seed in range(4)))
    recipe = Recipe(Config(family="small-1", preset="small", steps=1), CPU)
    model = recipe.build()
    recipe.begin(model, crops, [], None)
    weights = understand(parse_weights(recipe.export(model, {}, crops), where="test"), FAMILY)
    codec = GridCodec(FAMILY, weights, device=CPU)
    sizes, decibels = [], []
    for quality in (16, 32, 48):
        (encoded,) = codec.encode([crops.pixels[0]], EncodeOptions(quality=quality))
        sizes.append(len(encoded.payload))
        decibels.append(psnr_db(crops.pixels[0], codec.decode([encoded.payload])[0].pixels))
    assert sizes == sorted(sizes)
    assert decibels == sorted(decibels)
    assert decibels[1] > 25.0
    chance = np.random.default_rng(0)
    loss = recipe.loss(model, torch.rand(2, 3, 64, 64), chance)
    assert all(gradient.any() for gradient in torch.autograd.grad(loss.total, list(model.parameters())))


def test_a_quality_is_a_step_and_money_buys_a_finer_one() -> None:
    assert step_of(32) == 1.0
    assert step_of(44) == 0.5
    assert best_step(0.04) == pytest.approx(best_step(0.01) / 2)


def file_of(**changes: Any) -> bytes:
    model = GridModel(Small(Shape()))
    entropy = fit_factorised(lambda level: np.zeros((4, 24), np.int16))
    config = WeightsConfig(**({"family": "small-1", "name": "x", "network": {"channels": 24}} | changes))
    return export(model, entropy, config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "other-1"}, r"expected weights of small-1, got those of other-1 \(test\)"),
        ({"network": {"channels": "many"}}, "are not of small-1: .*integer"),
        ({"network": {"channels": 25}}, "made for another model"),
    ],
)
def test_weights_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        understand(parse_weights(file_of(**changes), where="test"), FAMILY)


def test_chains_of_symbols_come_back_whatever_they_are() -> None:
    symbols = np.random.default_rng(0).integers(-MOST, MOST + 1, (2, 5, 3, 4)).astype(np.int16)
    links = chained(symbols, 3)
    assert np.array_equal(unchained(links, 3), symbols)
    assert np.array_equal(links[:, 3:], symbols[:, 3:])
    flat = chained(np.full((1, 1, 3, 4), 7, np.int16), 1)
    assert flat.ravel().tolist() == [7] + 11 * [0]
