"""`consistent`: what is encoded again is the same payload, and what is decoded again the same picture."""

from __future__ import annotations

import numpy as np
import pytest

from codec.contract import FAITHFUL, RGB, EncodeOptions
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.decoders.consistent import CONSISTENT, ConsistentDecoder
from codec.metrics import psnr_db
from tests.support.photographs import picture


def found_by(codec: HyperCodec) -> ConsistentDecoder:
    decoder = codec.decoders[CONSISTENT]
    assert isinstance(decoder, ConsistentDecoder)
    return decoder


@pytest.mark.parametrize("effort", [0, 1])
def test_a_second_generation_loses_next_to_nothing(hyper: HyperCodec, photo: RGB, effort: int) -> None:
    image = np.ascontiguousarray(photo[100:228, 200:387])  # ends within a latent
    (encoded,) = hyper.encode([image], EncodeOptions(quality=30, effort=effort))
    latents = hyper.reader.read(encoded.payload)
    found = found_by(hyper).find(latents)
    again = hyper.encode([found.pixels], EncodeOptions(quality=30))[0]
    assert (again.symbols_crc32 == encoded.symbols_crc32) == found.is_exact
    (faithful,) = hyper.decoders[FAITHFUL].synthesise([latents])
    once, twice = (psnr_db(image, one) for one in (faithful, hyper.decode([again.payload])[0].pixels))
    assert twice > once - 0.1  # the bar
    careless = hyper.decode([hyper.encode([faithful], EncodeOptions(quality=30))[0].payload])[0].pixels
    assert psnr_db(image, careless) < once - 0.1
    assert psnr_db(image, found.pixels) > once - 0.2
    assert found.latents_off + found.hyper_latents_off < 0.001 * found.symbols


def test_pictures_are_the_same_again_and_in_a_batch(hyper: HyperCodec) -> None:
    images = [picture(33, 50), picture(1, 1), picture(33, 50, 3)]
    payloads = [one.payload for one in hyper.encode(images, EncodeOptions(quality=10))]
    together = hyper.decode(payloads, decoder=CONSISTENT)
    for payload, shown, image in zip(payloads, together, images, strict=True):
        (alone,) = hyper.decode([payload], decoder=CONSISTENT)
        assert np.array_equal(alone.pixels, shown.pixels)
        assert alone.pixels.shape == image.shape
