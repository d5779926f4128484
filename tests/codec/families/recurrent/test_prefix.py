"""A payload can be cut after every iteration, and what is left shows what was sent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.contract import EncodeOptions
from codec.errors import BitstreamError
from codec.families.recurrent.body import IterationSegment, pack_body, parse_body, prefix
from codec.families.recurrent.codec import RecurrentCodec
from codec.families.recurrent.symbols import Symbols
from codec.families.recurrent.tiles import shown
from codec.families.recurrent.weights import Weights
from codec.metrics import psnr_db
from tests.support.photographs import picture

IMAGE = picture(75, 101, seed=7)
ITERATIONS = 6
"""Of the highest quality."""
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def payload(small: RecurrentCodec) -> bytes:
    """At the highest quality."""
    return small.encode([IMAGE], EncodeOptions(quality=63))[0].payload


def test_every_prefix_decodes_to_what_its_iterations_show(
    small: RecurrentCodec, weights: Weights, payload: bytes
) -> None:
    whole = small.reader.read(payload).symbols  # type: ignore[attr-defined]
    cuts = [prefix(payload, kept) for kept in range(1, ITERATIONS + 1)]
    assert cuts[-1] == payload
    assert [len(one) for one in cuts] == sorted({len(one) for one in cuts})
    decoded = [one.pixels for one in small.decode(cuts)]
    for kept, pixels in enumerate(decoded, 1):
        first = Symbols(moves_ThwM=whole.moves_ThwM[:kept], sent_Thw=whole.sent_Thw[:kept])
        assert np.array_equal(pixels, shown(weights.model, [first], [IMAGE.shape[:2]], CPU)[0])
    errors = [psnr_db(IMAGE, pixels) for pixels in decoded]
    assert errors == sorted(errors)


def test_a_prefix_is_a_payload_like_any_other(small: RecurrentCodec, payload: bytes) -> None:
    cut = prefix(payload, 3)
    with pytest.raises(ValueError, match="expected 1 to 3 iterations to keep, got 4"):
        prefix(cut, 4)
    assert prefix(prefix(payload, 5), 3) == cut
    for bit in range(0, 8 * len(cut), 5):
        damaged = bytearray(cut)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError, match=r"truncated|damaged"):
            small.reader.read(bytes(damaged))
    with pytest.raises(BitstreamError, match=r"truncated|damaged"):
        prefix(payload[:-1], 3)
    for kept in (0, 7):
        with pytest.raises(ValueError, match=f"expected 1 to 6 iterations to keep, got {kept}"):
            prefix(payload, kept)


def test_a_body_holds_segments_of_any_length() -> None:
    lengths = (0, 1, 254, 255, 70_000)
    segments = [IterationSegment(words=bytes(4 * length), symbols_crc32=length) for length in lengths]
    body = pack_body(segments)
    assert parse_body(body, symbols_crc32=lengths[-1]) == segments
    for broken in (body[:-1], body + b"!", b"", b"\0", b"\x11" + body[1:]):
        with pytest.raises(BitstreamError, match=r"truncated|damaged"):
            parse_body(broken, symbols_crc32=0)
