"""What the process around it has set changes nothing: a codec that users import does not choose its host."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from codec.contract import RGB, EncodeOptions
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.load import load
from codec.families.hyper.weights import Weights
from codec.metrics import ms_ssim
from tests.support.tiny_hyper import CPU


@pytest.fixture(params=["float64", "another device", "autocast"])
def host(request: pytest.FixtureRequest) -> Iterator[None]:
    """A process that has torch set up in its own way."""
    if request.param == "float64":
        torch.set_default_dtype(torch.float64)
        yield
        torch.set_default_dtype(torch.float32)
    elif request.param == "another device":
        with torch.device("meta"):
            yield
    else:
        with torch.autocast("cpu", torch.bfloat16):
            yield


def test_a_host_changes_no_payload_and_no_pixel(hyper: HyperCodec, photo: RGB, host: None) -> None:
    image = photo[:130, :200]
    codec = load(device=CPU, own=None, others=())
    (encoded,) = codec.encode([image], EncodeOptions(quality=30.5))
    (decoded,) = codec.decode([encoded.payload])
    torch.set_default_dtype(torch.float32)
    with torch.device("cpu"), torch.autocast("cpu", enabled=False):
        (expected,) = hyper.encode([image], EncodeOptions(quality=30.5))
        assert encoded == expected
        assert np.array_equal(decoded.pixels, hyper.decode([expected.payload])[0].pixels)


def test_metrics_are_the_hosts_as_well(photo: RGB, host: None) -> None:
    image = photo[:200, :180]
    assert ms_ssim(image, image // 2 * 2) == pytest.approx(0.999, abs=0.002)


def test_one_models_weights_serve_two_devices(tiny: Weights) -> None:
    HyperCodec(tiny, device=torch.device("meta"))
    assert {parameter.device.type for parameter in tiny.model.parameters()} == {"cpu"}
