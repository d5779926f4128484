"""The laws every codec family keeps, on the shipped weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codec.codec import Codec
from codec.contract import FAITHFUL, RGB, EncodeOptions
from codec.errors import BitstreamError, CodecConfigError
from codec.metrics import psnr_db
from codec.registry import codec_ids, family_of, load_codec
from codec.sizes import DENOMINATORS, reduced
from codec.weights_file import digest_of, weights_name
from tests.support.long_run import IS_LONG
from tests.support.photographs import picture

FEW = settings(
    max_examples=200 if IS_LONG else 8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def test_load_codec_gives_a_codec_whose_id_is_the_one_asked_for() -> None:
    for codec_id in codec_ids():
        loaded: Codec = load_codec(codec_id, device="cpu")
        assert loaded.id == codec_id
        assert family_of(codec_id).searches is (loaded.refiner is not None)


@FEW
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    quality=st.sampled_from([0, 8, 20, 41, 63]),
    seed=st.integers(0, 9),
)
def test_any_size_round_trips(codec: Codec, height: int, width: int, quality: int, seed: int) -> None:
    image = picture(height, width, seed)
    (encoded,) = codec.encode([image], EncodeOptions(quality=quality))
    (decoded,) = codec.decode([encoded.payload])
    assert decoded.pixels.shape == image.shape
    assert decoded.pixels.dtype == np.uint8
    assert psnr_db(image, decoded.pixels) > 15.0
    assert codec.latents(encoded.payload).shape == encoded.latent_shape
    assert decoded.symbols_crc32 == encoded.symbols_crc32


@pytest.mark.parametrize("shape", [(1, 1), (1, 9_000), (9_000, 1), (16, 16), (17, 1)], ids=str)
def test_extreme_shapes_round_trip(codec: Codec, shape: tuple[int, int]) -> None:
    image = picture(*shape)
    (encoded,) = codec.encode([image], EncodeOptions(quality=63))
    assert codec.decode([encoded.payload])[0].pixels.shape == image.shape


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_image_comes_back_flat(codec: Codec, level: int) -> None:
    image = np.full((40, 56, 3), level, np.uint8)
    (decoded,) = codec.decode([codec.encode([image], EncodeOptions(quality=63))[0].payload])
    errors = np.abs(decoded.pixels.astype(int) - level)
    assert errors.max() <= 6 or (not family_of(codec.id).nears_originals and errors.mean() <= 6.0)


@FEW
@given(
    shapes=st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=2, max_size=4),
    quality=st.sampled_from([0, 30, 63]),
)
def test_encoding_in_a_batch_equals_encoding_alone(
    codec: Codec, shapes: list[tuple[int, int]], quality: int
) -> None:
    images = [picture(height, width, seed) for seed, (height, width) in enumerate(shapes)]
    together = codec.encode(images, EncodeOptions(quality=quality))
    alone = [codec.encode([image], EncodeOptions(quality=quality))[0] for image in images]
    assert [e.payload for e in together] == [e.payload for e in alone]
    decoded = codec.decode([e.payload for e in together])
    for payload, one in zip((e.payload for e in together), decoded, strict=True):
        assert np.array_equal(codec.decode([payload])[0].pixels, one.pixels)


def test_small_images_of_one_size_are_each_what_they_are_alone(codec: Codec) -> None:
    images = [picture(40, 56, seed) for seed in range(5)]
    options = [EncodeOptions(quality=seed * 15) for seed in range(5)]
    together = codec.encoder.finish(codec.encoder.prepare(images), options)
    alone = [codec.encode([image], one)[0] for image, one in zip(images, options, strict=True)]
    assert together == alone
    prepared = codec.encoder.prepare(images)
    assert codec.encoder.estimate_bytes(prepared, options) == [
        codec.encoder.estimate_bytes([image], [one])[0] for image, one in zip(prepared, options, strict=True)
    ]
    decoded = codec.decode([one.payload for one in together])
    for one, back in zip(alone, decoded, strict=True):
        assert np.array_equal(codec.decode([one.payload])[0].pixels, back.pixels)


def test_encoding_twice_gives_the_same_bytes(codec: Codec, photo: RGB) -> None:
    part = photo[:300, :420]
    assert codec.encode([part], EncodeOptions(quality=20)) == codec.encode([part], EncodeOptions(quality=20))


def test_payload_decodes_with_a_codec_loaded_anew(codec: Codec) -> None:
    image = picture(50, 70)
    (encoded,) = codec.encode([image], EncodeOptions(quality=41))
    again = load_codec(codec.id, device="cpu")
    assert again.reader.read(encoded.payload).symbols_crc32 == encoded.symbols_crc32
    assert np.array_equal(
        again.decode([encoded.payload])[0].pixels, codec.decode([encoded.payload])[0].pixels
    )


def test_an_empty_batch_is_an_empty_list(codec: Codec) -> None:
    assert codec.encode([], EncodeOptions(quality=5)) == []
    assert codec.decode([]) == []


def test_higher_quality_costs_more_and_shows_more(codec: Codec, photo: RGB) -> None:
    crop = photo[:128, :128]
    sizes: list[int] = []
    errors: list[float] = []
    for quality in range(0, 64, 12):
        (encoded,) = codec.encode([crop], EncodeOptions(quality=quality))
        sizes.append(len(encoded.payload))
        errors.append(psnr_db(crop, codec.decode([encoded.payload])[0].pixels))
    assert sizes == sorted(sizes)
    assert errors == sorted(errors)


@pytest.mark.parametrize("quality", [-1, 64, 1000])
def test_quality_outside_the_range_is_refused(quality: int) -> None:
    with pytest.raises(ValueError, match="quality from 0 to 63"):
        EncodeOptions(quality=quality)


def test_every_family_has_a_faithful_decoder_and_names_its_decoders(codec: Codec) -> None:
    assert FAITHFUL in codec.decoders
    with pytest.raises(CodecConfigError, match=f"a decoder of {codec.id}, which are faithful.* got 'crayon'"):
        codec.decode([], decoder="crayon")


def test_the_first_latents_are_the_first_of_all(codec: Codec) -> None:
    images = [picture(40, 56, seed) for seed in range(3)] + [picture(90, 33)]
    payloads = [one.payload for one in codec.encode(images, EncodeOptions(quality=40))]
    latents = [codec.latents(payload) for payload in payloads]
    for channels in (1, 40, None):
        for one, first in zip(latents, codec.first_latents(payloads, channels), strict=True):
            assert np.array_equal(first, one[:channels])


def test_latents_say_what_they_are_of(codec: Codec) -> None:
    (encoded,) = codec.encode([picture(33, 50)], EncodeOptions(quality=20))
    latents = codec.reader.read(encoded.payload)
    assert (latents.width, latents.height, latents.symbols_crc32) == (50, 33, encoded.symbols_crc32)
    assert weights_name(latents.weights_digest) in codec.weights
    (pixels,) = codec.decoders[FAITHFUL].synthesise([latents])
    assert np.array_equal(pixels, codec.decode([encoded.payload])[0].pixels)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (33, 50), (97, 131)])
def test_an_opened_payload_shows_the_decoded_picture_in_any_part_and_size(
    codec: Codec, height: int, width: int
) -> None:
    (encoded,) = codec.encode([picture(height, width)], EncodeOptions(quality=34))
    (decoded,) = codec.decode([encoded.payload])
    opened = codec.open(encoded.payload)
    assert (opened.width, opened.height) == (width, height)
    for denominator in reversed(DENOMINATORS):
        expected = reduced(decoded.pixels, denominator)
        assert opened.scaled(denominator).shape == expected.shape
        assert psnr_db(opened.scaled(denominator), expected) > 30.0
    chance = np.random.default_rng(height)
    for _ in range(8):
        (left, right), (top, bottom) = (
            sorted(chance.choice(side + 1, 2, replace=False).tolist()) for side in (width, height)
        )
        part = opened.region(left, top, right - left, bottom - top)
        assert np.array_equal(part, decoded.pixels[top:bottom, left:right])
    assert np.array_equal(opened.whole(), decoded.pixels)
    assert np.array_equal(codec.open(encoded.payload).whole(), decoded.pixels)
    assert opened.holds_bytes >= width * height


def test_parts_and_sizes_that_there_are_not_are_refused(codec: Codec, small_payload: bytes) -> None:
    opened = codec.open(small_payload)
    for region in ((0, 0, 21, 5), (0, 0, 0, 5), (-1, 0, 5, 5), (4, 16, 5, 5)):
        with pytest.raises(ValueError, match=r"a region of 20 x 20 pixels, got"):
            opened.region(*region)
    with pytest.raises(ValueError, match=r"a denominator of 1, 2, 4, 8, 16, got 3"):
        opened.scaled(3)


def test_an_opened_payload_that_is_damaged_is_refused(codec: Codec, small_payload: bytes) -> None:
    for at in range(0, len(small_payload), 7):
        damaged = bytearray(small_payload)
        damaged[at] ^= 16
        with pytest.raises(BitstreamError, match=r"truncated|damaged"):
            codec.open(bytes(damaged)).whole()
    with pytest.raises(BitstreamError, match=r"truncated|damaged"):
        codec.open(small_payload[:-5]).whole()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_images_that_are_not_8_bit_rgb_are_refused(codec: Codec, image: RGB) -> None:
    with pytest.raises(ValueError, match=r"uint8 images of shape \(H, W, 3\)"):
        codec.encode([image], EncodeOptions(quality=10))


def test_views_and_read_only_images_are_taken(codec: Codec) -> None:
    image = picture(40, 40)
    image.flags.writeable = False
    flipped = image[::-1, ::-1]
    (encoded,) = codec.encode([flipped], EncodeOptions(quality=20))
    assert encoded == codec.encode([np.ascontiguousarray(flipped)], EncodeOptions(quality=20))[0]


@pytest.fixture(scope="module")
def small_payload(codec: Codec) -> bytes:
    return codec.encode([picture(20, 20)], EncodeOptions(quality=20))[0].payload


def test_every_truncation_is_refused(codec: Codec, small_payload: bytes) -> None:
    for length in range(len(small_payload)):
        with pytest.raises(BitstreamError, match=r"truncated|damaged"):
            codec.decode([small_payload[:length]])


def test_every_flipped_bit_is_refused(codec: Codec) -> None:
    payload = codec.encode([picture(20, 20)], EncodeOptions(quality=0))[0].payload
    for bit in range(8 * len(payload)):
        damaged = bytearray(payload)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError, match=r"truncated|damaged"):
            codec.reader.read(bytes(damaged))


@FEW
@given(junk=st.binary(max_size=300), tail=st.booleans())
def test_junk_is_refused(codec: Codec, small_payload: bytes, junk: bytes, tail: bool) -> None:
    with pytest.raises(BitstreamError, match=r"truncated|damaged"):
        codec.decode([small_payload + junk + b"!" if tail else junk])


def test_one_bad_payload_fails_a_batch_clearly(codec: Codec, small_payload: bytes) -> None:
    with pytest.raises(BitstreamError, match="checksum"):
        codec.decode([small_payload, small_payload[:-1] + bytes([small_payload[-1] ^ 1])])


def test_prepared_images_meet_every_quality_as_if_encoded_for_it(codec: Codec, photo: RGB) -> None:
    images = [photo[:200, :150], photo[100:164, 300:400]]
    prepared = codec.encoder.prepare(images)
    finished = codec.encoder.finish(prepared, [EncodeOptions(quality=12), EncodeOptions(quality=47.5)])
    assert finished[0] == codec.encode(images[:1], EncodeOptions(quality=12))[0]
    assert finished[1] == codec.encode(images[1:], EncodeOptions(quality=47.5))[0]
    assert [(one.width, one.height) for one in prepared] == [(150, 200), (100, 64)]


def test_estimates_are_within_a_percent_of_the_bytes(codec: Codec, photo: RGB) -> None:
    (prepared,) = codec.encoder.prepare([photo[:192, :288]])
    for quality in (0, 8.25, 20, 33.5, 48, 63):
        options = EncodeOptions(quality=quality)
        (encoded,) = codec.encoder.finish([prepared], [options])
        (estimate,) = codec.encoder.estimate_bytes([prepared], [options])
        assert estimate == pytest.approx(len(encoded.payload), rel=0.01, abs=8)


def test_qualities_between_two_levels_cost_what_lies_between(codec: Codec, photo: RGB) -> None:
    (prepared,) = codec.encoder.prepare([photo[:256, :256]])
    sizes = [
        codec.encoder.estimate_bytes([prepared], [EncodeOptions(quality=quality)])[0]
        for quality in (30, 30.25, 30.5, 30.75, 31)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[4]


def test_weights_are_named_by_what_payloads_carry(codec: Codec) -> None:
    for name, data in codec.weights.items():
        assert name == f"{digest_of(data).hex()}.safetensors"
    payload = codec.encode([picture(20, 20)], EncodeOptions(quality=20))[0].payload
    assert any(bytes.fromhex(name.removesuffix(".safetensors")) in payload[:40] for name in codec.weights)
