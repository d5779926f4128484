"""What one device encodes another decodes, symbol for symbol; on each, company changes nothing.

With a GPU this is a GPU's test (`pytest -m gpu`), with another version of torch that version's (`make other-torch`);
without either only company is tried, on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import numpy as np
import pytest

from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.metrics import psnr_db
from codec.registry import codec_ids, load_codec
from tests.support.devices import OTHER_TORCH, between_devices, on_a_gpu, on_every_device
from tests.support.other_torch import OtherTorchCodec, other_torch_codec
from tests.support.photographs import picture

every_family = pytest.mark.parametrize("family", codec_ids())
CodecOn = Callable[[str, str], Codec | OtherTorchCodec]


@pytest.fixture(scope="module")
def codec_on() -> Iterator[CodecOn]:
    """A family's shipped codec on a device, each loaded once."""
    with ExitStack() as open_codecs:

        @cache
        def loaded(family: str, device: str) -> Codec | OtherTorchCodec:
            if device == OTHER_TORCH:
                return open_codecs.enter_context(other_torch_codec(family))
            return load_codec(family, device=device)

        yield loaded


def images(photo: RGB) -> list[RGB]:
    """More than one tile, more of one size than fit a batch, and a small one."""
    small = [photo[top : top + 64, top : top + 96] for top in range(0, 400, 45)]
    return [picture(300, 1100), photo[:128, :192], *small, picture(33, 17)]


@every_family
@between_devices
@pytest.mark.parametrize("quality", [4, 34, 63])
def test_encoded_there_decoded_here(
    family: str, there: str, here: str, quality: int, photo: RGB, codec_on: CodecOn
) -> None:
    encoder, decoder = codec_on(family, there), codec_on(family, here)
    encoded = encoder.encode(images(photo), EncodeOptions(quality=quality))
    for image, one in zip(images(photo), encoded, strict=True):
        far, near = (codec.decode([one.payload])[0] for codec in (encoder, decoder))
        assert near.symbols_crc32 == one.symbols_crc32
        assert np.abs(far.pixels.astype(int) - near.pixels).max() <= 2
        assert psnr_db(image, far.pixels) == pytest.approx(psnr_db(image, near.pixels), abs=0.05)


@every_family
@on_every_device
def test_company_changes_nothing(family: str, device: str, photo: RGB, codec_on: CodecOn) -> None:
    codec = codec_on(family, device)
    together = codec.encode(images(photo), EncodeOptions(quality=30))
    assert together == [codec.encode([image], EncodeOptions(quality=30))[0] for image in images(photo)]
    payloads = [one.payload for one in together]
    for one, payload in zip(codec.decode(payloads), payloads, strict=True):
        assert np.array_equal(one.pixels, codec.decode([payload])[0].pixels)


@every_family
@on_a_gpu
def test_a_part_is_a_part_of_the_whole(family: str, device: str, codec_on: CodecOn) -> None:
    codec = codec_on(family, device)
    assert isinstance(codec, Codec)
    payload = codec.encode([picture(300, 1100)], EncodeOptions(quality=30))[0].payload
    whole, opened = codec.decode([payload])[0].pixels, codec.open(payload)
    for left, top, width, height in (
        (0, 0, 50, 60),
        (500, 100, 77, 200),
        (1090, 290, 10, 10),
        (3, 5, 1091, 1),
    ):
        part = opened.region(left, top, width, height)
        assert np.array_equal(part, whole[top : top + height, left : left + width])
