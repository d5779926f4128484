"""Laws of every network of `classic-1`, with random weights everywhere: nothing hides a halo that is too small."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from codec.errors import CodecConfigError
from codec.families.classic.config import NETWORK
from codec.families.classic.cost import cost
from codec.families.classic.networks import build
from codec.families.classic.pooled import NormalisedConvolution
from codec.grid.model import GridModel
from codec.grid.weights import WeightsConfig
from codec.train_config import parse_train_config
from codec.weights_file import WeightsHeader

SHAPES: list[dict[str, Any]] = [
    {"kind": "dense", "block": 8, "hidden": 12, "channels": 6},
    {"kind": "convolutional", "width": 8, "channels": 6},
    {"kind": "pooled", "form": "baseline", "width": 4, "channels": 6},
    {"kind": "pooled", "form": "enhanced", "width": 4, "channels": 6},
    {"kind": "pooled", "form": "enhanced", "width": 4, "channels": 6, "strides": [2, 4, 8]},
    {"kind": "digits", "hidden": 16, "channels": 6},
    {"kind": "preserving", "hidden": 16, "latents": 3, "channels": 6},
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))


def busy(shape: dict[str, Any]) -> GridModel:
    torch.manual_seed(2)
    model = GridModel(build(NETWORK.validate_python(shape)))
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.add_(torch.rand_like(tensor) * 0.3)
    return model.eval().requires_grad_(False)


@every_shape
def test_a_part_with_its_halo_is_a_part_of_the_whole(shape: dict[str, Any]) -> None:
    network = busy(shape).network
    grid, halo = network.grid, network.halo
    with torch.inference_mode():
        x_BCHW = torch.randn(2, 3, 8 * grid, 9 * grid)
        whole_BChw = network.analyse(x_BCHW)
        first, last = 3 - halo, 5 + halo
        part = network.analyse(x_BCHW[1:, :, first * grid : last * grid, first * grid : last * grid])
        assert torch.equal(part[:, :, halo : halo + 2, halo : halo + 2], whole_BChw[1:, :, 3:5, 3:5])
        shown_BCHW = network.synthesise(whole_BChw)
        assert shown_BCHW.shape == x_BCHW.shape
        part = network.synthesise(whole_BChw[1:, :, first:last, first:last])
        inner, outer = slice(halo * grid, (halo + 2) * grid), slice(3 * grid, 5 * grid)
        assert torch.equal(part[:, :, inner, inner], shown_BCHW[1:, :, outer, outer])


@every_shape
def test_a_cost_told_by_shapes_is_what_runs(shape: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = busy(shape)
    config = WeightsConfig(family="classic-1", name="x", network=shape)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    counted = cost(WeightsHeader(shapes=shapes, config=config.model_dump_json()))
    multiplied: list[int] = []
    side = 4 * model.network.grid

    def counting(f_nI: Tensor, weight_OI: Tensor, bias_O: Tensor | None) -> Tensor:
        multiplied.append(len(f_nI) * weight_OI.numel())
        return torch.addmm(torch.zeros(()), f_nI, weight_OI.T) + (0.0 if bias_O is None else bias_O)

    monkeypatch.setattr(torch.nn.functional, "linear", counting)
    with torch.inference_mode():
        y_BChw = model.analyse(torch.randn(1, 3, side, side))
        encoding = sum(multiplied)
        model.synthesise(y_BChw)
    assert encoding / side**2 / 1000 == pytest.approx(counted.encode_kmac_per_pixel)
    assert (sum(multiplied) - encoding) / side**2 / 1000 == pytest.approx(counted.decode_kmac_per_pixel)


def test_normalisation_is_folded_into_what_training_saw() -> None:
    network = build(NETWORK.validate_python(SHAPES[3]))
    x_BCHW = torch.randn(4, 3, 48, 48)
    with torch.no_grad():
        expected_BChw = network.train().analyse(x_BCHW)
        network.settle(x_BCHW)
        assert torch.allclose(network.eval().analyse(x_BCHW), expected_BChw, atol=1e-4)


def test_a_variance_that_float16_cannot_hold_is_scaled_away() -> None:
    network = build(NETWORK.validate_python(SHAPES[3]))
    x_BCHW = torch.randn(4, 3, 48, 48)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, NormalisedConvolution):
                layer.weight.mul_(1e4)
        expected_BChw = network.train().analyse(x_BCHW)
        network.settle(x_BCHW)
        stored = {name: tensor.half().float() for name, tensor in network.state_dict().items()}
        network.load_state_dict(stored)
        assert torch.allclose(network.eval().analyse(x_BCHW), expected_BChw, atol=0.02)


def test_a_dense_network_of_172_pixels_is_refused_with_its_size() -> None:
    run = {"family": "classic-1", "preset": "dense-172", "steps": 1, "patch": 176}
    network = {"kind": "dense", "block": 172, "hidden": 1024, "channels": 64}
    with pytest.raises(
        CodecConfigError, match=r"182 million weights: 364 MB in a weights file and 2\.9 GB in training"
    ):
        parse_train_config(run | {"network": network}, where="test")
    with pytest.raises(CodecConfigError, match=r"a patch of whole blocks of 32 pixels, got 80"):
        parse_train_config(run | {"network": {"kind": "dense"}, "patch": 80}, where="test")
