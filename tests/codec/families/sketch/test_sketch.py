"""Samples of one payload, words inside it, and what textures are held to."""

from __future__ import annotations

import zlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from codec.bitstream import pack_envelope, parse_envelope
from codec.contract import FAITHFUL, RGB, EncodeOptions
from codec.entropy.factorised import fit_factorised
from codec.errors import BitstreamError, TruncatedError
from codec.families.sketch.config import SketchShape
from codec.families.sketch.load import SKETCH
from codec.families.sketch.network import Sketch
from codec.families.sketch.objective import texture_apart
from codec.families.sketch.train_config import TINY
from codec.families.sketch.words import places_of
from codec.grid.codec import GridCodec, quantised
from codec.grid.model import GridModel
from codec.grid.weights import WeightsConfig, export, understand
from codec.parts.start_values import draw
from codec.weights_file import parse_weights
from tests.support.photographs import picture

SHAPE = SketchShape.model_validate(TINY["network"])
SAMPLES = ("sampled", "sampled-2", "sampled-3")
OPTIONS = EncodeOptions(quality=40)


@pytest.fixture(scope="module")
def codec() -> GridCodec:
    """Of a network with random weights everywhere, so that nothing hides a missing halo."""
    torch.manual_seed(0)
    network = Sketch(SHAPE)
    for name, parameter in network.named_parameters():
        if not parameter.any():
            draw(parameter, std=0.05)
        if name.endswith("shifts.0.weight"):
            draw(parameter, std=1.0)
    codes_NC = np.random.default_rng(0).laplace(size=(500, SHAPE.codes)).astype(np.float32)
    entropy = fit_factorised(lambda level: quantised(codes_NC, network.steps(level)))
    config = WeightsConfig(family=SKETCH.id, name="small", network=SHAPE.model_dump(mode="json"))
    weights = understand(parse_weights(export(GridModel(network), entropy, config), where="test"), SKETCH)
    return GridCodec(SKETCH, weights, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def payload(codec: GridCodec) -> bytes:
    return codec.encode([picture(200, 260)], OPTIONS)[0].payload


def shown(codec: GridCodec, payload: bytes, decoder: str) -> RGB:
    return codec.decode([payload], decoder=decoder)[0].pixels


def test_every_sample_of_a_payload_is_another_picture_and_repeats(codec: GridCodec, payload: bytes) -> None:
    assert tuple(codec.decoders) == (FAITHFUL, *SAMPLES)
    assert [codec.named_decoder(name).generates for name in codec.decoders] == [False, True, True, True]
    pictures = [shown(codec, payload, name) for name in codec.decoders]
    assert len({one.tobytes() for one in pictures}) == 4
    assert np.array_equal(shown(codec, payload, "sampled-2"), pictures[2])


def test_a_part_of_a_sample_equals_the_whole_in_tiles(
    codec: GridCodec, payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shown(codec, payload, "sampled-3")
    opened = codec.open(payload, decoder="sampled-3")
    assert np.array_equal(opened.region(70, 33, 150, 90), whole[33:123, 70:220])
    monkeypatch.setattr("codec.grid.codec._TILE_PIXELS", 96)
    weights = understand(parse_weights(next(iter(codec.weights.values())), where="test"), SKETCH)
    in_small_tiles = GridCodec(SKETCH, weights, device=torch.device("cpu"))
    assert np.array_equal(shown(in_small_tiles, payload, "sampled-3"), whole)


def test_words_are_counted_come_back_and_move_the_picture(codec: GridCodec, payload: bytes) -> None:
    image, words = picture(200, 260), "ein Hund am Strand"
    asked = EncodeOptions(quality=40, words=words)
    (told,) = codec.encode([image], asked)
    assert len(payload) < len(told.payload) <= len(payload) + len(words.encode()) + 2
    prepared = codec.encoder.prepare([image])
    estimates = [codec.encoder.estimate_bytes(prepared, [one])[0] for one in (OPTIONS, asked)]
    assert estimates[1] - estimates[0] == len(told.payload) - len(payload)
    latents = codec.reader.read(told.payload)
    assert latents.envelope.words == words
    assert np.array_equal(latents.y_hat(), codec.latents(payload))
    assert not np.array_equal(shown(codec, told.payload, FAITHFUL), shown(codec, payload, FAITHFUL))
    together = codec.decode([payload, told.payload])
    assert np.array_equal(together[1].pixels, shown(codec, told.payload, FAITHFUL))


@pytest.mark.parametrize(
    "deflated", [b"\xff\xff", b"\x00", zlib.compress(b"a" * 2000)[2:-4]], ids=["damaged", "cut", "long"]
)
def test_words_that_no_encoder_wrote_are_refused(codec: GridCodec, payload: bytes, deflated: bytes) -> None:
    envelope = parse_envelope(payload)
    body = len(deflated).to_bytes(2, "little") + deflated + envelope.body[2:]
    forged = pack_envelope(replace(envelope, body=body))
    with pytest.raises(BitstreamError, match=r"deflated text|expected words of up to"):
        codec.decode([forged])
    with pytest.raises(TruncatedError, match="bytes"):
        codec.decode_prefix(forged[: len(payload) - len(envelope.body) + 1])


def test_the_order_of_words_and_their_case_are_lost_and_nothing_said_is_nothing() -> None:
    assert torch.equal(places_of("A dog, a BEACH"), places_of("a beach a Dog"))
    assert float(places_of("a dog").sum()) == pytest.approx(1.0)
    assert not places_of(None).any()
    assert not places_of("!?").any()


def test_a_texture_elsewhere_is_nearer_than_none() -> None:
    torch.manual_seed(0)
    seeing = cast(Any, SimpleNamespace(heads=[torch.ones(4)]))
    texture = torch.rand(1, 4, 32, 32)
    moved, flat = texture.roll((1, 1), (2, 3)), texture.mean((2, 3), keepdim=True).expand_as(texture)
    assert float(texture_apart(seeing, [texture], [texture])) == 0.0
    assert texture_apart(seeing, [texture], [moved]) < 0.2 * texture_apart(seeing, [texture], [flat])
