"""A model that grew begins as the one it grew from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from codec.contract import RGB, EncodeOptions
from codec.families.hyper import deadzone
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.config import ModelConfig
from codec.families.hyper.model import HyperModel
from codec.families.hyper.warm_start import inherit
from codec.families.hyper.weights import Weights, export, understand
from codec.weights_file import parse_weights
from tests.support.tiny_hyper import CPU, TINY


def grown(tiny: Weights, **shape: Any) -> HyperCodec:
    """A codec of another shape, started from the tiny one."""
    torch.manual_seed(8)
    model = HyperModel(ModelConfig(**{**TINY.model_dump(), **shape}))
    inherit(model, tiny.model)
    data = export(model, tiny.tables, name="grown", recipe={})
    return HyperCodec(understand(parse_weights(data, where="the test")), device=CPU)


@pytest.mark.parametrize(
    "shape",
    [
        {"slices": (6, 4, 6, 12)},
        {"slices": (6, 3, 3, 4, 5, 5, 2)},
        {"encoder_blocks": 3, "decoder_blocks": 5},
        {"slices": (6, 10, 7, 5), "encoder_blocks": 4},
    ],
    ids=str,
)
def test_finer_slices_and_more_blocks_change_nothing_at_first(
    tiny: Weights, photo: RGB, shape: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadzone, "_FINER", (0.6, 0.6))  # by which an encoder rounds, slice by slice
    image = photo[:200, :150]
    small, large = grown(tiny), grown(tiny, **shape)
    options = EncodeOptions(quality=40)
    (before,), (after,) = small.encode([image], options), large.encode([image], options)
    assert abs(len(after.payload) - len(before.payload)) <= 0.01 * len(before.payload)
    decoded = small.decode([before.payload])[0].pixels.astype(int)
    assert np.abs(large.decode([after.payload])[0].pixels - decoded).mean() < 0.05
    assert len(large.weights[next(iter(large.weights))]) > len(tiny.data)


def test_slices_cut_elsewhere_still_make_a_model(tiny: Weights, photo: RGB) -> None:
    other = grown(tiny, slices=(4, 13, 11), mean_width=10)
    (encoded,) = other.encode([photo[:90, :70]], EncodeOptions(quality=20))
    (decoded,) = other.decode([encoded.payload])
    assert decoded.pixels.shape == (90, 70, 3)
    assert decoded.symbols_crc32 == encoded.symbols_crc32
