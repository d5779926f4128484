"""What the codec's tests share: one loaded codec, and pictures made of smooth shapes and texture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from codec.codec import Codec
from codec.contract import RGB
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.registry import codec_ids, load_codec
from tests.support.photographs import PHOTOS


@pytest.fixture(scope="session", params=codec_ids())
def codec(request: pytest.FixtureRequest) -> Codec:
    """Every family's shipped codec on the CPU, one after the other."""
    return load_codec(request.param, device="cpu")


@pytest.fixture(scope="session")
def ae_zfp() -> AutoEncoderZfp:
    """`ae-zfp-1` on the CPU."""
    return AutoEncoderZfp()


@pytest.fixture(scope="session")
def photo() -> RGB:
    """A real photograph, 768 x 512."""
    with Image.open(PHOTOS / "kodim23.png") as image:
        pixels: RGB = np.asarray(image.convert("RGB"))
        return pixels
