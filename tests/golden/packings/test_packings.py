"""Payloads packed by earlier releases unpack to what they did, for ever."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from pipeline.packing.registry import FILE_PACKINGS, PIXEL_PACKINGS
from tests.golden.packings.build import FOLDER


@pytest.mark.parametrize("name", FILE_PACKINGS)
def test_files_come_back(name: str) -> None:
    file = (FOLDER / f"{name}.file").read_bytes()
    assert FILE_PACKINGS[name].unpack((FOLDER / f"{name}.bin").read_bytes(), len(file)) == file


@pytest.mark.parametrize("name", PIXEL_PACKINGS)
def test_pixels_come_back(name: str) -> None:
    with PIL.Image.open(FOLDER / f"{name}.png") as picture:
        pixels = np.asarray(picture)
    height, width, bands = pixels.shape
    found = PIXEL_PACKINGS[name].unpack((FOLDER / f"{name}.bin").read_bytes(), (height, width, bands))
    assert np.array_equal(found, pixels)


def test_every_payload_is_of_a_packing_that_is_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.bin")} == {*FILE_PACKINGS, *PIXEL_PACKINGS}
