"""Every prefix of a payload shows something, and more bytes show more."""

from __future__ import annotations

import numpy as np
import pytest

from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.errors import BitstreamError, CodecConfigError
from codec.metrics import psnr_db
from codec.registry import load_codec
from tests.support.block_codec import block_codec


@pytest.fixture(scope="module", params=["hyper-1", "recurrent-1", "block"])
def codec(request: pytest.FixtureRequest) -> Codec:
    """Those whose payloads may be cut."""
    name = str(request.param)
    return block_codec() if name == "block" else load_codec(name, device="cpu")


def test_more_bytes_show_more_and_all_show_the_whole(codec: Codec, photo: RGB) -> None:
    image = np.ascontiguousarray(photo[100:164, 100:201])
    (encoded,) = codec.encode([image], EncodeOptions(quality=40))
    payload = encoded.payload
    shares, decibels = [], []
    for share in (0.4, 0.7, 0.97, 1.0):
        shown = codec.decode_prefix(payload[: int(share * len(payload))])
        assert shown.pixels.shape == image.shape
        shares.append(shown.decoded_share)
        decibels.append(psnr_db(image, shown.pixels))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert decibels[0] < decibels[1] < decibels[-1]
    assert np.array_equal(codec.decode_prefix(payload).pixels, codec.decode([payload])[0].pixels)


def test_no_cut_behind_the_header_is_an_error() -> None:
    codec = block_codec()
    image = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)  # escapes too
    (encoded,) = codec.encode([image], EncodeOptions(quality=60))
    header = len(encoded.payload) - len(codec.reader._parsed(encoded.payload).body)
    lengths = (header, *range(header + 1, len(encoded.payload), 37), len(encoded.payload))
    decoded_shares = [codec.decode_prefix(encoded.payload[:length]).decoded_share for length in lengths]
    assert decoded_shares == sorted(decoded_shares)
    assert decoded_shares[0] == 0.0
    with pytest.raises(BitstreamError, match="truncated"):
        codec.decode_prefix(encoded.payload[: header - 1])


def test_what_is_known_of_a_prefix_is_what_the_whole_says() -> None:
    codec = block_codec()
    image = np.random.default_rng(1).integers(0, 256, (32, 48, 3), np.uint8)
    (encoded,) = codec.encode([image], EncodeOptions(quality=30))
    whole = codec.latents(encoded.payload)
    latents, decoded_share = codec.reader.read_prefix(encoded.payload[: len(encoded.payload) // 2])
    cut = latents.y_hat()
    assert 0.2 < decoded_share < 0.8
    assert np.all((cut == whole) | (cut == 0.0))


def test_payloads_that_show_nothing_before_they_are_whole_are_refused() -> None:
    with pytest.raises(
        CodecConfigError, match=r"expected a codec whose payloads show something.*got ae-zfp-1"
    ):
        load_codec("ae-zfp-1", device="cpu").decode_prefix(b"TFZ1")
