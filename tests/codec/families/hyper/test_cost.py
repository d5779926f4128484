"""What the shapes say is what the networks multiply."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from codec.cost import kmac_per_pixel
from codec.families.hyper.config import ModelConfig
from codec.families.hyper.cost import SYNTHESIS, cost
from codec.families.hyper.model import HyperModel
from codec.weights_file import WeightsHeader

SIDE = 64
MODEL = ModelConfig(
    slices=(4, 4, 8),
    width=16,
    encoder_blocks=1,
    decoder_blocks=2,
    hyper_width=8,
    hyper_latents=4,
    mean_width=8,
)


class Multiplications(TorchFunctionMode):
    """Counts those of convolutions and matrix products while they run."""

    done = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func in (torch.conv2d, functional.linear):
            channels = out.shape[1 if func is torch.conv2d else -1]
            self.done += out.numel() // channels * args[1].numel()
        return out


def test_kmac_of_hyper_are_those_that_run() -> None:
    model = HyperModel(MODEL).eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    counted = cost(WeightsHeader(shapes=shapes, config=f'{{"model": {MODEL.model_dump_json()}}}'))
    with torch.no_grad(), Multiplications() as ran:
        model(torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1))
    kmac = counted.encode_kmac_per_pixel + kmac_per_pixel(shapes, SYNTHESIS)
    assert kmac * 1000 * SIDE**2 == pytest.approx(ran.done, rel=0.02)


def test_the_longest_beginning_counts_and_a_layer_without_one_does_not() -> None:
    shapes = {"a.one.weight": (2, 1000), "a.two.weight": (4, 1000), "a.two.bias": (4,), "b.weight": (9, 9)}
    assert kmac_per_pixel(shapes, {"a.": 1, "a.two": 2}) == 4.0
