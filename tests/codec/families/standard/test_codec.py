"""A payload of `standard-1` holds an ordinary file; networks around it keep to the laws."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from codec import tiles
from codec.bitstream import pack_envelope as pack
from codec.bitstream import parse_envelope, parse_head
from codec.contract import EncodeOptions
from codec.errors import BitstreamError, UnknownWeightsError
from codec.families.standard.codec import StandardCodec
from codec.families.standard.config import FileKind, ModelConfig
from codec.families.standard.ordinary_file import write_file
from codec.parts import tile_loop
from codec.tiles import Span
from tests.support.photographs import picture
from tests.support.standard_models import COMPACT, EDIT, PLAIN, busy

CPU = torch.device("cpu")
Q20 = EncodeOptions(quality=20)


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif"])
def test_what_follows_the_header_is_a_file_that_any_viewer_opens(kind: FileKind) -> None:
    codec = StandardCodec(busy(EDIT.model_copy(update={"file": kind})), device=CPU)
    (encoded,) = codec.encode([picture(33, 50)], Q20)
    _, offset = parse_head(encoded.payload)
    assert encoded.payload[offset:] == parse_envelope(encoded.payload).body
    with Image.open(io.BytesIO(encoded.payload[offset:])) as shown:
        assert (shown.format or "").lower() == kind
        assert np.array_equal(np.asarray(shown.convert("RGB")), codec.decode([encoded.payload])[0].pixels)


def test_the_file_of_a_halved_image_is_half_as_large() -> None:
    codec = StandardCodec(busy(COMPACT), device=CPU)
    (encoded,) = codec.encode([picture(33, 51)], Q20)
    with Image.open(io.BytesIO(parse_envelope(encoded.payload).body)) as shown:
        assert shown.size == (26, 17)
    assert codec.decode([encoded.payload])[0].pixels.shape == (33, 51, 3)


@pytest.mark.parametrize("config", [COMPACT, EDIT], ids=["compact", "edit"])
def test_tiles_equal_the_whole(config: ModelConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = StandardCodec(busy(config), device=CPU)
    image = picture(150, 170)
    (whole,) = codec.encode([image], Q20)
    pixels = codec.decode([whole.payload])[0].pixels.astype(int)

    def small(height: int, width: int, halo: int, _tile: int) -> Iterator[tuple[Span, Span]]:
        return tiles.tile_grid(height, width, halo, tile=3)

    monkeypatch.setattr(tile_loop, "tile_grid", small)
    assert np.abs(codec.decode([whole.payload])[0].pixels.astype(int) - pixels).max() <= 1
    (tiled,) = codec.encode([image], Q20)
    shown = codec.decode([tiled.payload])[0].pixels.astype(int)
    assert np.abs(shown - pixels).mean() < 0.1  # a sample of the file's picture may be rounded the other way


def test_a_payload_is_decoded_by_whoever_has_its_weights() -> None:
    compact, edit = busy(COMPACT), busy(EDIT)
    (encoded,) = StandardCodec(edit, device=CPU).encode([picture(20, 20)], Q20)
    both = StandardCodec(compact, [edit], device=CPU)
    assert both.decode([encoded.payload])[0].symbols_crc32 == encoded.symbols_crc32
    with pytest.raises(UnknownWeightsError, match=edit.digest.hex()):
        StandardCodec(compact, device=CPU).decode([encoded.payload])


def test_a_sound_envelope_around_something_else_is_refused() -> None:
    codec = StandardCodec(busy(PLAIN), device=CPU)
    (encoded,) = codec.encode([picture(20, 20)], Q20)
    sound = parse_envelope(encoded.payload)
    for change, message in (
        ({"family": "block-1"}, "a payload of standard-1, got one of block-1"),
        ({"body": sound.body[:-9]}, "a file with checksum"),
        ({"symbols_crc32": 1}, "a file with checksum 00000001"),
    ):
        with pytest.raises(BitstreamError, match=message):
            codec.decode([pack(replace(sound, **change))])


def test_an_image_that_no_file_holds_is_refused_before_anything_is_done() -> None:
    codec = StandardCodec(busy(EDIT), device=CPU)
    with pytest.raises(ValueError, match=r"up to 65500 pixels, which a jpeg file holds; got 65501 x 1"):
        codec.encoder.prepare([np.zeros((1, 65_501, 3), np.uint8)])


def test_qualities_in_sixteenths_have_files_of_their_own() -> None:
    image = picture(64, 64)
    sizes = [len(write_file(image, "jpeg", 20 + step / 4)) for step in range(5)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[4]
