"""Reading: pixels, alpha and metadata as they are in the file, and a clear reason for all that is not coded."""

from __future__ import annotations

import io
import struct
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import PIL.Image
import pytest

from pipeline.image.read import ReadLimits, from_rgb, read_image, to_rgb
from pipeline.types import Image, Unmodelled
from tests.support.odd_images import (
    BROKEN_EXIF,
    BROKEN_ICC,
    ODD_IMAGES,
    XMP,
    OddImage,
    exif_block,
    jpeg_with_segment,
    photo_jpeg,
    photo_png,
    png_chunk,
    png_file,
    saved,
    texture,
    tiff_file,
)


def read(data: bytes, **limits: int) -> Image:
    """Read a file that must be decoded."""
    content = read_image(data, limits=ReadLimits(**limits)) if limits else read_image(data)
    assert isinstance(content, Image), content
    return content


def alpha_of(image: Image) -> np.ndarray[Any, Any]:
    """The alpha plane as an array."""
    assert image.alpha is not None
    picture = PIL.Image.open(io.BytesIO(image.alpha))
    assert (picture.format, picture.mode) == ("PNG", "L")
    return np.asarray(picture)


@pytest.mark.parametrize("odd", ODD_IMAGES.values(), ids=ODD_IMAGES)
def test_odd_image_has_its_status_and_reason(odd: OddImage) -> None:
    content = read_image(odd.make())
    if isinstance(content, Unmodelled):
        assert odd.status == "kept", content.reason
        assert odd.reason in content.reason
        assert "\n" not in content.reason
        assert (content.fault is not None) == odd.is_damaged
        assert content.width is None or min(content.width, content.height or 0) > 0
    else:
        assert odd.status == "coded"
        assert content.pixels.dtype == np.uint8
        assert content.pixels.flags.c_contiguous
        assert content.pixels.flags.writeable  # torch.from_numpy warns of arrays that are not


