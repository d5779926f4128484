"""A family that gives analysis, symbols and synthesis keeps the laws of the contract; the rest is not its business."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codec import tiles
from codec.bitstream import pack_envelope, parse_envelope
from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.errors import BitstreamError, CodecConfigError, UnknownWeightsError
from codec.parts import tile_loop
from tests.codec.test_contract import (  # noqa: F401  run here once more, on the codec below
    small_payload,
    test_a_flat_image_comes_back_flat,
    test_an_empty_batch_is_an_empty_list,
    test_an_opened_payload_shows_the_decoded_picture_in_any_part_and_size,
    test_an_opened_payload_that_is_damaged_is_refused,
    test_any_size_round_trips,
    test_encoding_in_a_batch_equals_encoding_alone,
    test_encoding_twice_gives_the_same_bytes,
    test_estimates_are_within_a_percent_of_the_bytes,
    test_every_family_has_a_faithful_decoder_and_names_its_decoders,
    test_every_flipped_bit_is_refused,
    test_every_truncation_is_refused,
    test_extreme_shapes_round_trip,
    test_higher_quality_costs_more_and_shows_more,
    test_images_that_are_not_8_bit_rgb_are_refused,
    test_junk_is_refused,
    test_latents_say_what_they_are_of,
    test_one_bad_payload_fails_a_batch_clearly,
    test_parts_and_sizes_that_there_are_not_are_refused,
    test_prepared_images_meet_every_quality_as_if_encoded_for_it,
    test_qualities_between_two_levels_cost_what_lies_between,
    test_views_and_read_only_images_are_taken,
    test_weights_are_named_by_what_payloads_carry,
)
from tests.support.block_codec import FAMILY, BlockModel, block_codec
from tests.support.photographs import picture

AT_40 = EncodeOptions(quality=40)


@pytest.fixture(scope="module")
def codec() -> Codec:
    """A codec that is no shipped family's."""
    return block_codec()


def test_its_payload_is_an_envelope(codec: Codec) -> None:
    (encoded,) = codec.encode([picture(33, 50)], AT_40)
    envelope = parse_envelope(encoded.payload)
    assert (envelope.family, envelope.width, envelope.height) == (FAMILY, 50, 33)
    assert (envelope.sixteenths, envelope.symbols_crc32) == (640, encoded.symbols_crc32)


@pytest.mark.parametrize("tile", [2, 3, 5])
def test_tiles_leave_no_seam(codec: Codec, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(101, 77)
    (whole,) = codec.encode([image], AT_40)
    pixels = codec.decode([whole.payload])[0].pixels.astype(int)

    def small(height: int, width: int, halo: int, _tile: int) -> object:
        return tiles.tile_grid(height, width, halo, tile=tile)

    monkeypatch.setattr(tile_loop, "tile_grid", small)
    (tiled,) = codec.encode([image], AT_40)
    assert np.abs(codec.latents(tiled.payload) - codec.latents(whole.payload)).mean() < 1e-3
    assert np.abs(codec.decode([whole.payload])[0].pixels - pixels).max() <= 1


def test_a_family_that_cannot_refine_refuses_effort(codec: Codec) -> None:
    with pytest.raises(CodecConfigError, match=r"expected effort 0 with blocks-1, .* got 2: leave it out"):
        codec.encode([picture(20, 20)], EncodeOptions(quality=40, effort=2))
    with pytest.raises(ValueError, match="expected an effort from 0 to 3, got 4"):
        EncodeOptions(quality=40, effort=4)


def test_payloads_of_other_families_are_refused(codec: Codec) -> None:
    (encoded,) = codec.encode([picture(20, 20)], AT_40)
    other = pack_envelope(replace(parse_envelope(encoded.payload), family="hyper-9"))
    with pytest.raises(BitstreamError, match="expected a payload of blocks-1, got one of hyper-9"):
        codec.decode([other])


def test_payloads_of_other_weights_are_decoded_when_those_are_given(codec: Codec) -> None:
    further = BlockModel(b"other weights")
    (encoded,) = block_codec(further).encode([picture(20, 20)], AT_40)
    with pytest.raises(UnknownWeightsError, match=further.digest.hex()):
        codec.decode([encoded.payload])
    (decoded,) = block_codec(others=[further]).decode([encoded.payload])
    assert decoded.symbols_crc32 == encoded.symbols_crc32


def test_symbols_that_are_not_those_encoded_are_refused(codec: Codec, photo: RGB) -> None:
    (encoded,) = codec.encode([photo[:40, :40]], AT_40)
    envelope = parse_envelope(encoded.payload)
    forged = pack_envelope(replace(envelope, symbols_crc32=envelope.symbols_crc32 ^ 1))
    with pytest.raises(BitstreamError, match="expected symbols with checksum"):
        codec.decode([forged])
