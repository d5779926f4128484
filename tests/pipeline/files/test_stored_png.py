"""A stored PNG: as long as its layout says, and what other readers find in it."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline.files.stored_png as stored_png
from pipeline.files.stored_png import PngLayout, write_stored_png

_BLOB = st.none() | st.binary(min_size=1, max_size=40)


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 4), _BLOB, _BLOB, _BLOB)
def test_the_length_is_known_and_the_content_comes_back(
    width: int, height: int, channels: int, icc: bytes | None, exif: bytes | None, xmp: bytes | None
) -> None:
    rng = np.random.default_rng(width * height)
    pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    layout = PngLayout(
        width=width,
        height=height,
        channels=channels,
        icc_bytes=len(icc or b""),
        exif_bytes=len(exif or b""),
        xmp_bytes=len(xmp or b""),
    )
    file = write_stored_png(pixels, icc=icc, exif=exif, xmp=xmp)
    assert len(file) == layout.size
    assert file.startswith(layout.beginning)
    picture = PIL.Image.open(io.BytesIO(file))
    assert np.array_equal(np.asarray(picture).reshape(pixels.shape), pixels)
    assert picture.mode == ("L", "LA", "RGB", "RGBA")[channels - 1]
    carried = [picture.info.get(name) for name in ("icc_profile", "exif", "xmp")]
    assert carried == [icc, exif and b"Exif\x00\x00" + exif, xmp]


def test_a_picture_larger_than_a_chunk_has_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_png, "_BLOCKS_PER_IDAT", 2)
    pixels = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    file = write_stored_png(pixels)
    assert file.count(b"IDAT") >= 5
    assert len(file) == PngLayout(width=500, height=400, channels=3).size
    assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(file))), pixels)
