"""Carried parts go back into files of their own format, and what other formats can say too goes into those."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import PIL.Image
import PIL.ImageFile
import PIL.IptcImagePlugin
import pytest

from pipeline.image.file_formats import Format
from pipeline.image.read import read_image
from pipeline.image.write import write_image
from pipeline.image.writers.described import described, iptc_as_photoshop
from pipeline.types import CarriedPart, Image
from tests.support.odd_images import XMP, exif_block, texture

IPTC = b"\x1c\x02\x78\x00\x05hello" + b"\x1c\x02\x50\x00\x03Ann"
JFIF_300 = b"JFIF\x00\x01\x02\x01\x01\x2c\x01\x2c\x00\x00"
PHYS_300 = struct.pack(">IIB", 11811, 11811, 1)


def image(source_format: str, *parts: tuple[str, bytes], channels: int = 3) -> Image:
    return Image(
        pixels=texture(6, 9, channels),
        source_format=source_format,
        mode="RGB",
        exif=exif_block(1),
        icc=b"a profile" * 9000,
        xmp=XMP,
        carried=tuple(CarriedPart(kind=kind, data=data) for kind, data in parts),
    )


def opened(data: bytes) -> PIL.ImageFile.ImageFile:
    picture = PIL.Image.open(io.BytesIO(data))
    picture.load()
    return picture


def segments(data: bytes) -> list[tuple[str, bytes]]:
    found, at = [], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((f"{data[at + 1]:02X}", data[at + 4 : end]))
        at = end
    return found


def png_chunks(data: bytes) -> list[tuple[str, bytes]]:
    found, at = [], 8
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : end]
        if int.from_bytes(data[end : end + 4], "big") != zlib.crc32(kind + body):
            break
        found.append((kind.decode(), body))
        at = end + 4
    return found


def test_segments_of_a_jpeg() -> None:
    parts = [
        ("APP0", JFIF_300),
        ("COM", b"one"),
        ("APP13", iptc_as_photoshop(IPTC)),
        ("APP1", b"http://ns.adobe.com/xmp/extension/\x00" + b"x" * 65_000),
        ("APP11", b"JP\x00\x01jumbf"),
        ("COM", b"\xff two"),
        ("trailer", b"\x00\x00\x00\x18ftypmp42 a film"),
    ]
    one = image("JPEG", *parts)
    data = write_image(one, "jpeg")
    held = segments(data)
    names = {"APP0": "E0", "APP1": "E1", "APP11": "EB", "APP13": "ED", "COM": "FE"}
    own = [(names[kind], body) for kind, body in parts[:-1]]
    assert [segment for segment in held if segment in own] == own
    assert held[0] == own[0]
    assert [kind for kind, _ in held].count("E0") == 1
    assert data.endswith(b"\xff\xd9" + parts[-1][1])
    picture = opened(data)
    assert (picture.info["dpi"], picture.info["icc_profile"], picture.info["xmp"]) == (
        (300, 300),
        one.icc,
        XMP,
    )
    assert dict(PIL.IptcImagePlugin.getiptcinfo(picture) or {}) == {(2, 120): b"hello", (2, 80): b"Ann"}
    assert picture.info["comment"] == b"\xff two"


def test_a_jpeg_without_jfif_gets_none() -> None:
    held = segments(write_image(image("JPEG", ("COM", b"one")), "jpeg"))
    assert "E0" not in [kind for kind, _ in held]
    assert opened(write_image(image("JPEG", ("COM", b"one")), "jpeg")).mode == "RGB"


def test_boxes_of_an_avif() -> None:
    parts = [("uuid", bytes(16) + b"provenance"), ("free", b"one"), ("trailer", b"film")]
    whole = image("AVIF", *parts, ("mime", b"an item"))
    back = read_image(write_image(whole, "avif"))
    assert isinstance(back, Image)
    assert [(part.kind, part.data) for part in back.carried] == parts
    assert (back.exif, back.icc, back.xmp) == (whole.exif, whole.icc, whole.xmp)


@pytest.mark.parametrize("channels", [1, 3])
def test_chunks_of_a_png(channels: int) -> None:
    parts = [
        ("gAMA", struct.pack(">I", 45455)),
        ("pHYs", PHYS_300),
        ("tEXt", b"Author\x00Ann"),
        ("iCCP name", b"Display"),
        ("tIME", b"\x07\xea\x0b\x1c\x0a\x00\x00"),
        ("zTXt", b"Comment\x00\x00" + zlib.compress(b"long")),
        ("prVt", b"\x00\x01 private"),
        ("bKGD", b"\x00\x01" * channels),
        ("trailer", b"behind the end"),
    ]
    data = write_image(image("PNG", *parts, channels=channels), "png")
    held = png_chunks(data)
    for kind, body in parts:
        if kind not in ("iCCP name", "trailer"):
            assert (kind, body) in held
    assert data.endswith(b"behind the end")
    order = [kind for kind, _ in held]
    assert order.index("gAMA") < order.index("IDAT") > order.index("prVt")
    assert dict(held)["iCCP"].startswith(b"Display\x00\x00")
    picture = opened(data)
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert (picture.info["Author"], picture.info["Comment"]) == ("Ann", "long")


def test_chunks_of_a_palette_that_is_no_more_stay_away() -> None:
    parts = [
        ("bKGD", b"\x05"),
        ("hIST", b"\x00\x01"),
        ("iDOT", bytes(28)),
        ("sBIT", b"\x05\x05\x05"),
        ("tEXt", b"a\x00b"),
    ]
    held = [kind for kind, _ in png_chunks(write_image(image("PNG", *parts), "png"))]
    assert {"sBIT", "tEXt"} < set(held)
    assert not {"bKGD", "hIST", "iDOT"} & set(held)


@pytest.mark.parametrize("quality", [None, 80])
@pytest.mark.parametrize("has_metadata", [True, False])
def test_chunks_of_a_webp(quality: int | None, has_metadata: bool) -> None:
    one = image("WEBP", ("ABCD", b"odd"), ("trailer", b"behind"))
    if not has_metadata:
        one = Image(pixels=one.pixels, source_format="WEBP", mode="RGB", carried=one.carried)
    data = write_image(one, "webp", quality=quality)
    assert b"ABCD\x03\x00\x00\x00odd\x00" in data
    assert data.endswith(b"behind")
    assert int.from_bytes(data[4:8], "little") == len(data) - 8 - len(b"behind")
    assert (opened(data).size, opened(data).info.get("xmp")) == ((9, 6), XMP if has_metadata else None)


SAID: dict[str, tuple[tuple[str, bytes], ...]] = {
    "JPEG": (("APP0", JFIF_300), ("COM", "grüße".encode()), ("APP13", iptc_as_photoshop(IPTC))),
    "PNG": (
        ("pHYs", PHYS_300),
        ("iTXt", b"Comment\x00\x01\x00\x00\x00" + zlib.compress("grüße".encode())),
        (
            "zTXt",
            b"Raw profile type iptc\x00\x00"
            + zlib.compress(b"\niptc\n      18\n" + IPTC.hex().encode() + b"\n"),
        ),
    ),
    "GIF": (("GIF:comment", "grüße".encode()),),
    "PPM": (("comment", "grüße".encode()),),
    "JPEG2000": (("JP2:COM", b"\x00\x01" + "grüße".encode("latin-1")),),
    "TIFF": (("33723", b"\x01\x00\x12\x00\x00\x00" + IPTC),),
}


@pytest.mark.parametrize("source_format", SAID)
@pytest.mark.parametrize("fmt", ["png", "jpeg"])
def test_resolution_comments_and_iptc_go_into_other_formats(source_format: str, fmt: Format) -> None:
    parts = SAID[source_format]
    picture = opened(write_image(image(source_format, *parts), fmt))
    kinds = {kind for kind, _ in parts}
    if kinds & {"APP0", "pHYs"}:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    if kinds & {"COM", "iTXt", "GIF:comment", "comment", "JP2:COM"}:
        key = "comment" if fmt == "jpeg" else "Comment"
        said: Any = picture.info[key]
        assert (said if isinstance(said, str) else said.decode()) == "grüße"
    if kinds & {"APP13", "zTXt", "33723"}:
        if fmt == "jpeg":
            assert dict(PIL.IptcImagePlugin.getiptcinfo(picture) or {})[2, 120] == b"hello"
        else:
            assert IPTC.hex() in picture.info["Raw profile type iptc"]


def test_what_is_malformed_says_nothing() -> None:
    bad = [
        ("APP0", b"JFIF\x00"),
        ("pHYs", b"\x00"),
        ("APP13", b"Photoshop 3.0\x008BIM\x04"),
        ("zTXt", b"a\x00\x00no"),
    ]
    bad += [("zTXt", b"Raw profile type iptc\x00\x00no"), ("iTXt", b"Comment"), ("tEXt", b"")]
    found = described(image("PNG", *bad))
    assert (found.dots_per_inch, found.iptc) == (None, None)
    for fmt in ("jpeg", "png", "webp", "avif"):
        opened(write_image(image("GIF", *bad), fmt))
