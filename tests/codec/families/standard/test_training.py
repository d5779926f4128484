"""What training sees is what a file shows; the objective has a gradient through it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from codec.colour import pixels_to_planes, planes_to_pixels
from codec.contract import RGB
from codec.errors import CodecConfigError
from codec.families.standard.config import ModelConfig
from codec.families.standard.cost import cost
from codec.families.standard.model import StandardModel
from codec.families.standard.objective import objective
from codec.families.standard.ordinary_file import read_file, write_file
from codec.families.standard.soft_jpeg import soft_jpeg, steps_of
from codec.families.standard.train_config import StandardLossConfig
from codec.families.standard.weights import export
from codec.metrics import psnr_db
from codec.train_config import parse_train_config
from codec.weights_file import WeightsHeader, parse_weights
from tests.support.standard_models import COMPACT, EDIT

_HEADER_BITS = 2500
"""What a file has beside its coefficients, about."""


@pytest.mark.parametrize("quality", [0, 20, 45])
def test_a_soft_jpeg_shows_what_a_file_shows_and_counts_about_its_bits(photo: RGB, quality: int) -> None:
    crop = np.ascontiguousarray(photo[96:352, 200:456])
    file = write_file(crop, "jpeg", quality)
    shown, bits_B = soft_jpeg(pixels_to_planes(crop, 1), steps_of([quality]))
    assert psnr_db(planes_to_pixels(shown), read_file(file, "jpeg", width=256, height=256)) > 36.0
    assert float(bits_B[0]) == pytest.approx(8 * len(file) - _HEADER_BITS, rel=0.25)


@torch.no_grad()
def test_an_untrained_model_is_the_chain_without_networks(photo: RGB) -> None:
    planes, quality_B = pixels_to_planes(photo[:64, :64], 1), torch.tensor([20.0])
    plain, halved = (StandardModel(ModelConfig(shrink=shrink)) for shrink in (1, 2))
    edit, compact = StandardModel(EDIT), StandardModel(COMPACT)
    torch.testing.assert_close(edit.before(planes, quality_B), plain.before(planes, quality_B))
    half = halved.before(planes, quality_B)
    torch.testing.assert_close(compact.after(half, quality_B), halved.after(half, quality_B))
    losses = [
        float((model.after(model.before(planes, quality_B), quality_B) - planes).square().mean())
        for model in (halved, compact)
    ]
    assert 0.5 * losses[0] < losses[1] < losses[0]  # back-projection keeps more of it


@torch.no_grad()
def test_least_squares_bring_back_what_a_layer_can() -> None:
    torch.manual_seed(1)
    model = StandardModel(COMPACT)
    assert model.reccnn is not None
    shown, quality_B = torch.rand(1, 3, 16, 16) - 0.5, torch.tensor([20.0])
    features = model.reccnn.features(shown, quality_B)
    wanted = functional.interpolate(features[:, :3], scale_factor=2)
    model.reccnn.fit_head([(features, wanted)])
    torch.testing.assert_close(model.reccnn(shown, quality_B), wanted, atol=0.01, rtol=0.05)


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_the_objective_reaches_every_network_through_the_file(kind: str) -> None:
    torch.manual_seed(0)
    model = StandardModel(COMPACT.model_copy(update={"file": kind}))
    rgb_BCHW, config = torch.rand(2, 3, 32, 32), StandardLossConfig(ssim_scales=1, lpips=1.0)
    seen = objective(model, rgb_BCHW, [10.0, 40.0], config, lpips=lambda a, b: (a - b).abs().mean((1, 2, 3)))
    loss = objective(model, rgb_BCHW, [10.0, 40.0], config)
    assert seen.total > loss.total
    torch.autograd.backward([loss.total])
    for network in (model.comcnn, model.editor, model.reccnn):
        assert network is not None
        gradient = network.head.weight.grad
        assert gradient is not None
        assert gradient.abs().sum() > 0
        assert torch.isfinite(gradient).all()


def test_patches_are_whole_blocks() -> None:
    values: dict[str, Any] = {"family": "standard-1", "preset": "a", "steps": 1, "patch": 48}
    with pytest.raises(CodecConfigError, match=r"multiple of 32 pixels, whole JPEG blocks of chroma; got 48"):
        parse_train_config(values, where="test")
    assert parse_train_config(values | {"model": {"shrink": 1}}, where="test").patch == 48


def test_what_a_model_costs_is_counted_by_its_layers() -> None:
    file = parse_weights(export(StandardModel(COMPACT), name="a", recipe={}), where="test")
    shapes = {name: tuple(tensor.shape) for name, tensor in file.tensors.items()}
    found = cost(WeightsHeader(shapes=shapes, config=file.config))
    comcnn = 3 * 4 * 16 + 2 * 4 * 4 * 9 + 4 * 3 * 9
    editor = 64 * 8 + 8 * 9 + 8 * 16 + 16 * 8 + 8 * 64
    reccnn = 3 * 4 * 9 + 4 * 4 * 4 * 9 + 4 * 12 * 9
    assert found.encode_kmac_per_pixel == pytest.approx((comcnn / 4 + editor / 256) / 1000)
    assert found.decode_kmac_per_pixel == pytest.approx(reccnn / 4 / 1000)
    assert found.parameters == sum(parameter.numel() for parameter in StandardModel(COMPACT).parameters())
