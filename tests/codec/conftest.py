"""What the codec's tests share: one loaded codec, and pictures made of smooth shapes and texture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.contract import RGB, Codec
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.registry import codec_ids, load_codec

PHOTOS = Path(__file__).parent.parent / "photos"


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


def picture(height: int, width: int, seed: int = 0) -> RGB:
    """Smooth shading, a few edges and some noise: like a photograph, for a transform codec."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    shade = 110 + 60 * np.sin(x / 37 + seed) + 40 * np.cos(y / 23)
    edges = 50.0 * ((x * 0.6 + y) % 61 < 25)
    planes = [shade + edges * weight + rng.normal(0, 4, shade.shape) for weight in (1.0, 0.6, -0.5)]
    pixels: RGB = np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)
    return pixels
