"""Decoders of `hyper-1` with weights of their own: whose payloads they show, and how they are found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from codec.contract import FAITHFUL, RGB, EncodeOptions
from codec.decoder_file import read_decoder_file
from codec.entropy.tables import laplace_tables
from codec.errors import CodecConfigError, NoDecoderError, WeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.decoders import kinds
from codec.families.hyper.decoders.weights import (
    DecoderConfig,
    DecoderWeights,
    understand_decoder,
)
from codec.families.hyper.load import load
from codec.families.hyper.weights import Weights, export, understand
from codec.parts.tile_loop import Tiling
from codec.parts.tiled_decoder import TiledDecoder
from codec.sizes import reduced
from codec.weights_file import digest_of, parse_weights, weights_bytes
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU, TINY, busy_model


class GlassConfig(BaseModel):
    latents: int


class Glass(nn.Module):
    """Sees three positions a side, and the quality."""

    halo = 1

    def __init__(self, config: GlassConfig) -> None:
        super().__init__()
        self.look = nn.Conv2d(config.latents, 3 * 256, 3, padding=1)

    def forward(self, y_BMhw: Tensor, quality_B: Tensor) -> Tensor:
        tint_B = (quality_B / 63.0)[:, None, None, None]
        return torch.tanh(nn.functional.pixel_shuffle(self.look(y_BMhw), 16)) * 0.4 + 0.1 * tint_B


@pytest.fixture(autouse=True)
def _a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.KINDS, "glass", kinds.DecoderKind(config=GlassConfig, network=Glass))


def glass_for(digest: bytes, *, seed: int = 0) -> bytes:
    torch.manual_seed(seed)
    model = GlassConfig(latents=TINY.latents)
    config = DecoderConfig(
        decoder="glass", payloads_of=digest.hex(), name="glass-tiny", generates=True, model=model.model_dump()
    )
    return weights_bytes(config.model_dump_json(), Glass(model).state_dict())


def understood(data: bytes) -> DecoderWeights:
    return understand_decoder(parse_weights(data, where="the test"))


@pytest.fixture
def codec(tiny: Weights) -> HyperCodec:
    return HyperCodec(tiny, decoders=[understood(glass_for(tiny.digest))], device=CPU)


def test_a_decoder_shows_its_picture_whole_in_parts_and_in_sizes(
    codec: HyperCodec, tiny: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {name: decoder.generates for name, decoder in codec.decoders.items()} == {
        FAITHFUL: False,
        "consistent": False,
        "glass": True,
    }
    images: list[RGB] = [picture(75, 100), picture(40, 33)]
    payloads = [one.payload for one in codec.encode(images, EncodeOptions(quality=30))]
    faithful, shown = codec.decode(payloads), codec.decode(payloads, decoder="glass")
    for payload, plain, other in zip(payloads, faithful, shown, strict=True):
        assert plain.symbols_crc32 == other.symbols_crc32
        assert not np.array_equal(plain.pixels, other.pixels)
        opened = codec.open(payload, decoder="glass")
        assert np.array_equal(opened.region(17, 5, 16, 34), other.pixels[5:39, 17:33])
        assert np.array_equal(opened.scaled(2), reduced(other.pixels, 2))
        assert opened.scaled(16).shape == reduced(other.pixels, 16).shape
    small_tiles = Tiling(grid=16, halo=1, device=CPU, tile=2)
    glass = codec.decoders["glass"]
    assert isinstance(glass, TiledDecoder)
    network = glass.network(tiny.digest)
    monkeypatch.setattr(network, "synthesis", small_tiles)
    assert np.array_equal(codec.decode(payloads, decoder="glass")[0].pixels, shown[0].pixels)


def test_a_payload_of_weights_without_such_a_decoder_is_refused(tiny: Weights) -> None:
    other = understand(parse_weights(export(busy_model(5), laplace_tables(), name="b", recipe={}), where="b"))
    codec = HyperCodec(other, [tiny], decoders=[understood(glass_for(tiny.digest))], device=CPU)
    (encoded,) = codec.encode([picture(20, 20)], EncodeOptions(quality=30))
    message = rf"payloads made with weights {other.digest.hex()}, which are faithful, consistent; got 'glass'"
    for ask in (codec.decode, lambda payloads, decoder: codec.open(payloads[0], decoder=decoder)):
        with pytest.raises(NoDecoderError, match=message):
            ask([encoded.payload], decoder="glass")
    with pytest.raises(CodecConfigError, match=r"got 'glas'; did you mean glass\?"):
        codec.open(encoded.payload, decoder="glas")


def test_shipped_decoders_are_loaded_and_those_given_count_before_them(
    tiny: Weights, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "small.safetensors").write_bytes(tiny.data)
    (folder / "decoders").mkdir()
    shipped, given = glass_for(tiny.digest), glass_for(tiny.digest, seed=1)
    (folder / "decoders" / "glass.safetensors").write_bytes(shipped)
    monkeypatch.setattr(type(FAMILY), "shipped", property(lambda _: folder))
    codec = load(device=CPU, own=None, others=[b"no weights", given])
    (payload,) = (one.payload for one in codec.encode([picture(20, 20)], EncodeOptions(quality=30)))
    by_given = HyperCodec(tiny, decoders=[understood(given)], device=CPU)
    expected = by_given.decode([payload], decoder="glass")[0].pixels
    assert np.array_equal(codec.decode([payload], decoder="glass")[0].pixels, expected)
    again = load(device=CPU, own=None, others=[]).decode([payload], decoder="glass")[0].pixels
    assert not np.array_equal(again, expected)


def test_weights_say_what_they_are_for(tiny: Weights) -> None:
    data = glass_for(tiny.digest)
    decoder = understood(data)
    said = decoder.config
    assert (said.codec_digest, said.decoder, decoder.digest) == (tiny.digest, "glass", digest_of(data))
    message = r"expected a codec's own weights, got a decoder \(glass\) of hyper-1 .*tenfold decoders --add"
    with pytest.raises(WeightsError, match=message):
        load(device=CPU, own=data, others=[])
    for ask in (understood, lambda data: read_decoder_file(data, where="a test")):
        with pytest.raises(WeightsError, match="expected a decoder, got a codec's own weights of hyper-1"):
            ask(tiny.data)
    with pytest.raises(WeightsError, match=r"expected keys and values, got \[\]"):
        read_decoder_file(weights_bytes("[]", {}), where="a test")
    kinds.KINDS.pop("glass")
    with pytest.raises(WeightsError, match=r"got those of 'glass' .* which this release does not know"):
        understood(data)
