"""Writing back: what goes in comes out again when the written file is read."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import PIL.Image
import pytest

from pipeline.errors import RestoreError
from pipeline.image.file_formats import FORMATS, Format, format_of_path
from pipeline.image.read import read_image
from pipeline.image.write import write_image
from pipeline.types import Image
from tests.support.odd_images import BROKEN_EXIF, BROKEN_ICC, XMP, exif_block, saved, texture


def image(channels: int = 3, *, size: tuple[int, int] = (60, 90), **metadata: Any) -> Image:
    """An image of 1 (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGBA) channels."""
    pixels = texture(*size, channels)
    colours = 1 if channels < 3 else 3
    alpha = saved(pixels[..., -1:], "PNG") if channels in (2, 4) else None
    return Image(
        pixels=np.ascontiguousarray(pixels[..., :colours]),
        source_format="PNG",
        mode="RGB",
        alpha=alpha,
        **metadata,
    )


def read_back(data: bytes) -> Image:
    """Read a file that was just written."""
    content = read_image(data)
    assert isinstance(content, Image)
    return content


def alpha_plane(one: Image) -> Any:
    """The alpha plane as an array, or None."""
    return None if one.alpha is None else np.asarray(PIL.Image.open(io.BytesIO(one.alpha)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4], ids=["grey", "grey-alpha", "rgb", "rgba"])
@pytest.mark.parametrize("fmt", ["png", "webp"])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (60, 90)], ids=["1x1", "5x7", "90x60"])
def test_lossless_formats_give_the_same_pixels(fmt: Format, channels: int, size: tuple[int, int]) -> None:
    original = image(channels, size=size)
    back = read_back(write_image(original, fmt))
    expected = (
        np.repeat(original.pixels, 3, axis=2) if fmt == "webp" and original.is_grey else original.pixels
    )
    assert np.array_equal(back.pixels, expected)
    assert np.array_equal(alpha_plane(back), alpha_plane(original)) or size == (1, 1)


@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "rgb"])
@pytest.mark.parametrize("fmt", ["jpeg", "avif"])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (60, 90)], ids=["1x1", "5x7", "90x60"])
def test_lossy_formats_come_near(fmt: Format, channels: int, size: tuple[int, int]) -> None:
    original = image(channels, size=size)
    back = read_back(write_image(original, fmt))
    assert back.pixels.shape == original.pixels.shape, "grey stays grey"
    mse = np.mean((back.pixels.astype(float) - original.pixels) ** 2)
    assert mse < 30  # 33 dB, on coloured noise


@pytest.mark.parametrize("channels", [2, 4], ids=["grey-alpha", "rgba"])
def test_alpha_is_exact_in_avif_too(channels: int) -> None:
    original = image(channels, size=(64, 96))
    back = read_back(write_image(original, "avif"))
    assert np.array_equal(alpha_plane(back), alpha_plane(original))
    assert back.is_grey == original.is_grey


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "rgb"])
@pytest.mark.parametrize("orientation", [1, 6, None])
def test_metadata_come_back_byte_for_byte(fmt: Format, channels: int, orientation: int | None) -> None:
    exif = exif_block(orientation)
    original = image(
        channels, exif=exif, icc=BROKEN_ICC * 5000, xmp=XMP + b"\xff not UTF-8", orientation=orientation
    )
    back = read_back(write_image(original, fmt))
    assert (back.exif, back.icc, back.xmp) == (original.exif, original.icc, original.xmp)
    assert back.orientation == orientation
    assert back.pixels.shape[:2] == original.pixels.shape[:2], "orientation is not applied"


@pytest.mark.parametrize("fmt", ["png", "jpeg", "webp"])
def test_broken_exif_comes_back(fmt: Format) -> None:
    assert read_back(write_image(image(exif=BROKEN_EXIF), fmt)).exif == BROKEN_EXIF


def test_broken_exif_is_refused_by_avif() -> None:
    with pytest.raises(RestoreError, match=r"90x60 image could not be written as avif: .*Exif.*; use png"):
        write_image(image(exif=BROKEN_EXIF), "avif")


@pytest.mark.parametrize("fmt", FORMATS)
def test_no_metadata_stays_none(fmt: Format) -> None:
    back = read_back(write_image(image(), fmt))
    assert (back.exif, back.icc, back.xmp, back.orientation, back.alpha) == (None, None, None, None, None)


def test_jpeg_refuses_transparency() -> None:
    with pytest.raises(RestoreError, match=r"JPEG cannot hold transparency.*use png, webp or avif"):
        write_image(image(4), "jpeg")


def test_jpeg_takes_an_opaque_alpha_plane() -> None:
    opaque = dataclasses.replace(image(), alpha=saved(np.full((60, 90), 255, np.uint8), "PNG"))
    assert read_back(write_image(opaque, "jpeg")).alpha is None
    assert read_back(write_image(opaque, "png")).alpha is not None


@pytest.mark.parametrize(
    ("fmt", "shape", "limit"),
    [("jpeg", (1, 65_501), "65,500"), ("webp", (16_384, 1), "16,383"), ("avif", (32_769, 1), "32,768")],
)
def test_sides_beyond_the_format_are_refused(fmt: Format, shape: tuple[int, int], limit: str) -> None:
    tall = Image(pixels=np.zeros((*shape, 3), np.uint8), source_format="PNG", mode="RGB")
    with pytest.raises(RestoreError, match=f"{fmt.upper()} holds at most {limit} pixels a side.*use png"):
        write_image(tall, fmt)
    assert np.array_equal(read_back(write_image(tall, "png")).pixels, tall.pixels)


@pytest.mark.parametrize(
    ("fmt", "shape"), [("jpeg", (1, 65_500)), ("webp", (16_383, 1)), ("avif", (32_768, 1))]
)
def test_the_largest_sides_are_written_and_read(fmt: Format, shape: tuple[int, int]) -> None:
    tall = Image(pixels=np.zeros((*shape, 3), np.uint8), source_format="PNG", mode="RGB")
    assert read_back(write_image(tall, fmt)).pixels.shape == (*shape, 3)


@pytest.mark.parametrize("what", ["exif", "xmp"])
def test_metadata_too_long_for_jpeg_are_refused(what: str) -> None:
    metadata: dict[str, Any] = {what: bytes(70_000)}
    with pytest.raises(RestoreError, match=rf"^JPEG holds at most 65,5\d\d bytes of {what.upper()}.*use png"):
        write_image(image(**metadata), "jpeg")


@pytest.mark.parametrize(
    ("alpha", "text"),
    [
        (b"no PNG", "is no PNG file"),
        (saved(np.zeros((3, 3), np.uint8), "PNG"), "90x60 pixels, got one of shape"),
    ],
    ids=["broken", "of-another-size"],
)
def test_a_bad_alpha_plane_is_named(alpha: bytes, text: str) -> None:
    with pytest.raises(RestoreError, match=text):
        write_image(dataclasses.replace(image(), alpha=alpha), "png")


@pytest.mark.parametrize("fmt", ["jpeg", "webp", "avif"])
def test_quality_trades_size(fmt: Format) -> None:
    sizes = [len(write_image(image(), fmt, quality=quality)) for quality in (10, 50, 95)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


@pytest.mark.parametrize(("fmt", "quality"), [("png", 90), ("jpeg", 0), ("jpeg", 101)])
def test_impossible_quality_is_refused(fmt: Format, quality: int) -> None:
    with pytest.raises(
        RestoreError, match=f"quality of 1 to 100 for jpeg, webp or avif, got {quality} for {fmt}"
    ):
        write_image(image(), fmt, quality=quality)


def test_unknown_format_is_refused() -> None:
    with pytest.raises(RestoreError, match="Expected a format of png, jpeg, webp, avif, got 'tga'"):
        write_image(image(), "tga")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "fmt"),
    [
        ("a/b.png", "png"),
        ("s3://bucket/dir.d/B.JPG", "jpeg"),
        ("x.jpeg", "jpeg"),
        ("x.webp", "webp"),
        ("x.AVIF", "avif"),
        ("x.tiff", None),
        ("png", None),
        ("a.png/b", None),
    ],
)
def test_format_of_path(path: str, fmt: Format | None) -> None:
    assert format_of_path(path) == fmt
