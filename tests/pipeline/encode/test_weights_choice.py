"""Of several sets of weights an image takes the one that codes it smallest at equal quality."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from codec.bitstream import pack_envelope, parse_envelope
from codec.contract import Encoded, EncodeOptions, Prepared
from pipeline.encode.weights_choice import WeightsChoice
from tests.support.plain_codec import PlainCodec

RNG = np.random.default_rng(5)
IMAGE = np.repeat(RNG.integers(0, 255, (40, 12, 3)), 40, axis=1).astype(np.uint8)


class Wasteful(PlainCodec):
    """The same pixels in more bytes."""

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        return [_longer(encoded) for encoded in super().finish(prepared, options)]


def _longer(encoded: Encoded) -> Encoded:
    envelope = parse_envelope(encoded.payload)
    symbols = zlib.compress(zlib.decompress(envelope.body[4:]), 0)
    return replace(encoded, payload=pack_envelope(replace(envelope, body=envelope.body[:4] + symbols)))


def test_the_shorter_one_at_equal_quality_is_taken_and_of_equals_the_first() -> None:
    wasteful, plain, other = (
        kind(encode_with=weights)
        for kind, weights in ((Wasteful, b"a"), (PlainCodec, b"b"), (PlainCodec, b"c"))
    )
    assert WeightsChoice([wasteful, plain, other], 40).of(IMAGE) is plain
    assert WeightsChoice([other, plain, wasteful], 40).of(IMAGE) is other
    assert WeightsChoice([plain, wasteful], 40).gain(IMAGE) == 0
    assert WeightsChoice([wasteful, plain], 40).gain(IMAGE) > 0.3


def test_one_set_is_taken_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    only = PlainCodec()
    monkeypatch.setattr(only, "encode", lambda *_: pytest.fail("nothing is to be compared"))
    assert WeightsChoice([only], 40).of(IMAGE) is only
