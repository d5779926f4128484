"""Files: of the quality asked for, and nothing but the file expected is decoded."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from codec.contract import QUALITIES
from codec.errors import BitstreamError
from codec.families.standard.config import FileKind
from codec.families.standard.jpeg_tables import libjpeg_quality, quantisation_tables
from codec.families.standard.ordinary_file import read_file, write_file
from tests.support.photographs import picture

KINDS: tuple[FileKind, ...] = ("jpeg", "webp", "avif")


@pytest.mark.parametrize("known_as", [5, 25, 50, 95])
def test_tables_are_those_that_libjpeg_makes_of_the_same_quality(known_as: int) -> None:
    quality = (known_as - 5) * 63 / 90
    assert libjpeg_quality(quality) == pytest.approx(known_as)
    stream = io.BytesIO()
    Image.fromarray(picture(16, 16)).save(stream, "JPEG", quality=known_as)
    for data in (stream.getvalue(), write_file(picture(16, 16), "jpeg", quality)):
        with Image.open(io.BytesIO(data)) as opened:
            tables = np.array([opened.quantization[number] for number in range(2)])  # type: ignore[attr-defined]
        assert np.array_equal(tables, quantisation_tables(quality).reshape(2, 64))


def test_steps_shrink_as_quality_grows() -> None:
    tables = np.array([quantisation_tables(quality) for quality in QUALITIES])
    assert (np.diff(tables, axis=0) <= 0).all()
    assert (np.diff(tables.sum((1, 2, 3))) < 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_comes_back_and_grows_with_its_quality(kind: FileKind) -> None:
    image = picture(40, 56)
    files = [write_file(image, kind, quality) for quality in (0, 20, 41, 63)]
    assert [len(file) for file in files] == sorted(len(file) for file in files)
    best = read_file(files[-1], kind, width=56, height=40)
    assert np.abs(best.astype(int) - image).mean() < 6


@pytest.mark.parametrize("kind", KINDS)
def test_another_file_than_the_one_expected_is_refused(kind: FileKind) -> None:
    other: FileKind = "webp" if kind == "jpeg" else "jpeg"
    file = write_file(picture(16, 24), kind, 20)
    for data in (b"", b"no file", file[: len(file) // 3], write_file(picture(16, 24), other, 20)):
        with pytest.raises(BitstreamError, match="damaged"):
            read_file(data, kind, width=24, height=16)
    with pytest.raises(
        BitstreamError, match=rf"{kind} file of 16 x 24 pixels in the payload, got \(24, 16\)"
    ):
        read_file(file, kind, width=16, height=24)


def test_files_are_the_same_bytes_again() -> None:
    assert len({zlib.crc32(write_file(picture(40, 40), "jpeg", 20)) for _ in range(2)}) == 1
