"""Symbols are the same everywhere, though the float networks are not; tiles and strips leave no trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from codec import tiles
from codec.contract import RGB, EncodeOptions
from codec.entropy.symbol_streams import join_streams, split_streams
from codec.entropy.tables import laplace_tables
from codec.errors import BitstreamError, UnknownWeightsError
from codec.families.hyper import codec as hyper_codec
from codec.families.hyper import hyper_latent_coder, latent_strips
from codec.families.hyper.bitstream import HEADER_BYTES, pack_payload, parse_payload
from codec.families.hyper.codec import HyperCodec, ResidentModel
from codec.families.hyper.config import ModelConfig
from codec.families.hyper.mean_network import MeanNetwork
from codec.families.hyper.weights import Weights, export, understand
from codec.metrics import psnr_db
from codec.parts import precision, tile_loop, tiled_decoder, tiled_model
from codec.parts.company import Company
from codec.parts.tiled_model import AnalysedImage
from codec.weights_file import parse_weights
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU, TINY, busy_model


@pytest.fixture
def threads() -> Iterator[None]:
    """Give torch its threads back afterwards."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("quality", [0, 31.5, 63])
def test_encode_with_one_thread_decode_with_two(
    hyper: HyperCodec, photo: RGB, quality: float, threads: None
) -> None:
    torch.set_num_threads(1)
    (encoded,) = hyper.encode([photo[:300, :410]], EncodeOptions(quality=quality))
    one = hyper.decode([encoded.payload])[0].pixels.astype(int)
    torch.set_num_threads(2)
    assert hyper.reader.read(encoded.payload).symbols_crc32 == encoded.symbols_crc32
    assert np.abs(hyper.decode([encoded.payload])[0].pixels.astype(int) - one).max() <= 1


