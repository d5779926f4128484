"""Parts of a tiled codec's picture are parts of the whole, however that is cut into tiles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from codec.contract import EncodeOptions
from codec.parts import tile_loop
from codec.parts.company import Company
from tests.support.block_codec import BlockModel, block_codec
from tests.support.photographs import picture


class SmallTiles(BlockModel):
    """Its tiles are 24 pixels wide."""

    synthesis = replace(BlockModel.synthesis, tile=3)


@pytest.mark.parametrize(
    "company", [None, Company(positions=40, tiles=4, filled=True)], ids=["CPU", "like a GPU"]
)
def test_a_part_is_a_part_of_the_whole(company: Company | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if company is not None:
        monkeypatch.setattr(tile_loop, "company_on", lambda _: company)
    codec = block_codec(SmallTiles())
    (encoded,) = codec.encode([picture(101, 77)], EncodeOptions(quality=40))
    opened = codec.open(encoded.payload)
    whole = codec.decode([encoded.payload])[0].pixels
    chance = np.random.default_rng(0)
    for _ in range(60):
        left, top = (int(chance.integers(side)) for side in (77, 101))
        width, height = int(chance.integers(1, 78 - left)), int(chance.integers(1, 102 - top))
        part = opened.region(left, top, width, height)
        assert np.array_equal(part, whole[top : top + height, left : left + width])


def test_a_part_runs_no_more_of_the_network_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = block_codec()
    (encoded,) = codec.encode([picture(400, 600)], EncodeOptions(quality=40))
    opened = codec.open(encoded.payload)
    shapes = []
    synthesise = BlockModel.synthesise

    def seen(model: BlockModel, y_BChw: object, quality_B: object) -> object:
        shapes.append(tuple(y_BChw.shape[2:]))  # type: ignore[attr-defined]
        return synthesise(model, y_BChw, quality_B)  # type: ignore[arg-type]

    monkeypatch.setattr(BlockModel, "synthesise", seen)
    opened.region(200, 80, 64, 32)
    assert shapes == [(6, 10)], "4 x 8 blocks, and the halo of one on every side"


def test_what_was_interrupted_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = block_codec()
    (encoded,) = codec.encode([picture(101, 77)], EncodeOptions(quality=40))
    opened = codec.open(encoded.payload)
    symbols = BlockModel.symbols

    def interrupted(*arguments: Any) -> object:
        symbols(*arguments)
        raise KeyboardInterrupt("Ctrl-C")

    with monkeypatch.context() as patch:
        patch.setattr(BlockModel, "symbols", interrupted)
        with pytest.raises(KeyboardInterrupt, match="Ctrl-C"):
            opened.whole()
    assert np.array_equal(opened.whole(), codec.decode([encoded.payload])[0].pixels)
