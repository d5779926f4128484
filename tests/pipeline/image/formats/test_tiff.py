"""TIFF: samples that are coded are those of the file; every other byte is carried, or the file is kept."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.image.read import read_image
from pipeline.types import Image, Unmodelled
from tests.support.odd_images import saved, texture
from tests.support.tiffs import Tag, TiffRecipe, plane, tag

Order = Literal["<", ">"]

RGB, GREY = plane(), plane(bands=1)
PLAIN = TiffRecipe(samples=RGB)
GREY_TIFF = TiffRecipe(samples=GREY, photometric=1)
D65, ODD_WHITE = [(3127, 10_000), (3290, 10_000)], [(3457, 10_000), (3585, 10_000)]


def read(recipe: TiffRecipe) -> Image:
    """Read a file that must be decoded, and find its samples as they were."""
    image = read_image(recipe.file())
    assert isinstance(image, Image), image
    colours = recipe.samples.shape[2] - len(recipe.extra)
    assert np.array_equal(image.pixels, recipe.samples[..., :colours])
    return image


def parts_of(image: Image) -> dict[str, bytes]:
    """The carried parts by kind; no kind is there twice."""
    parts = {part.kind: part.data for part in image.carried}
    assert len(parts) == len(image.carried)
    return parts


@pytest.mark.parametrize("is_planar", [False, True], ids=["chunky", "planar"])
@pytest.mark.parametrize("rows", [None, 4], ids=["one-strip", "strips"])
@pytest.mark.parametrize("compression", [1, 8], ids=["raw", "deflate"])
@pytest.mark.parametrize(
    ("order", "is_big"), [("<", False), (">", False), ("<", True)], ids=["II", "MM", "big"]
)
def test_samples_of_any_layout_are_exact(
    order: Order, is_big: bool, compression: int, rows: int | None, is_planar: bool
) -> None:
    layout = TiffRecipe(
        samples=RGB,
        order=order,
        is_big=is_big,
        compression=compression,
        rows_per_strip=rows,
        is_planar=is_planar,
    )
    assert read(layout).carried == ()
    read(replace(layout, samples=plane(bands=4), extra=[2]))
    read(replace(layout, samples=GREY, photometric=1))
    if not is_planar:
        assert read(replace(layout, samples=plane(bands=2), photometric=1, extra=[2])).mode == "LA"


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "tiff_deflate"])
def test_compressed_samples_are_exact(compression: str) -> None:
    pixels = texture(40, 56)
    for options in ({}, {"tiffinfo": {317: 2}} if compression != "packbits" else {}):
        image = read_image(saved(pixels, "TIFF", compression=compression, **options))
        assert isinstance(image, Image), image
        assert np.array_equal(image.pixels, pixels)


def test_white_is_zero_is_shown_as_it_looks() -> None:
    image = read_image(replace(GREY_TIFF, photometric=0).file())
    assert isinstance(image, Image)
    assert np.array_equal(image.pixels, 255 - GREY)


def _palette(low_byte: int) -> list[Tag]:
    return [tag(320, 3, *[(n % 256) << 8 | low_byte for n in range(768)])]


_MAKER = struct.pack("<HHHII", 1, 0x927C, 7, 8, 900) + bytes(4) + b"makernot"
KEPT = {
    "infrared": (TiffRecipe(samples=plane(bands=4), extra=[0]), "4 bands|neither colour nor alpha"),
    "infrared-planar": (TiffRecipe(samples=plane(bands=4), extra=[0], is_planar=True), "neither"),
    "two-more": (TiffRecipe(samples=plane(bands=5), extra=[0, 0]), "5 bands"),
    "grey-and-one": (TiffRecipe(samples=plane(bands=2), photometric=1, extra=[0]), "neither"),
    "grey-of-four": (TiffRecipe(samples=plane(bands=4), photometric=1, extra=[0, 0, 0]), "4 bands"),
    "alpha-and-one": (TiffRecipe(samples=plane(bands=5), extra=[2, 0]), "5 bands"),
    "nameless-fourth": (TiffRecipe(samples=plane(bands=4)), "4 bands"),
    "premultiplied": (TiffRecipe(samples=plane(bands=4), extra=[1]), "premultiplied"),
    "cmyk": (TiffRecipe(samples=plane(bands=4), photometric=5), "CMYK"),
    "cmyk-spot": (TiffRecipe(samples=plane(bands=5), photometric=5, extra=[2]), "CMYK"),
    "int8": (replace(GREY_TIFF, sample_format=2), "signed 8-bit"),
    "undefined-format": (replace(GREY_TIFF, sample_format=4), "format 4"),
    "uint16": (TiffRecipe(samples=plane(kind=np.uint16), bits=16), "16-bit"),
    "uint32-rgb": (TiffRecipe(samples=plane(kind=np.uint32), bits=32), "32-bit"),
    "float32-rgb": (TiffRecipe(samples=plane(kind=np.float32), bits=32, sample_format=3), "floating"),
    "float64": (
        TiffRecipe(samples=plane(bands=1, kind=np.float64), bits=64, sample_format=3, photometric=1),
        "floating",
    ),
    "ycbcr": (replace(PLAIN, photometric=6), "YCbCr"),
    "reversed-bits": (replace(PLAIN, tags=[tag(266, 3, 2)]), "reversed"),
    "unknown-compression": (replace(PLAIN, compression=50_002), "compression 50002"),
    "odd-predictor": (replace(PLAIN, tags=[tag(317, 3, 2)]), "predictor"),
    "deep-palette": (replace(GREY_TIFF, photometric=3, tags=_palette(7)), "16-bit colours"),
    "palette-without": (replace(GREY_TIFF, photometric=3), "palette"),
    "white-point": (replace(PLAIN, tags=[tag(318, 5, *ODD_WHITE)]), "tag 318"),
    "transfer": (replace(PLAIN, tags=[tag(301, 3, *range(256))]), "transfer function"),
    "dng": (replace(PLAIN, tags=[tag(50706, 1, b"\x01\x04\x00\x00")]), "camera raw"),
    "preview-beside-raw": (replace(PLAIN, tags=[tag(254, 4, 1), tag(330, 4, 8)]), "camera raw"),
    "sub-images": (replace(PLAIN, tags=[tag(330, 4, 8)]), "sub-images"),
    "next-page": (replace(PLAIN, next=8), "several pages"),
    "imagej-stack": (replace(PLAIN, tags=[tag(270, 2, b"ImageJ=1.53t\nimages=3\n\x00")]), "ImageJ stack"),
    "tag-twice": (replace(PLAIN, tags=[tag(257, 4, 6)]), "tag 257 is there twice"),
    "private-directory": (replace(PLAIN, tags=[tag(65_000, 13, 8)]), "tag 65000 points to a directory"),
    "private-pointer": (
        replace(PLAIN, tags=[tag(65_000, 4, 10)], ghost=b"private data of a camera"),
        "tag 65000 refers to",
    ),
    "long-orientation": (replace(PLAIN, tags=[tag(274, 4, 6)]), "orientation"),
    "more-strips": (replace(PLAIN, rows_per_strip=2, tags=[tag(278, 4, 3)], drop=[278]), "strips or tiles"),
    "rows-below-it": (
        TiffRecipe(samples=plane(12), drop=[257], tags=[tag(257, 4, 6)], compression=8),
        "go on after",
    ),
    "mostly-other": (replace(PLAIN, trailer=b"film" * 200), "800 bytes of other content"),
    "big-endian-big": (replace(PLAIN, order=">", is_big=True), "BigTIFF"),
}


@pytest.mark.parametrize(("recipe", "reason"), KEPT.values(), ids=KEPT)
def test_what_the_codec_does_not_model_is_kept(recipe: TiffRecipe, reason: str) -> None:
    content = read_image(recipe.file())
    assert isinstance(content, Unmodelled), content
    assert content.fault is None
    assert any(one in content.reason for one in reason.split("|")), content.reason
    assert (content.source_format, content.width, content.height) == ("TIFF", 8, 6)


CARRIED: dict[str, list[Tag]] = {
    "geotiff": [
        tag(33550, 12, 10.0, 10.0, 0.0),
        tag(33922, 12, 0.0, 0.0, 0.0, 5e5, 5.4e6, 0.0),
        tag(34735, 3, 1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32632),
        tag(34737, 2, b"WGS 84 / UTM 32N|\x00"),
    ],
    "gdal": [tag(42112, 2, b"<GDALMetadata/>\x00"), tag(42113, 2, b"-9999\x00")],
    "iptc": [tag(33723, 4, 0x1C020000, 0x05000648, 0x656C6C6F)],
    "photoshop": [tag(34377, 7, b"8BIM\x04\x25\x00\x00\x00\x00\x00\x00")],
    "imagej": [tag(50838, 4, 12, 40), tag(50839, 1, b"IJIJinfo" + bytes(range(200)))],
    "page": [tag(285, 2, b"page name\x00"), tag(297, 3, 0, 1), tag(280, 3, 5, 5, 5)],
    "one-byte": [tag(65_001, 1, b"\x07")],
    "float": [tag(65_002, 11, 1.5, -2.5)],
    "exif-pointer-to-nowhere": [tag(0x8769, 4, 3)],
    "xmp-as-numbers": [tag(700, 4, 0x6D783C78, 0x74656D70)],
}


@pytest.mark.parametrize("order", ["<", ">"], ids=["II", "MM"])
@pytest.mark.parametrize("tags", CARRIED.values(), ids=CARRIED)
def test_tags_are_carried_byte_for_byte(tags: list[Tag], order: Order) -> None:
    image = read(replace(PLAIN, tags=tags, order=order))  # the values' bytes are anything in the other order
    wanted = {str(one.number): one.packed(order) for one in tags}
    assert parts_of(image) == wanted | {"byte order": b"II" if order == "<" else b"MM"}


def test_colour_tags_that_say_srgb_are_carried() -> None:
    white = tag(318, 5, *D65)
    assert parts_of(read(replace(PLAIN, tags=[white])))["318"] == white.packed()


def test_profile_and_xmp_are_fields_and_a_profile_speaks_for_the_colours() -> None:
    icc, xmp = b"a profile of no known kind", b"<x:xmpmeta/>"
    tags = [tag(34675, 7, icc), tag(700, 1, xmp), tag(318, 5, *ODD_WHITE)]
    image = read(replace(PLAIN, tags=tags))
    assert (image.icc, image.xmp) == (icc, xmp)
    assert parts_of(image) == {"318": tags[2].packed(), "byte order": b"II"}


def test_bytes_that_no_directory_refers_to_are_carried() -> None:
    ghost = b"GDAL_STRUCTURAL_METADATA_SIZE=000020 bytes\nLAYOUT"
    image = read(replace(PLAIN, ghost=ghost, gap=b"gap", trailer=b"the end\x00"))
    assert [(part.kind, part.data.rstrip(b"\x00")) for part in image.carried] == [
        ("unreferenced", ghost),
        ("unreferenced", b"gap"),
        ("trailer", b"the end"),
    ]
    assert read(replace(PLAIN, trailer=bytes(8))).carried == ()


def test_descriptive_tags_are_exif_with_their_exact_values() -> None:
    tags = [
        tag(270, 2, b"OME-XML <OME/> \xb5m\x00"),
        tag(274, 3, 6),
        tag(282, 5, (720_090, 10_000)),
        tag(305, 2, b"scanner\x00\x00more\x00"),
    ]
    image = read(replace(PLAIN, tags=tags))
    assert image.orientation == 6
    assert image.exif is not None
    assert image.exif.startswith(b"II*\x00\x08\x00\x00\x00\x04\x00")
    for one in tags:
        assert struct.pack("<HHI", one.number, one.type, one.count) in image.exif
        assert one.value in image.exif
    assert image.carried == ()


def _with_exif(note: bytes, **more: Any) -> TiffRecipe:
    """A TIFF whose EXIF, GPS and interoperability directories lie after the header."""
    at = 8
    rational = struct.pack("<II", 20_004, 1_000_003)
    interop_at = at + 2 + 12 * 3 + 4
    values = interop_at + 2 + 12 + 4
    exif = struct.pack("<HHHII", 3, 33434, 5, 1, values)
    exif += struct.pack("<HHII", 0x927C, 7, len(note), values + 8)
    exif += struct.pack("<HHII", 0xA005, 4, 1, interop_at) + bytes(4)
    interop = struct.pack("<HHHI4s", 1, 1, 2, 4, b"R98\x00") + bytes(4)
    ghost = exif + interop + rational + note
    gps = struct.pack("<HHHI4s", 1, 1, 2, 2, b"N\x00\x00\x00") + bytes(4)
    pointers = [tag(0x8769, 4, at), tag(0x8825, 4, at + len(ghost))]
    return TiffRecipe(samples=RGB, ghost=ghost + gps, tags=pointers, **more)


def test_exif_directories_come_back_value_for_value() -> None:
    note = b"Nikon\x00\x02\x10\x00\x00" + bytes(range(90))
    recipe = _with_exif(note)
    image = read(recipe)
    place = recipe.file().index(note)
    assert parts_of(image) == {"maker note offset": struct.pack("<Q", place)}
    exif = PIL.Image.Exif()
    exif.load(image.exif or b"")
    inner = exif.get_ifd(0x8769)
    assert (inner[33434].numerator, inner[33434].denominator) == (20_004, 1_000_003)
    assert inner[0x927C] == note
    assert exif.get_ifd(0xA005)[1] == "R98"
    assert exif.get_ifd(0x8825)[1] == "N"


def test_a_maker_note_beside_unknown_bytes_may_refer_to_them() -> None:
    content = read_image(
        _with_exif(b"Nikon\x00\x02\x10" + bytes(40), trailer=b"a preview of the camera").file()
    )
    assert isinstance(content, Unmodelled)
    assert "maker note" in content.reason


def test_jpeg_data_with_metadata_of_their_own_are_kept() -> None:
    jpeg = saved(texture(16, 16), "JPEG", comment=b"a comment inside a strip")
    data = np.frombuffer(jpeg, np.uint8)
    whole = TiffRecipe(samples=texture(16, 16), photometric=6, compression=7)
    size = replace(whole, tags=[tag(279, 4, len(data))], drop=[279])
    head = size.file()[: -16 * 16 * 3]
    content = read_image(head + jpeg)
    assert isinstance(content, Unmodelled)
    assert "metadata of their own" in content.reason
    image = read_image(saved(texture(16, 16), "TIFF", compression="jpeg"))
    assert isinstance(image, Image)


@pytest.mark.parametrize("number", [256, 273, 279])
def test_a_directory_without_its_layout_is_damaged(number: int) -> None:
    content = read_image(replace(PLAIN, drop=[number], compression=8).file())
    assert isinstance(content, Unmodelled)
    assert content.fault == "damaged"


_PRIVATE = st.integers(32_768, 65_535).filter(
    lambda number: number not in {*range(34_600, 34_900), 50706, 32803}
)
_TAGS = st.builds(
    lambda number, kind, value: tag(number, kind, value),
    _PRIVATE,
    st.sampled_from([1, 2, 7]),
    st.binary(min_size=1),
)


@settings(max_examples=60, deadline=None)
@given(
    tags=st.lists(_TAGS, max_size=5),
    ghost=st.binary(max_size=60),
    gap=st.binary(max_size=60),
    trailer=st.binary(max_size=60),
    order=st.sampled_from(("<", ">")),
    is_big=st.booleans(),
)
def test_what_is_put_in_is_found_or_the_file_is_kept(
    tags: list[Tag], ghost: bytes, gap: bytes, trailer: bytes, order: Order, is_big: bool
) -> None:
    recipe = TiffRecipe(
        samples=RGB, tags=tags, ghost=ghost, gap=gap, trailer=trailer, order=order, is_big=is_big
    )
    content = read_image(recipe.file())
    if isinstance(content, Unmodelled):
        assert content.fault is None, content.reason
        return
    assert np.array_equal(content.pixels, RGB)
    held = b"".join(
        [
            *(part.data for part in content.carried),
            content.exif or b"",
            content.icc or b"",
            content.xmp or b"",
        ]
    )
    for one in tags:
        assert one.value in held
    for piece in (ghost, gap, trailer):
        assert piece in held or not any(piece)