@pytest.mark.parametrize(
    ("fmt", "options"),
    [
        ("PNG", {}),
        ("PNG", {"compress_level": 0}),
        ("WEBP", {"lossless": True, "exact": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("BMP", {}),
        ("JPEG2000", {}),
        ("JPEG2000", {"no_jp2": True}),
        ("PPM", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())) or "plain",
)
@pytest.mark.parametrize(
    "size", [(1, 1), (2, 3), (37, 301), (700, 500)], ids=lambda size: f"{size[1]}x{size[0]}"
)
def test_lossless_rgb_pixels_are_exact(fmt: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    pixels = texture(*size)
    image = read(saved(pixels, fmt, **options))
    assert np.array_equal(image.pixels, pixels)
    assert (image.source_format, image.mode, image.bit_depth, image.alpha) == (fmt, "RGB", 8, None)
    assert (image.width, image.height, image.is_grey) == (size[1], size[0], False)


@pytest.mark.parametrize(
    ("fmt", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("AVIF", {})]
)
def test_lossy_pixels_are_those_pillow_decodes(fmt: str, options: dict[str, Any]) -> None:
    data = saved(texture(300, 401), fmt, **options)
    assert np.array_equal(read(data).pixels, np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "JPEG2000", "BMP", "PPM"])
def test_grey_stays_grey(fmt: str) -> None:
    pixels = texture(channels=1)
    image = read(saved(pixels, fmt))
    assert image.is_grey
    assert image.mode in ("L", "P")
    assert np.array_equal(image.pixels, pixels)


def test_grey_avif_stays_grey() -> None:
    image = read(saved(texture(channels=1), "AVIF", speed=10, subsampling="4:0:0"))
    assert (image.is_grey, image.mode) == (True, "L")


@pytest.mark.parametrize("fmt", ["PNG", "WEBP", "TIFF", "JPEG2000"])
@pytest.mark.parametrize("opaque", [False, True], ids=["transparent", "opaque"])
def test_alpha_is_exact_and_kept_when_opaque(fmt: str, opaque: bool) -> None:
    pixels = texture(channels=4)
    if opaque:
        pixels[..., 3] = 255
    options = {"lossless": True, "exact": True} if fmt == "WEBP" and not opaque else {}
    image = read(saved(pixels, fmt, **options))
    if fmt == "WEBP" and opaque:  # its writer drops an opaque plane
        assert image.alpha is None
        return
    assert image.mode == "RGBA"
    assert np.array_equal(image.pixels, pixels[..., :3])
    assert np.array_equal(alpha_of(image), pixels[..., 3])


def test_grey_with_alpha() -> None:
    pixels = texture(channels=2)
    image = read(saved(pixels, "PNG"))
    assert (image.mode, image.is_grey) == ("LA", True)
    assert np.array_equal(image.pixels, pixels[..., :1])
    assert np.array_equal(alpha_of(image), pixels[..., 1])


def test_palette_becomes_the_colours_it_stands_for() -> None:
    picture = PIL.Image.fromarray(texture()).quantize(64)
    image = read(saved(picture, "PNG"))
    assert (image.mode, image.alpha) == ("P", None)
    assert np.array_equal(image.pixels, np.asarray(picture.convert("RGB")))


def test_grey_palette_becomes_grey() -> None:
    grey = texture(channels=1)
    picture = PIL.Image.fromarray(grey[..., 0]).convert("P")
    picture.putpalette([255 - level // 3 for level in range(768)])
    image = read(saved(picture, "PNG"))
    assert (image.mode, image.is_grey) == ("L", True)
    assert np.array_equal(image.pixels, 255 - grey)


@pytest.mark.parametrize(
    ("fmt", "transparency"),
    [("PNG", 5), ("PNG", bytes(range(64))), ("GIF", 5)],
    ids=["png-one-entry", "png-every-entry", "gif-one-entry"],
)
def test_palette_with_transparency(fmt: str, transparency: int | bytes) -> None:
    data = saved(PIL.Image.fromarray(texture()).quantize(64), fmt, transparency=transparency)
    expected = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGBA"))
    image = read(data)
    assert np.array_equal(image.pixels, expected[..., :3])
    assert np.array_equal(alpha_of(image), expected[..., 3])
    assert alpha_of(image).min() == 0


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_grey_colour_key_of_any_depth(depth: int) -> None:
    """Pillow scales the samples to 8 bits and leaves the key unscaled."""
    levels = (np.arange(8) % 2**depth).astype(np.uint8)
    packed = np.packbits(np.unpackbits(levels[:, None], axis=1)[:, 8 - depth :].ravel())
    data = png_file(8, 1, depth, 0, b"\x00" + packed.tobytes(), png_chunk(b"tRNS", struct.pack(">H", 2)))
    image = read(data)
    assert np.array_equal(image.pixels[0, :, 0], levels * (255 // (2**depth - 1)))
    assert np.array_equal(alpha_of(image)[0], np.where(levels == 2, 0, 255))


def test_rgb_colour_key() -> None:
    image = read(ODD_IMAGES["colour-key.png"].make())
    alpha = alpha_of(image)
    assert (alpha[10:20, 10:40] == 0).all()
    assert (alpha == 0).sum() == 300
    assert (image.pixels[10:20, 10:40] == (1, 2, 3)).all()


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_read_and_never_applied(turn: int) -> None:
    pixels = texture(60, 90)
    exif = exif_block(turn)
    for fmt, options in (("JPEG", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("AVIF", {"speed": 10})):
        image = read(saved(pixels, fmt, exif=exif, **options))
        written = None if (fmt, turn) == ("AVIF", 1) else turn  # Pillow's AVIF writer leaves a 1 out
        assert (image.orientation, image.pixels.shape) == (written, (60, 90, 3)), fmt
    for compression in (None, "tiff_lzw"):
        image = read(saved(pixels, "TIFF", tiffinfo={274: turn}, compression=compression))
        assert image.orientation == turn
        assert np.array_equal(image.pixels, pixels), "a decoder that turns TIFFs must not"
        rgba = read(saved(texture(60, 90, 4), "TIFF", tiffinfo={274: turn}))
        assert np.array_equal(alpha_of(rgba), texture(60, 90, 4)[..., 3])


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_metadata_are_the_exact_bytes(fmt: str) -> None:
    exif, icc, xmp = exif_block(6), np.random.default_rng(3).bytes(150_000), XMP + b"\xff\xfe not UTF-8"
    options: dict[str, Any] = {"exif": exif, "icc_profile": icc, "xmp": xmp}
    if fmt == "PNG":
        options.pop("xmp")
        body = b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + xmp
        data = saved(texture(), fmt, **options)
        data = data[:-12] + png_chunk(b"iTXt", body) + data[-12:]  # after the picture data
    else:
        data = saved(texture(), fmt, **options)
    image = read(data)
    assert (image.exif, image.icc, image.xmp) == (exif, icc, xmp)


@pytest.mark.parametrize("name", ["broken-exif.jpg", "broken-exif.png", "broken-exif.webp"])
def test_broken_exif_comes_back_as_it_is(name: str) -> None:
    image = read(ODD_IMAGES[name].make())
    assert (image.exif, image.orientation) == (BROKEN_EXIF, None)


@pytest.mark.parametrize("name", ["broken-icc.jpg", "broken-icc.png"])
def test_broken_icc_comes_back_as_it_is(name: str) -> None:
    assert read(ODD_IMAGES[name].make()).icc == BROKEN_ICC


def test_avif_with_exif_that_its_decoder_refuses_is_read() -> None:
    data = saved(texture(), "AVIF", speed=10, exif=exif_block(None))
    start = data.index(exif_block(None))
    image = read(data[:start] + b"XXXX" + data[start + 4 :])
    assert image.pixels.shape == (120, 160, 3)


@pytest.mark.parametrize(
    "exif",
    [
        b"II*\x00\xff\xff\xff\xff",
        b"MM\x00*\x00\x00\x00\x08\xff\xff",
        b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x09\x00\x00\x00",
        b"II*\x00",
    ],
    ids=["offset-beyond-the-end", "directory-beyond-the-end", "orientation-9", "header-alone"],
)
def test_orientation_of_broken_exif_is_none(exif: bytes) -> None:
    image = read(jpeg_with_segment(photo_jpeg(), 0xE1, b"Exif\x00\x00" + exif))
    assert (image.exif, image.orientation) == (exif, None)


def test_exif_of_a_tiff_is_made_from_its_entries() -> None:
    image = read(saved(texture(), "TIFF", exif=exif_block(6)))
    exif = PIL.Image.Exif()
    exif.load(image.exif or b"")
    assert (exif[0x010F], exif[0x0112], exif.get_ifd(0x8769)[0x927C]) == (
        "Tenfold Optics",
        6,
        b"maker note\x00\x01\x02",
    )
    assert 273 not in exif, "where the strips lie says nothing of the picture"


@pytest.mark.parametrize("pointer", [0, 7, 50, 2**31, 2**32 - 1])
def test_broken_exif_of_a_tiff_does_not_cost_the_picture(pointer: int) -> None:
    pixels = texture()
    image = read(saved(pixels, "TIFF", tiffinfo={0x8769: pointer, 271: "maker"}))
    assert np.array_equal(image.pixels, pixels)


def test_exif_that_imagemagick_writes_as_text() -> None:
    exif = b"Exif\x00\x00" + exif_block(5)
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
    body = b"Raw profile type exif\x00\x00" + zlib.compress(text)
    image = read(photo_png()[:33] + png_chunk(b"zTXt", body) + photo_png()[33:])
    assert (image.exif, image.orientation) == (exif_block(5), 5)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_cut_jpeg_is_damaged(options: dict[str, Any], share: float) -> None:
    data = saved(texture(300, 400), "JPEG", **options)
    content = read_image(data[: int(share * len(data))])
    assert isinstance(content, Unmodelled)
    assert (content.fault, content.source_format) == ("damaged", "JPEG")
    assert content.reason.startswith("truncated JPEG")


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_cut_jpeg_that_was_given_an_end_is_damaged(options: dict[str, Any]) -> None:
    whole = saved(texture(300, 400), "JPEG", **options)
    cut = whole[: whole.index(b"\xff\xda") + 60] + b"\xff\xd9"
    content = read_image(cut)
    assert isinstance(content, Unmodelled)
    assert (content.fault, content.reason[:14]) == ("damaged", "truncated JPEG")


def test_a_jpeg_that_ends_in_the_grey_of_no_coefficient_is_sound() -> None:
    assert read(saved(np.full((40, 40, 3), 128, np.uint8), "JPEG")).mode == "RGB"


@pytest.mark.parametrize("is_interlaced", [False, True])
def test_a_png_that_lacks_rows_is_damaged(is_interlaced: bool) -> None:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 9, 8, 2, 0, 0, is_interlaced))
    rows = bytes(559 if is_interlaced else 9 * 61)
    for data, is_sound in ((rows, True), (rows[:-1], False)):
        chunks = head + png_chunk(b"IDAT", zlib.compress(data)) + png_chunk(b"IEND", b"")
        assert isinstance(read_image(b"\x89PNG\r\n\x1a\n" + chunks), Image) is is_sound


def test_a_png_that_lacks_but_its_checksum_is_sound_also_where_its_rows_end_behind_a_piece() -> None:
    width, height = 1054, 994  # 2^20 bytes of rows, and 94 more
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress(bytes((width + 1) * height), 9)[:-4]
    chunks = head + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    assert isinstance(read_image(b"\x89PNG\r\n\x1a\n" + chunks), Image)


def test_the_pixel_limit_is_the_users() -> None:
    data = saved(texture(100, 100), "PNG")
    assert read(data, max_pixels=10_000).width == 100
    content = read_image(data, limits=ReadLimits(max_pixels=9_999))
    assert isinstance(content, Unmodelled)
    assert content.reason == "100x100 pixels, over the limit of 0.009999 megapixels"


def test_a_limit_above_pillows_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    for fmt in ("PNG", "JPEG", "WEBP", "TIFF", "GIF"):
        assert read(saved(texture(100, 100), fmt), max_pixels=20_000).width == 100


def test_a_tiff_that_lies_about_its_tiles_is_damaged() -> None:
    sizes = [
        (256, 4, 1, 100),
        (257, 4, 1, 100),
        (258, 3, 1, 8),
        (259, 3, 1, 5),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
    ]
    tiles = [(322, 4, 1, 2**20), (323, 4, 1, 2**14), (324, 4, 1, 8), (325, 4, 1, 16)]
    content = read_image(tiff_file(sizes + tiles, bytes(16)))
    assert isinstance(content, Unmodelled)
    assert content.fault == "damaged"
    assert "tiles of 17,179,869,184 pixels in a picture of 100x100" in content.reason


def test_threads_read_the_same_and_the_warning_filters_stay_as_they_were() -> None:
    """Some of the files make Pillow warn; no warning escapes from any thread, nor does its filter remain."""
    names = [name for name, odd in ODD_IMAGES.items() if odd.status == "coded"]
    names += ["truncated.jpg", "truncated.png", "animated.png", "broken-exif.jpg", "camera.dng", "lab.tiff"]
    malformed = jpeg_with_segment(photo_jpeg(), 0xE2, b"MPF\x00" + b"not an index")
    files = [ODD_IMAGES[name].make() for name in names] + [malformed]

    def digest(data: bytes) -> object:
        content = read_image(data)
        if isinstance(content, Unmodelled):
            return content
        return (
            zlib.crc32(content.pixels.tobytes()),
            content.alpha,
            content.exif,
            content.icc,
            content.xmp,
            content.mode,
        )

    alone = [digest(data) for data in files]
    before = list(warnings.filters)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as threads:
            rounds = [threads.map(digest, files) for _ in range(5)]
            assert all(list(results) == alone for results in rounds)
    finally:
        sys.setswitchinterval(interval)
    assert warnings.filters == before
    assert threading.active_count() < 20


def test_pillows_warnings_do_not_escape() -> None:
    """An image over Pillow's own limit makes it warn; warnings are errors in this test run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 15_000)
        for fmt in ("PNG", "JPEG", "WEBP", "TIFF"):
            assert read(saved(texture(120, 160), fmt), max_pixels=20_000).width == 160


def test_rgb_and_grey_for_the_codec() -> None:
    colour, grey = read(photo_png()), read(saved(texture(channels=1), "PNG"))
    assert to_rgb(colour) is colour.pixels
    repeated = to_rgb(grey)
    assert repeated.shape == (120, 160, 3)
    assert (repeated == grey.pixels).all()
    assert np.array_equal(from_rgb(repeated, grey=True), grey.pixels)
    assert from_rgb(repeated, grey=False) is repeated


def test_grey_is_the_rounded_mean() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    rgb[0, 0] = 255
    grey = from_rgb(rgb, grey=True)
    assert grey.shape == (40, 50, 1)
    assert np.array_equal(grey[..., 0], np.floor(rgb.mean(axis=2) + 0.5).astype(np.uint8))
