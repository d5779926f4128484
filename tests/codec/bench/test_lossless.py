"""Lossless contestants: sizes as other programs find them, and files that come back."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import zstandard
from PIL import Image

from codec.bench.libraries import MissingLibraryError, library
from codec.bench.lossless import LOSSLESS, Lossless, Original
from tests.support.photographs import PHOTOS, picture

BY_ID = {one.id: one for one in LOSSLESS}
FILE = (PHOTOS / "kodim03.png").read_bytes()
ORIGINAL = Original(pixels=picture(70, 90), file=FILE)


@pytest.fixture
def forget_libraries() -> Iterator[None]:
    """Look again in this test, and again after it."""
    library.cache_clear()
    yield
    library.cache_clear()


def test_ids_and_titles_are_names() -> None:
    assert len(BY_ID) == len(LOSSLESS) == len({one.title for one in LOSSLESS})


@pytest.mark.parametrize("one", LOSSLESS, ids=lambda one: one.id)
def test_each_says_its_library_and_its_size(one: Lossless) -> None:
    assert any(letter.isdigit() for letter in library(one.format))
    assert one.size(ORIGINAL) == len(one.encode(ORIGINAL)) > 0
    assert one.settings


def test_the_compressors_give_what_they_took() -> None:
    raw = ORIGINAL.pixels.tobytes()
    for of, data in (("pixels", raw), ("file", FILE)):
        assert lzma.decompress(BY_ID[f"xz_{of}"].encode(ORIGINAL)) == data
        assert bz2.decompress(BY_ID[f"bz2_{of}"].encode(ORIGINAL)) == data
        assert zstandard.ZstdDecompressor().decompress(BY_ID[f"zstd_{of}"].encode(ORIGINAL)) == data
        # gzip is deflate in a frame of 18 bytes, zlib in one of 6
        assert BY_ID[f"zip_{of}"].size(ORIGINAL) == len(gzip.compress(data, 9)) - 12


@pytest.mark.parametrize("name", ["png", "webp_lossless", "jxl_lossless"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_formats_lose_nothing(name: str, channels: int) -> None:
    original = Original(pixels=picture(70, 90)[:, :, :channels].copy(), file=b"")
    library(BY_ID[name].format)
    with Image.open(io.BytesIO(BY_ID[name].encode(original))) as back:
        pixels = np.asarray(back.convert("L" if channels == 1 else "RGB")).reshape(original.pixels.shape)
    assert np.array_equal(pixels, original.pixels)


def test_raw_is_24_bit_also_of_grey_images() -> None:
    grey = Original(pixels=picture(40, 40)[:, :, :1].copy(), file=b"")
    colour = Original(pixels=np.repeat(grey.pixels, 3, axis=2), file=b"")
    assert BY_ID["zip_pixels"].size(grey) == BY_ID["zip_pixels"].size(colour)


@pytest.mark.parametrize(
    ("name", "module"), [("ZSTD", "zstandard"), ("SSIMULACRA2", "ssimulacra2"), ("JXL", "pillow_jxl")]
)
def test_what_is_not_installed_says_so(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch, forget_libraries: None
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingLibraryError, match="not installed: pip install"):
        library(name)
