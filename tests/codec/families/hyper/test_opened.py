"""A payload of `hyper-1` is read as far as a picture needs, and read on from there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codec.contract import RGB, EncodeOptions
from codec.entropy.symbol_streams import SymbolReader
from codec.errors import BitstreamError
from codec.families.hyper import latent_strips
from codec.families.hyper.bitstream import pack_payload, parse_payload
from codec.families.hyper.codec import HyperCodec, ResidentModel
from codec.families.hyper.weights import Weights
from codec.metrics import psnr_db
from codec.sizes import reduced
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU

AT_34 = EncodeOptions(quality=34)


@pytest.fixture(scope="module")
def payload(hyper: HyperCodec, photo: RGB) -> bytes:
    return hyper.encode([photo[:256, :320]], AT_34)[0].payload


def test_a_small_picture_reads_few_groups_and_the_whole_reads_the_others(
    hyper: HyperCodec, payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    group = SymbolReader.group

    def counted(reader: SymbolReader, wanted: None, indices: np.ndarray) -> np.ndarray:
        groups.append(indices.size)
        return group(reader, wanted, indices)

    monkeypatch.setattr(SymbolReader, "group", counted)
    opened = hyper.open(payload)
    assert groups == []
    taken = []
    for denominator in (16, 8, 16, 4, 2, 1, 2):
        opened.scaled(denominator)
        if denominator == 1:
            opened.region(0, 0, 8, 8)
        taken.append(len(groups))
    assert taken == [5, 6, 6, 8, 9, 10, 10], "hyper-latents and four quarters, then a slice each; none twice"


def test_small_pictures_look_like_the_whole_reduced(hyper: HyperCodec, payload: bytes) -> None:
    opened = hyper.open(payload)
    early = {denominator: opened.scaled(denominator) for denominator in (16, 8, 4, 2)}
    whole = opened.whole()
    late = hyper.open(payload)
    late.region(0, 0, 1, 1)
    for denominator, small in early.items():
        assert psnr_db(reduced(whole, denominator), small) > 39.0
        assert np.array_equal(late.scaled(denominator), small), "however much was read before"


def test_parts_of_several_tiles_and_strips_equal_the_whole(
    tiny: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latent_strips, "STRIP", 64)
    codec = HyperCodec(tiny, device=CPU)
    model = codec.encoder._model  # the only one
    assert isinstance(model, ResidentModel)
    model.synthesis = replace(model.synthesis, tile=5)
    (encoded,) = codec.encode([picture(270, 331)], EncodeOptions(quality=50))
    whole = codec.decode([encoded.payload])[0].pixels
    opened = codec.open(encoded.payload)
    opened.scaled(8)
    chance = np.random.default_rng(1)
    for _ in range(30):
        left, top = (int(chance.integers(side)) for side in (331, 270))
        width, height = int(chance.integers(1, 332 - left)), int(chance.integers(1, 271 - top))
        part = opened.region(left, top, width, height)
        assert np.array_equal(part, whole[top : top + height, left : left + width])
    assert np.array_equal(opened.whole(), whole)


def test_symbols_that_are_not_those_encoded_are_found_when_they_are_read(
    hyper: HyperCodec, payload: bytes
) -> None:
    envelope = parse_payload(payload)
    body = bytearray(envelope.body)
    body[-40] ^= 4
    opened = hyper.open(pack_payload(replace(envelope, body=bytes(body))))  # its checksums are right
    small = opened.scaled(16)
    for _ in range(2):
        with pytest.raises(BitstreamError, match="damaged"):
            opened.whole()
    assert np.array_equal(opened.scaled(16), small)
    with pytest.raises(BitstreamError, match="damaged"):
        opened.scaled(8)
    with pytest.raises(BitstreamError, match="damaged"):
        opened.region(0, 0, 5, 5)
