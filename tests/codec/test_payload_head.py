"""What a payload says of itself is told without its family, whatever kind it is of."""

from __future__ import annotations

import pytest

from codec.bitstream import HEAD_BYTES
from codec.codec import Codec
from codec.contract import EncodeOptions
from codec.errors import BitstreamError
from codec.payload_head import read_head, weights_digest
from tests.support.block_codec import block_codec
from tests.support.photographs import picture


@pytest.fixture(scope="module")
def blocks() -> Codec:
    return block_codec()


@pytest.mark.parametrize("quality", [20, 41.5])
def test_every_familys_payloads_say_what_their_reader_finds(codec: Codec, quality: float) -> None:
    _check(codec, quality)


def test_an_envelope_says_what_its_reader_finds(blocks: Codec) -> None:
    assert _check(blocks, 30.25) == 30.25 * 16


def _check(codec: Codec, quality: float) -> int | None:
    (encoded,) = codec.encode([picture(33, 50)], EncodeOptions(quality=quality))
    head, latents = read_head(encoded.payload[:HEAD_BYTES]), codec.reader.read(encoded.payload)
    assert (head.family, head.width, head.height) == (codec.id, 50, 33)
    assert head.symbols_crc32 == encoded.symbols_crc32
    assert head.weights_digest == latents.weights_digest == weights_digest(encoded.payload)
    assert head.sixteenths in (None, round(quality * 16))
    return head.sixteenths


@pytest.mark.parametrize("start", [b"", b"TF", b"TFH1", b"TFZ1" + bytes(20), b"TF\x01", b"a JPEG, say" * 9])
def test_what_is_no_payload_names_no_weights(start: bytes) -> None:
    assert weights_digest(start) is None
    with pytest.raises(BitstreamError, match=r"truncated|of this project"):
        read_head(start)
