"""An importance map moves bits to where it says, in any company and any tiles; a flat one is no map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from codec.contract import RGB, EncodeOptions
from codec.errors import BitstreamError
from codec.families.hyper.bitstream import HEADER_BYTES, MAGICS, pack_payload, parse_payload
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.decoders.consistent import ConsistentDecoder
from codec.families.hyper.weights import Weights
from codec.importance_map import USUAL, GreyMap, automatic_map, steps_of
from codec.metrics import psnr_db
from codec.payload_head import read_head
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU

MAPPED_MAGIC = MAGICS[True, True]


def spot(*shape: int) -> GreyMap:
    """As usual, and white in a corner."""
    grey = np.full(shape, USUAL, np.uint8)
    grey[: shape[0] // 2, : shape[1] // 2] = 255
    return grey


@pytest.fixture(scope="module")
def codec(tiny: Weights) -> HyperCodec:
    """A small model."""
    return HyperCodec(tiny, device=CPU)


def test_a_region_of_interest_gains_and_a_flat_map_changes_no_byte(hyper: HyperCodec, photo: RGB) -> None:
    image = np.ascontiguousarray(photo[100:356, 200:456])
    grey = np.full((4, 4), 112, np.uint8)
    grey[1:3, 1:3] = 255
    plain, mapped = (
        hyper.encode([image], EncodeOptions(quality=20, importance=one))[0] for one in (None, grey)
    )
    inside = np.s_[64:192, 64:192]
    before, after = (
        psnr_db(image[inside], hyper.decode([one.payload])[0].pixels[inside]) for one in (plain, mapped)
    )
    assert after > before + 3.0
    flat = np.full((9, 13), USUAL, np.uint8)
    assert hyper.encode([image], EncodeOptions(quality=20, importance=flat)) == [plain]
    assert (plain.payload[:4], mapped.payload[:4]) == (b"TFH3", MAPPED_MAGIC)
    assert read_head(mapped.payload) == replace(read_head(plain.payload), symbols_crc32=mapped.symbols_crc32)


def test_a_block_of_a_mapped_image_is_coded_as_in_an_image_of_that_quality(
    codec: HyperCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(128, 128)
    everywhere = np.full((1, 1), USUAL + 16, np.uint8)
    mapped = codec.encode([image], EncodeOptions(quality=30, importance=everywhere))[0].payload
    plain = codec.encode([image], EncodeOptions(quality=33))[0].payload
    assert np.array_equal(codec.decode([mapped])[0].pixels, codec.decode([plain])[0].pixels)
    assert np.array_equal(codec.latents(mapped), codec.latents(plain))


@pytest.mark.parametrize("effort", [0, 1])
def test_what_a_mapped_image_becomes_depends_on_nothing_beside_it(codec: HyperCodec, effort: int) -> None:
    images = [picture(20, 70), picture(20, 70, seed=2), picture(20, 70), picture(70, 10)]
    maps = [spot(2, 2), spot(7, 5), None, spot(2, 2)]
    options = [EncodeOptions(quality=30, importance=grey, effort=effort) for grey in maps]
    prepared = codec.refined(images, codec.encoder.prepare(images), options)
    together = codec.encoder.finish(prepared, options)
    with torch.inference_mode():
        alone = [codec.encode([image], asked)[0] for image, asked in zip(images, options, strict=True)]
    assert together == alone
    decoded = codec.decode([one.payload for one in together])
    for one, back in zip(together, decoded, strict=True):
        assert np.array_equal(codec.decode([one.payload])[0].pixels, back.pixels)
        assert back.symbols_crc32 == one.symbols_crc32
    estimates = codec.encoder.estimate_bytes(prepared, options)
    assert estimates == [pytest.approx(len(one.payload), rel=0.01, abs=4) for one in together]


def test_tiles_strips_and_parts_of_a_mapped_image_equal_the_whole(
    codec: HyperCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(200, 330)
    payload = codec.encode([image], EncodeOptions(quality=30, importance=automatic_map(image)))[0].payload
    assert payload.startswith(MAPPED_MAGIC)
    whole = codec.decode([payload])[0].pixels
    opened = codec.open(payload)
    assert np.array_equal(opened.region(70, 50, 150, 90), whole[50:140, 70:220])
    assert opened.scaled(4).shape == (50, 83, 3)
    resident = codec.reader._models[payload[6:14]]
    monkeypatch.setattr(resident, "synthesis", replace(resident.synthesis, tile=5))
    assert np.abs(codec.decode([payload])[0].pixels.astype(int) - whole).max() <= 1


def test_a_prefix_of_a_mapped_payload_shows_more_with_more_bytes_and_has_no_map_before_it_is_read(
    codec: HyperCodec,
) -> None:
    options = EncodeOptions(quality=40, importance=spot(2, 2))
    payload = codec.encode([picture(70, 90)], options)[0].payload
    assert payload.startswith(MAPPED_MAGIC)
    shown = [
        codec.decode_prefix(payload[:length]) for length in range(HEADER_BYTES + 1, len(payload) + 1, 97)
    ]
    assert [one.decoded_share for one in shown] == sorted(one.decoded_share for one in shown)
    assert shown[0].decoded_share == 0.0
    assert np.array_equal(codec.decode_prefix(payload).pixels, codec.decode([payload])[0].pixels)
    with pytest.raises(BitstreamError, match="got nothing"):
        codec.decode_prefix(payload[:HEADER_BYTES])


def test_damaged_maps_are_refused(codec: HyperCodec) -> None:
    grey = spot(2, 2)
    payload = codec.encode([picture(70, 90)], EncodeOptions(quality=20, importance=grey))[0].payload
    for at in range(0, len(payload), 7):
        with pytest.raises(BitstreamError, match=r"checksum|begins with"):
            codec.decode([payload[:at] + bytes([payload[at] ^ 0x10]) + payload[at + 1 :]])
    with pytest.raises(BitstreamError, match=r"expected a payload that begins with .*TFH4.* newer tenfold"):
        codec.decode([b"TFH5" + payload[4:]])
    envelope = parse_payload(payload)
    for table, words in ((64, "got table 64"), (2, "got table 2")):
        with pytest.raises(BitstreamError, match=words):
            parse_payload(pack_payload(replace(envelope, map_table=table)))
    with pytest.raises(BitstreamError, match=r"symbols with checksum|damaged|up to 8 steps"):
        codec.decode([pack_payload(replace(envelope, map_table=50))])
    with pytest.raises(BitstreamError, match="got nothing"):
        parse_payload(_without_rest(payload))


def _without_rest(payload: bytes) -> bytes:
    """A header alone, whose checksum is right."""
    plain = pack_payload(replace(parse_payload(payload), map_table=None, body=b""))
    import struct
    import zlib

    head = MAPPED_MAGIC + plain[4 : HEADER_BYTES - 4]
    return head + struct.pack("<I", zlib.crc32(head + bytes(4)))


def test_maps_of_any_size_are_laid_over_the_whole_image() -> None:
    grey = np.full((30, 40), USUAL, np.uint8)
    grey[:15, 20:] = 255
    steps = steps_of(grey, width=640, height=256, block=64)
    assert steps is not None
    assert np.array_equal(steps, np.repeat(np.repeat([[0, 8], [0, 0]], 2, 0), 5, 1))
    assert steps_of(np.zeros((1, 1), np.uint8), width=65, height=1, block=64).tolist() == [[-8, -8]]  # type: ignore[union-attr]
    assert steps_of(grey[15:], width=10, height=10, block=64) is None


def test_the_automatic_map_gives_strong_textures_less() -> None:
    image = np.full((128, 192, 3), 90, np.uint8)
    image[:, 64:] = np.random.default_rng(0).integers(0, 255, (128, 128, 3))
    grey = automatic_map(image)
    assert (grey[:, :8] > USUAL + 40).all()
    assert (grey[:, 8:] < USUAL - 20).all()
    steps, cut = (
        steps_of(automatic_map(part), width=part.shape[1], height=part.shape[0], block=64)
        for part in (image, np.ascontiguousarray(image[:100, :152]))
    )
    for found in (steps, cut):
        assert found is not None
        assert np.array_equal(found, np.repeat([[5, -3, -3]], 2, 0))
    assert automatic_map(image[:5]).tolist() == [[USUAL]]


def test_a_consistent_picture_knows_its_map(hyper: HyperCodec, photo: RGB) -> None:
    image, options = photo[150:214, 200:328], EncodeOptions(quality=20, importance=spot(2, 2))
    payload = hyper.encode([image], options)[0].payload
    decoder = hyper.decoders["consistent"]
    assert isinstance(decoder, ConsistentDecoder)
    assert payload.startswith(MAPPED_MAGIC)
    found = decoder.find(hyper.reader.read(payload))
    assert found.latents_off + found.hyper_latents_off < 0.01 * found.symbols
