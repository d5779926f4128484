"""Effort: a picture nearer its original for the bytes it takes, and payloads like any other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from codec.contract import RGB, Encoded, EncodeOptions
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.weights import Weights
from codec.parts.quality import MSE_SCALE, lmbda_of
from codec.parts.tiled_model import AnalysedImage, RefinableModel
from tests.support.devices import on_every_device
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU


def cost(codec: HyperCodec, image: RGB, encoded: Encoded, quality: float) -> float:
    """Bits a pixel and the weighed error, of what a reader gets."""
    (decoded,) = codec.decode([encoded.payload])
    assert decoded.symbols_crc32 == encoded.symbols_crc32
    error = float(np.square((decoded.pixels.astype(float) - image) / 255.0).mean())
    bpp: float = 8 * len(encoded.payload) / (image.shape[0] * image.shape[1])
    return bpp + float(lmbda_of(torch.tensor(quality))) * float(MSE_SCALE) * error


def test_more_effort_shows_more_for_its_bits(
    hyper: HyperCodec, photo: RGB, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.ascontiguousarray(photo[150:250, 200:329])
    costs = [
        cost(hyper, image, hyper.encode([image], EncodeOptions(quality=26, effort=effort))[0], 26)
        for effort in (0, 1, 2)
    ]
    assert costs[1] < 0.99 * costs[0]
    assert costs[2] < costs[1]
    model = model_of(hyper)
    monkeypatch.setattr(model, "refinement", dataclasses.replace(model.refinement, tile=8))
    tiled = hyper.encode([image], EncodeOptions(quality=26, effort=1))[0]
    assert cost(hyper, image, tiled, 26) < costs[0]


def test_estimates_are_those_of_refined_images(hyper: HyperCodec, photo: RGB) -> None:
    images, options = [photo[150:214, 200:296]], [EncodeOptions(quality=20, effort=1)]
    refined = hyper.refined(images, hyper.encoder.prepare(images), options)
    (encoded,) = hyper.encoder.finish(refined, options)
    assert hyper.encoder.estimate_bytes(refined[:1], options[:1])[0] == pytest.approx(
        len(encoded.payload),
        rel=0.01,
        abs=4,  # the coder's last word
    )


@on_every_device
def test_an_image_becomes_the_same_in_any_company(tiny: Weights, device: str) -> None:
    codec = HyperCodec(tiny, device=torch.device(device))
    images = [picture(70, 90), picture(16, 16), picture(130, 33)]
    options = EncodeOptions(quality=30, effort=1)
    together = codec.encode(images, options)
    with torch.inference_mode():
        assert together == [codec.encode([image], options)[0] for image in images]
    assert [one.shape for one in images] == [
        one.pixels.shape for one in codec.decode([e.payload for e in together])
    ]


def test_each_image_has_the_effort_that_it_asks_for(tiny: Weights) -> None:
    codec = HyperCodec(tiny, device=CPU)
    images = [picture(40, 50), picture(40, 50)]
    options = [EncodeOptions(quality=30, effort=1), EncodeOptions(quality=30)]
    prepared = codec.encoder.prepare(images)
    refined, plain = codec.refined(images, prepared, options)
    assert plain is prepared[1]
    assert isinstance(refined, AnalysedImage)
    assert refined.side_uvN is not None


def model_of(codec: HyperCodec) -> RefinableModel:
    model = codec.encoder._model
    assert isinstance(model, RefinableModel)
    return model
