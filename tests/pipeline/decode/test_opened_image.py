"""Opened images: every status that has a picture gives it in any size and any part, as stored, and no larger."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile

import pipeline.decode.resident_codecs
from pipeline.decode.archive import Archive
from pipeline.decode.opened_image import OpenedImage
from pipeline.decode.row_decoder import RowDecoder
from pipeline.decode.view_size import fitted
from pipeline.errors import ArchiveError, ConfigError, DamagedError
from pipeline.image.preview import small_picture_of
from pipeline.image.read import ReadLimits, read_image
from pipeline.image.write import to_pillow
from pipeline.packing.registry import pixel_packing
from pipeline.store.storage import Storage
from pipeline.types import Image, ShardRow, Unmodelled
from tests.support.heif import HeifRecipe, box, hevc
from tests.support.image_archives import coded, fill, kept
from tests.support.image_files import EXIF, ICC, file_of, picture
from tests.support.odd_images import ODD_IMAGES
from tests.support.plain_codec import load_plain


@pytest.fixture(autouse=True)
def _plain_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)


def opened(row: ShardRow, **options: Any) -> OpenedImage:
    return RowDecoder(Storage("/nowhere")).open(row, **options)


def lossless(mode: str = "RGB") -> ShardRow:
    packed = pixel_packing("jxl").pack(np.asarray(picture(mode)).reshape(24, 40, -1), False)
    return replace(coded("a", file_of(picture(mode))), status="lossless", packing="jxl", payload=packed)


EVERY_KIND = {
    "coded": (coded("a.png", file_of(picture())), "RGB"),
    "coded grey": (coded("a.png", file_of(picture("L"))), "L"),
    "coded alpha": (coded("a.png", file_of(picture("RGBA"))), "RGBA"),
    "coded grey alpha": (coded("a.png", file_of(picture("LA"))), "LA"),
    "lossless": (lossless(), "RGB"),
    "kept JPEG": (kept("a.jpg", file_of(picture(), "JPEG", quality=95)), "RGB"),
    "kept palette": (kept("palette.png", file_of(picture("RGBA").quantize(16))), "RGBA"),
    "kept CMYK": (kept("a.jpg", file_of(picture().convert("CMYK"), "JPEG", icc_profile=ICC)), "RGB"),
    "kept bilevel": (kept("a.png", file_of(picture().convert("1"))), "L"),
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_gives_sizes_and_regions(kind: str) -> None:
    row, mode = EVERY_KIND[kind]
    image = opened(row)
    whole = image.whole()
    assert (image.mode, whole.shape) == (mode, (24, 40, 1 if mode[0] == "L" else 3))
    assert np.array_equal(image.region(3, 5, 17, 19), whole[5:24, 3:20])
    for denominator in (1, 2, 4, 8, 16):
        small = opened(row).scaled(denominator)
        assert small.shape == (-(-24 // denominator), -(-40 // denominator), whole.shape[2])
        assert abs(float(small.mean()) - float(whole.mean())) < 8
    assert np.array_equal(image.view(region=(3, 5, 1, 1)).pixels, whole[5:6, 3:4])
    view = image.view(size=20, region=(4, 2, 30, 20))
    assert (view.width, view.height, view.mode) == (20, 13, mode)
    assert (view.alpha is not None) is (image.alpha is not None) is mode.endswith("A")
    assert 40 * 24 * whole.shape[2] <= image.holds_bytes <= 40 * 24 * 6


def test_what_is_transparent_gives_smaller_pictures_no_colour() -> None:
    disc = np.zeros((90, 90, 4), np.uint8)
    row, column = np.mgrid[:90, :90]
    disc[np.hypot(row - 44, column - 44) < 40] = (250, 240, 230, 255)
    image = opened(kept("disc.png", file_of(PIL.Image.fromarray(disc))))
    small = to_pillow(image.view(size=23))
    assert np.abs(np.asarray(small)[np.asarray(small)[..., 3] > 60] - (250, 240, 230, 0))[..., :3].max() <= 6
    preview = small_picture_of(image, alpha=image.alpha, icc=None, orientation=None)
    assert np.asarray(preview)[np.asarray(preview)[..., 3] > 60][..., :3].min() >= 224


@pytest.mark.parametrize("region", [(60, 30, 4, 1), (17, 0, 2, 64), (3, 50, 40, 2), (0, 31, 64, 1)])
def test_a_small_part_shows_hardly_anything_of_what_lies_beside_it(region: tuple[int, int, int, int]) -> None:
    left, top, across, down = region
    pixels = np.full((64, 64), 255, np.uint8)
    pixels[top : top + down, left : left + across] = 0
    image = opened(kept("a.png", file_of(PIL.Image.fromarray(pixels))))
    assert image.view(region=region, size=max(1, max(region[2:]) // 16)).pixels.max() < 32


def test_samples_that_are_not_8_bit_are_shown() -> None:
    deep = np.arange(0, 65536, 64, dtype=np.uint16).reshape(16, 64)
    assert np.array_equal(
        opened(kept("a.png", file_of(PIL.Image.fromarray(deep)))).whole()[..., 0], deep >> 8
    )


@pytest.mark.parametrize(
    ("scale", "kind", "options"),
    [
        (257, np.uint16, {}),
        (-257, np.uint16, {"photometric": "miniswhite"}),
        (16_000_000, np.uint32, {}),
        (0.01, np.float32, {"extratags": [(42113, "s", 0, "-9999", True)]}),
    ],
)
def test_samples_of_tiff_that_are_not_8_bit_are_shown(scale: float, kind: Any, options: Any) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(8, 32)
    samples = (grey.astype(np.float64) * scale + (65535 if scale < 0 else 0)).astype(kind)
    if kind is np.float32:
        samples = np.concatenate((np.array([[np.inf, -np.inf, np.nan, -9999.0] * 8], kind), samples))
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)
    assert np.array_equal(opened(kept("a.tif", stream.getvalue())).whole()[-8:, :, 0], grey)


def test_deep_planes_that_pillow_misreads_are_no_picture() -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((3, 8, 9), np.uint16), photometric="rgb", planarconfig="separate")
    with pytest.raises(ArchiveError, match="planes of more than 8 bits, which are not shown"):
        opened(kept("a.tif", stream.getvalue())).whole()


@pytest.mark.parametrize(
    "key", ["broken-exif.png", "broken-exif.webp", "broken-icc-part.jpg", "bomb-text.png"]
)
def test_what_is_broken_beside_a_picture_hides_it_not(key: str) -> None:
    data = ODD_IMAGES[key].make()
    read = read_image(data)
    assert isinstance(read, Image)
    assert np.array_equal(opened(kept(key, data)).whole(), read.pixels)


def cut(*properties: tuple[bytes, bool]) -> bytes:
    """A picture of which a part is shown."""
    part = box(b"clap", struct.pack(">8I", 40, 1, 30, 1, 0, 1, 0, 1))
    return HeifRecipe(coded=hevc(), properties=[(part, True), *properties]).file()


def turned_files() -> dict[str, tuple[bytes, bytes, int]]:
    """Kept files, each as it is and with what turns it, and how that is said."""
    deep = PIL.Image.fromarray(np.arange(0, 65536, 64, dtype=np.uint16).reshape(16, 64))
    inks = picture().convert("CMYK")
    plain, turned = (
        HeifRecipe(coded=hevc(), properties=properties, brands=[b"tmap"]).file()
        for properties in ((), [(box(b"irot", b"\x01"), True)])
    )
    return {
        "cmyk.jpg": (file_of(inks, "JPEG"), file_of(inks, "JPEG", exif=EXIF), 6),
        "deep.tif": (file_of(deep, "TIFF"), file_of(deep, "TIFF", tiffinfo={0x0112: 6}), 6),
        "gain-map.heic": (plain, turned, 8),
        "cut-out.heic": (cut(), cut((box(b"irot", b"\x01"), True)), 8),
    }


@pytest.mark.parametrize("key", turned_files())
def test_a_kept_file_is_opened_as_stored_whoever_would_turn_it(key: str) -> None:
    plain, turned, orientation = turned_files()[key]
    told = read_image(turned)
    assert isinstance(told, Unmodelled)
    image = opened(kept(key, turned))
    assert (image.orientation, image.width, image.height) == (orientation, told.width, told.height)
    assert told.orientation == orientation
    assert np.array_equal(image.whole(), opened(kept(key, plain)).whole())


def test_what_a_view_keeps_of_the_file(tmp_path: Path) -> None:
    data = file_of(picture(), "JPEG", exif=EXIF, icc_profile=ICC)
    archive = Archive(fill(str(tmp_path), [coded("coded.jpg", data), kept("kept.jpg", data, fmt="JPEG")]))
    for key in ("coded.jpg", "kept.jpg"):
        small = archive.get(key, size=10)
        assert (small.size, small.mode, small.info["icc_profile"]) == ((10, 6), "RGB", ICC)
        assert dict(small.getexif()) == {0x0112: 6}  # pixels are not turned: the tag still has to be obeyed
        part = archive.get(key, region=(5, 6, 7, 8))
        assert part.tobytes() == archive.get(key).crop((5, 6, 12, 14)).tobytes()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, (400, 300)),
        (100, (100, 75)),
        (999, (400, 300)),
        ((100, None), (100, 75)),
        ((None, 3), (4, 3)),
        ((200, 60), (80, 60)),
        (1, (1, 1)),
    ],
)
def test_a_size_keeps_proportions_and_makes_nothing_larger(
    size: int | tuple[int | None, int | None] | None, expected: tuple[int, int]
) -> None:
    assert fitted(400, 300, size) == expected


@pytest.mark.parametrize("size", [0, -3, (0, 5), (5, -1), (5,), 6.5, float("nan"), "64", [6, 4]])
def test_sizes_that_are_none_are_refused(size: Any) -> None:
    with pytest.raises(ConfigError, match=r"Expected a size of 1 pixel or more, .* got "):
        fitted(10, 10, size)


@pytest.mark.parametrize("region", [(0, 0, 5), (0.0, 0, 5, 5), "0,0,5,5", 5])
def test_regions_of_other_than_four_whole_numbers_are_refused(region: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"a region of four whole numbers, \(left, top, width, height\), got "
    ):
        opened(coded("a.png", file_of(picture()))).view(region=region)


@pytest.mark.parametrize("region", [(0, 0, 0, 1), (-1, 0, 5, 5), (30, 0, 11, 5), (0, 20, 5, 5)])
def test_regions_outside_the_image_are_refused(region: tuple[int, int, int, int]) -> None:
    image = opened(coded("a.png", file_of(picture())))
    with pytest.raises(ConfigError, match="within the image's 40 x 24 pixels as stored"):
        image.view(region=region)
    with pytest.raises(ValueError, match="a region of 40 x 24 pixels"):
        image.region(*region)
    with pytest.raises(ValueError, match="a denominator of 1, 2, 4, 8, 16, got 3"):
        image.scaled(3)


def test_a_kept_file_larger_than_the_limit_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(kept("huge.png", file_of(picture())), width=40_000, height=30_000)
    few = ReadLimits(max_pixels=900)
    with pytest.raises(
        ArchiveError, match=r"at most 0.0009 megapixels .*'a.png', got 40 x 24.*`Archive.file`"
    ):
        opened(replace(kept("a.png", file_of(picture())), width=None), limits=few)
    monkeypatch.setattr(PIL.Image, "open", None)
    with pytest.raises(ArchiveError, match=r"at most 100 megapixels .*'huge.png', got 40000 x 30000"):
        opened(row)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"\xff\xd8\xff", file_of(picture(), "PNG")[:200]])
def test_a_kept_file_without_a_picture_says_so(data: bytes) -> None:
    with pytest.raises(
        ArchiveError, match=r"a file with a picture under key 'a.jpg', got one that does not open"
    ) as refused:
        opened(kept("a.jpg", data)).whole()
    assert "BytesIO" not in str(refused.value)


def test_a_payload_of_another_size_than_its_row_is_refused() -> None:
    row = coded("a.png", file_of(picture()), width=41)
    with pytest.raises(DamagedError, match=r"Expected 41x24 pixels for 'a.png', got 40x24"):
        opened(row)


def test_a_smaller_jpeg_is_decoded_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO()
    PIL.Image.effect_noise((333, 201), 90).save(data, "JPEG")
    image = opened(kept("a.jpg", data.getvalue(), fmt="JPEG"))
    assert image.scaled(16).shape == (13, 21, 1)
    assert opened(kept("a.jpg", file_of(picture(size=(1, 99)), "JPEG"))).scaled(8).shape == (13, 1, 3)
    assert image.scaled(8).shape == (26, 42, 1)
    assert not image.colour.is_decoded  # type: ignore[attr-defined]  # no picture of full size was made
