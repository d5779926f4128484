"""A weights file travels with archives: what does not fit its own config is refused before anything is run."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from codec.errors import WeightsError
from codec.families.hyper.weights import Weights, understand
from codec.weights_file import parse_weights, weights_bytes


def altered(tiny: Weights, tensors: dict[str, Tensor], **model: Any) -> bytes:
    """The tiny model's file with other tensors, or another shape in its config."""
    file = parse_weights(tiny.data, where="the test")
    config = json.loads(file.config)
    config["model"] |= model
    return weights_bytes(json.dumps(config), {**file.tensors, **tensors})


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("integers.head.4.weight", torch.full((10, 12, 1, 1), 0.37)),
        ("integers.prior", torch.zeros(3, 28, dtype=torch.int32)),
        ("integers.hyper_prior", torch.zeros(64, 6, dtype=torch.int32)),
        ("integers.reach", torch.ones(64, dtype=torch.bfloat16)),
        ("integers.counts", torch.ones(8, 8, dtype=torch.int32)),
        ("integers.more", torch.ones(1, dtype=torch.int32)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_integers_that_are_none_are_refused(tiny: Weights, name: str, tensor: Tensor) -> None:
    with pytest.raises(WeightsError, match="other integers than their config asks for"):
        understand(parse_weights(altered(tiny, {name: tensor}), where="the test"))


def test_a_shape_far_larger_than_the_tensors_costs_no_memory(tiny: Weights) -> None:
    huge = altered(tiny, {}, width=4096, mean_width=4096, hyper_width=4096, encoder_blocks=64)
    with pytest.raises(WeightsError, match="made for another model"):
        understand(parse_weights(huge, where="the test"))


def test_a_shape_without_end_is_refused(tiny: Weights) -> None:
    with pytest.raises(WeightsError, match="less than or equal to 64"):
        understand(parse_weights(altered(tiny, {}, decoder_blocks=10**9), where="the test"))
