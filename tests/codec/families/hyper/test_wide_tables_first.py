"""Wide tables come first in new payloads: the same symbols in as many bytes, of which the first show more."""

from __future__ import annotations

import numpy as np
import pytest

from codec.contract import RGB, EncodeOptions
from codec.families.hyper import FAMILY
from codec.families.hyper.bitstream import MAGICS, pack_payload
from codec.families.hyper.codec import HyperCodec
from codec.metrics import psnr_db
from codec.parts.tiled_encoder import TiledEncoder
from codec.parts.tiled_model import PayloadFormat

OPTIONS = EncodeOptions(quality=30)


@pytest.fixture(scope="module")
def image(photo: RGB) -> RGB:
    """A part of a photograph."""
    return np.ascontiguousarray(photo[100:228, 100:290])


@pytest.fixture(scope="module")
def payloads(hyper: HyperCodec, image: RGB) -> dict[bool, bytes]:
    """One image with narrow tables first, as it was written at first, and with wide ones."""
    (model,) = hyper.reader._models.values()
    before = TiledEncoder(FAMILY.id, model, PayloadFormat(pack=pack_payload))
    return {
        False: before.finish(before.prepare([image]), [OPTIONS])[0].payload,
        True: hyper.encode([image], OPTIONS)[0].payload,
    }


def test_payloads_of_both_orders_are_read_together(hyper: HyperCodec, payloads: dict[bool, bytes]) -> None:
    assert {wide_first: payload[:4] for wide_first, payload in payloads.items()} == {
        wide_first: MAGICS[wide_first, False] for wide_first in (False, True)
    }
    narrow_first, wide_first = hyper.decode(list(payloads.values()))
    assert narrow_first.symbols_crc32 == wide_first.symbols_crc32
    assert np.array_equal(narrow_first.pixels, wide_first.pixels)
    lengths = [len(payload) for payload in payloads.values()]
    assert abs(lengths[0] - lengths[1]) <= 8


@pytest.mark.parametrize("share", [0.15, 0.5, 0.8])
def test_cut_payloads_show_more_where_wide_tables_come_first(
    hyper: HyperCodec, payloads: dict[bool, bytes], image: RGB, share: float
) -> None:
    narrow_first, wide_first = (
        psnr_db(image, hyper.decode_prefix(payload[: int(share * len(payload))]).pixels)
        for payload in payloads.values()
    )
    assert wide_first > narrow_first + 0.4
