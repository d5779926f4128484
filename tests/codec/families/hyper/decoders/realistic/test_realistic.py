"""The realistic decoder: a difference to the faithful picture, the same in tiles and whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codec.bench.judges.lpips import lpips
from codec.contract import EncodeOptions
from codec.entropy.tables import laplace_tables
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.decoders.realistic.config import Drawing, RealisticConfig
from codec.families.hyper.decoders.realistic.network import Realistic
from codec.families.hyper.decoders.weights import DecoderConfig, understand_decoder
from codec.families.hyper.weights import export, understand
from codec.metrics import psnr_db
from codec.parts.noise import noise_at
from codec.parts.tile_loop import Synthesised, Tiling, synthesised
from codec.perception.packaged import LPIPS_ALEXNET
from codec.registry import load_codec
from codec.training.drawn_noise import with_noise
from codec.weights_file import parse_weights, weights_bytes
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU, TINY, busy_model

PHOTOS = Path(__file__).parents[5] / "photos"
QUALITY = torch.tensor([8.0])


@pytest.fixture(scope="module")
def busy() -> Realistic:
    """One that draws a great deal."""
    torch.manual_seed(1)
    network = Realistic(RealisticConfig(codec=TINY, drawing=Drawing(blocks=2, details=3, layers=2)))
    network.begin(busy_model().synthesis)
    with torch.no_grad():
        for parameter in network.drawn.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def seen(busy: Realistic) -> torch.Tensor:
    chance = np.random.default_rng(0)
    y_1Mhw = torch.from_numpy(chance.normal(size=(1, TINY.latents, 13, 11)).astype(np.float32) * 0.1)
    return with_noise(y_1Mhw, busy.noise, chance)


def test_tiles_equal_the_whole(busy: Realistic, seen: torch.Tensor) -> None:
    picture = Synthesised(
        tile=lambda rows, columns: seen[:, :, rows, columns],
        width=170,
        height=203,
        other_inputs=lambda rows, columns: (QUALITY,),
    )
    whole, tiles = (
        synthesised(busy, [picture], Tiling(grid=16, halo=busy.halo, device=CPU, tile=tile))[0]
        for tile in (64, 5)
    )
    assert np.array_equal(whole, tiles)


def test_strength_goes_from_the_faithful_picture_to_the_realistic_one(
    busy: Realistic, seen: torch.Tensor
) -> None:
    with torch.inference_mode():
        faithful = busy_model().synthesis(seen[:, : TINY.latents], QUALITY)
        none, half, whole = (busy(seen, QUALITY, torch.tensor([strength])) for strength in (0.0, 0.5, 1.0))
        assert torch.equal(whole, busy(seen, QUALITY))
    assert torch.equal(none, faithful)
    assert (whole - faithful).abs().max() > 0.1
    torch.testing.assert_close(half, (whole + faithful) / 2.0)


def test_a_payload_has_one_realistic_picture_whole_and_in_part(busy: Realistic) -> None:
    own = understand(
        parse_weights(export(busy_model(), laplace_tables(), name="busy", recipe={}), where="test")
    )
    config = DecoderConfig(
        decoder="realistic",
        payloads_of=own.digest.hex(),
        name="busy",
        generates=True,
        model=busy.config.model_dump(mode="json"),
    )
    decoder = understand_decoder(
        parse_weights(weights_bytes(config.model_dump_json(), busy.state_dict()), where="test")
    )
    codec = HyperCodec(own, decoders=[decoder], device=CPU)
    (encoded,) = codec.encode([picture(50, 70, 3)], EncodeOptions(quality=8))
    names = ("faithful", "realistic:0.1", "realistic:0.5", "realistic:0.99", "realistic")
    shown = {name: codec.decode([encoded.payload], decoder=name)[0].pixels for name in names}
    again = codec.open(encoded.payload, decoder="realistic").region(20, 10, 40, 30)
    assert np.array_equal(again, shown["realistic"][10:40, 20:60])
    apart = [float(np.abs(shown[name].astype(int) - shown["faithful"]).mean()) for name in names]
    assert apart == sorted(set(apart))


def test_the_shipped_one_shows_more_of_what_few_bits_leave_out() -> None:
    if (missing := LPIPS_ALEXNET.missing()) is not None:
        pytest.skip(missing)
    codec = load_codec("hyper-1", device="cpu")
    with Image.open(PHOTOS / "kodim05.png") as photo:
        original = np.asarray(photo.convert("RGB"))[128:256, 128:320]
    (encoded,) = codec.encode([original], EncodeOptions(quality=8))
    faithful, realistic = (
        codec.decode([encoded.payload], decoder=name)[0].pixels for name in ("faithful", "realistic")
    )
    assert codec.decoders["realistic"].generates
    assert lpips("AlexNet", original, realistic) < 0.9 * lpips("AlexNet", original, faithful)
    assert psnr_db(original, realistic) > psnr_db(original, faithful) - 2.0


def test_noise_at_a_position_is_the_same_whatever_is_drawn_around_it() -> None:
    whole = noise_at(slice(0, 9), slice(0, 7), values=256, seed=5)
    part = noise_at(slice(3, 8), slice(2, 6), values=256, seed=5)
    assert torch.equal(part, whole[:, :, 3:8, 2:6])
    assert not torch.equal(part, noise_at(slice(3, 8), slice(2, 6), values=256, seed=6))
    assert abs(float(whole.mean())) < 0.02
    assert abs(float(whole.var()) - 1.0 / 3.0) < 0.02


def test_it_begins_as_the_faithful_decoder_whatever_the_noise() -> None:
    network = Realistic(RealisticConfig(codec=TINY, drawing=Drawing(blocks=2)))
    network.begin(busy_model().synthesis)
    chance = np.random.default_rng(0)
    y_1Mhw = torch.from_numpy(chance.normal(size=(1, TINY.latents, 3, 4)).astype(np.float32))
    with torch.inference_mode():
        faithful, difference = network.parts(with_noise(y_1Mhw, network.noise, chance), QUALITY)
        assert torch.equal(faithful, busy_model().synthesis(y_1Mhw, QUALITY))
    assert not difference.any()