@pytest.mark.parametrize("quality", [5, 40, 63])
def test_means_off_by_what_bfloat16_drops_move_pixels_a_little_and_no_symbol(
    hyper: HyperCodec, photo: RGB, quality: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = photo[100:350, 200:520]
    (encoded,) = hyper.encode([image], EncodeOptions(quality=quality))
    exactly = hyper.decode([encoded.payload])[0].pixels.astype(int)
    means = MeanNetwork.means

    def rounded(*arguments: object) -> Tensor:
        return means(*arguments).bfloat16().float()  # type: ignore[arg-type]

    monkeypatch.setattr(MeanNetwork, "means", rounded)
    assert hyper.reader.read(encoded.payload).symbols_crc32 == encoded.symbols_crc32
    pixels = hyper.decode([encoded.payload])[0].pixels.astype(int)
    assert np.abs(pixels - exactly).max() <= 2
    assert np.abs(pixels - exactly).mean() < 0.2


def test_float32_and_bfloat16_decode_the_same_symbols_and_nearly_the_same_pixels(
    hyper: HyperCodec, photo: RGB, monkeypatch: pytest.MonkeyPatch
) -> None:
    (encoded,) = hyper.encode([photo], EncodeOptions(quality=45))
    decoded = []
    for native in (True, False):
        monkeypatch.setattr(precision, "has_bfloat16", lambda device, native=native: native)
        assert hyper.reader.read(encoded.payload).symbols_crc32 == encoded.symbols_crc32
        decoded.append(hyper.decode([encoded.payload])[0].pixels)
    difference = np.abs(decoded[0].astype(int) - decoded[1].astype(int))
    assert difference.max() <= 2
    assert (difference > 1).mean() < 5e-4, "1e-4 with the weights of 22 November"
    assert psnr_db(photo, decoded[0]) == pytest.approx(psnr_db(photo, decoded[1]), abs=0.05)


def test_strips_of_any_height_are_one_image(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_strips, "STRIP", 64)
    codec = HyperCodec(tiny, device=CPU)
    image = picture(400, 250)
    (encoded,) = codec.encode([image], EncodeOptions(quality=30))
    latents = codec.latents(encoded.payload)
    monkeypatch.setattr(latent_strips, "STRIP", 1 << 20)
    (whole,) = codec.encode([image], EncodeOptions(quality=30))
    assert encoded.payload != whole.payload, "groups are cut by strips: part of the format"
    assert np.abs(codec.latents(whole.payload) - latents).max() < 1e-3


def test_tiles_leave_no_seam(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = HyperCodec(tiny, device=CPU)
    image = picture(270, 330)
    (whole,) = codec.encoder.prepare([image])
    payload = codec.encoder.finish([whole], [EncodeOptions(quality=50)])[0].payload
    pixels = codec.decode([payload])[0].pixels.astype(int)

    def small(height: int, width: int, halo: int, _tile: int) -> object:
        return tiles.tile_grid(height, width, halo, tile=5)

    monkeypatch.setattr(tile_loop, "tile_grid", small)
    (tiled,) = codec.encoder.prepare([image])
    assert isinstance(whole, AnalysedImage)
    assert isinstance(tiled, AnalysedImage)
    torch.testing.assert_close(tiled.y_hwC, whole.y_hwC, atol=2e-2, rtol=2e-2)
    assert np.abs(codec.decode([payload])[0].pixels.astype(int) - pixels).max() <= 2


def test_latents_need_no_synthesis(hyper: HyperCodec, photo: RGB, monkeypatch: pytest.MonkeyPatch) -> None:
    (encoded,) = hyper.encode([photo[:128, :200]], EncodeOptions(quality=40))

    def forbidden(*_: object) -> Tensor:
        raise AssertionError("the synthesis network ran")

    monkeypatch.setattr(ResidentModel, "synthesise", forbidden)
    latents = hyper.latents(encoded.payload)
    assert latents.shape == encoded.latent_shape == (384, 8, 13)
    assert latents.dtype == np.float32
    assert int(np.abs(latents).max(axis=(1, 2)).argmax()) <= 2, (
        "the first latents are the means of the planes"
    )


def test_payloads_of_other_weights_are_decoded_when_those_are_given(tiny: Weights) -> None:
    other = understand(parse_weights(_file(seed=9), where="the test"))
    payload = HyperCodec(other, device=CPU).encode([picture(70, 90)], EncodeOptions(quality=20))[0].payload
    with pytest.raises(UnknownWeightsError, match=f"made with weights {other.digest.hex()}"):
        HyperCodec(tiny, device=CPU).decode([payload])
    both = HyperCodec(tiny, [other], device=CPU)
    assert both.decode([payload])[0].pixels.shape == (70, 90, 3)
    assert both.weights == {f"{tiny.digest.hex()}.safetensors": tiny.data}


def test_symbols_that_are_not_those_encoded_are_refused(tiny: Weights) -> None:
    codec = HyperCodec(tiny, device=CPU)
    payload = parse_payload(codec.encode([picture(70, 90)], EncodeOptions(quality=20))[0].payload)
    for sixteenths, body in (
        (payload.sixteenths + 16, payload.body),
        (payload.sixteenths, payload.body[:-8]),
        (payload.sixteenths, payload.body + bytes(12)),
    ):
        forged = pack_payload(replace(payload, sixteenths=sixteenths, body=body))
        with pytest.raises(BitstreamError, match=r"symbols with checksum|damaged"):
            codec.decode([forged])


def test_more_escapes_than_symbols_are_refused_before_they_are_read(tiny: Weights) -> None:
    codec = HyperCodec(tiny, device=CPU)
    payload = parse_payload(codec.encode([picture(16, 16)], EncodeOptions(quality=20))[0].payload)
    words, _ = split_streams(payload.body)
    body = join_streams(words, b"\xff\xff\x03" * (TINY.symbols(16, 16) + 1))
    forged = pack_payload(replace(payload, body=body))
    with pytest.raises(BitstreamError, match=r"108 bytes of escapes, expected at most 105"):
        codec.decode([forged])


def test_hyper_latents_out_of_their_range_are_refused(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = HyperCodec(tiny, device=CPU)
    payload = codec.encode([picture(70, 90)], EncodeOptions(quality=20))[0].payload
    monkeypatch.setattr(hyper_latent_coder, "Z_LIMIT", 0)
    with pytest.raises(BitstreamError, match=r"expected hyper-latents up to 0, got [1-9]"):
        codec.decode([payload])


def test_an_image_that_no_payload_can_hold_is_refused_at_once(tiny: Weights) -> None:
    line = np.zeros((1, (1 << 20) + 1, 3), np.uint8)
    with pytest.raises(ValueError, match=r"sides to 1048576, .* got 1048577 x 1"):
        HyperCodec(tiny, device=CPU).encoder.prepare([line])


def test_small_images_cost_little_more_than_the_header(hyper: HyperCodec) -> None:
    flat = np.full((16, 16, 3), 128, np.uint8)
    assert len(hyper.encode([flat], EncodeOptions(quality=20))[0].payload) < HEADER_BYTES + 120


def _file(*, seed: int) -> bytes:
    return export(busy_model(seed), laplace_tables(), name="other", recipe={})


@pytest.mark.parametrize("slices", [(), (20,), (8, 0), (400, 400)], ids=str)
def test_slices_that_cannot_be_are_refused(slices: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="two or more slices of at least 1 and 768 channels in all"):
        ModelConfig(slices=slices)


def test_a_batch_that_is_filled_up_as_on_a_gpu_gives_what_each_image_gives(
    tiny: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = Company(positions=128, tiles=2, filled=True)
    for module in (hyper_codec, tiled_model, tiled_decoder, tile_loop):
        monkeypatch.setattr(module, "company_on", lambda device: filled)
    codec = HyperCodec(tiny, device=CPU)
    images = [picture(60, 50, seed=number) for number in range(3)]
    for options in (EncodeOptions(quality=20), EncodeOptions(quality=45)):
        together = [one.payload for one in codec.encode(images, options)]
        assert together == [codec.encode([image], options)[0].payload for image in images]
        assert [one.pixels.shape for one in codec.decode(together)] == [image.shape for image in images]
