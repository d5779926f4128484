"""TGA, which has no mark at its start; and images that are known and not decoded."""

from __future__ import annotations

import struct

import numpy as np
import PIL.Image
import pytest

from pipeline.image.formats.sniff import sniff
from pipeline.image.read import read_image
from pipeline.types import Image, Unmodelled
from tests.support.odd_images import saved, texture

PIXELS, RGBA, GREY = texture(20, 30), texture(20, 30, 4), texture(20, 30, 1)


def read(data: bytes) -> Image:
    """Read a file that must be decoded."""
    image = read_image(data)
    assert isinstance(image, Image), image
    assert image.source_format == "TGA"
    return image


@pytest.mark.parametrize("compression", [None, "tga_rle"])
@pytest.mark.parametrize("orientation", [-1, 1])
def test_samples_are_exact(compression: str | None, orientation: int) -> None:
    options = {"compression": compression, "orientation": orientation}
    for pixels in (PIXELS, RGBA, GREY):
        image = read(saved(pixels, "TGA", **options))
        assert np.array_equal(image.pixels, pixels[..., :3])
        assert (image.alpha is not None) == (pixels is RGBA)
    picture = PIL.Image.fromarray(PIXELS).quantize(50)
    assert np.array_equal(read(saved(picture, "TGA", **options)).pixels, np.asarray(picture.convert("RGB")))


def _with_footer(data: bytes, *, attributes: int = 3, gamma: tuple[int, int] = (0, 0)) -> bytes:
    area = bytearray(495)
    area[:2] = struct.pack("<H", 495)
    area[2:12] = b"the author"
    area[478:482] = struct.pack("<HH", *gamma)
    area[494] = attributes
    return data + bytes(area) + struct.pack("<II", len(data), 0) + b"TRUEVISION-XFILE.\x00"


def test_id_origin_and_areas_after_the_picture_are_carried() -> None:
    plain = saved(PIXELS, "TGA", id_section=b"frame 12")
    plain = plain[:8] + b"\x05\x00\x06\x00" + plain[12:]
    end = 18 + 8 + PIXELS.size
    data = _with_footer(plain[:end])
    image = read(data)
    assert np.array_equal(image.pixels, PIXELS)
    assert [(part.kind, part.data) for part in image.carried] == [
        ("origin", b"\x05\x00\x06\x00"),
        ("image id", b"frame 12"),
        ("trailer", data[end:]),
    ]


def _changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


_BARE_RGBA = saved(RGBA, "TGA")[: 18 + RGBA.size]
KEPT = {
    "fifteen-bit": (_changed(saved(texture(20, 30, 2), "TGA"), 2, 2), "5 bits"),
    "deep-grey": (_changed(saved(texture(20, 30, 2), "TGA"), 2, 3), "16 bits"),
    "no-alpha-bits": (_changed(_BARE_RGBA, 17, 0), "unknown meaning"),
    "interleaved": (_changed(saved(PIXELS, "TGA"), 17, 0x40), "interleaved"),
    "premultiplied": (_with_footer(_BARE_RGBA, attributes=4), "premultiplied"),
    "gamma": (_with_footer(_BARE_RGBA, gamma=(22, 10)), "gamma of 22/10"),
}


@pytest.mark.parametrize(("data", "reason"), KEPT.values(), ids=KEPT)
def test_what_the_codec_does_not_model_is_kept(data: bytes, reason: str) -> None:
    content = read_image(data)
    assert isinstance(content, Unmodelled), content
    assert (content.fault, content.width, content.height) == (None, 30, 20)
    assert reason in content.reason


@pytest.mark.parametrize("options", [{}, {"compression": "tga_rle"}], ids=["raw", "packed"])
def test_a_cut_file_is_damaged(options: dict[str, str]) -> None:
    content = read_image(saved(PIXELS, "TGA", **options)[:900])
    assert isinstance(content, Unmodelled)
    assert content.fault == "damaged"


RECOGNISED = {
    "QOI": saved(PIXELS, "QOI"),
    "PCX": saved(PIXELS, "PCX"),
    "SGI": saved(PIXELS, "SGI"),
    "ICO": saved(PIXELS, "ICO"),
    "ICNS": saved(texture(32, 32), "ICNS"),
    "DIB": saved(PIXELS, "DIB"),
    "DDS": saved(PIXELS, "DDS"),
    "IM": b"Image type: RGB image\r\n" + bytes(60),
    "CUR": b"\x00\x00\x02\x00\x01\x00\x20\x20\x00\x00" + bytes(60),
    "PSD": b"8BPS\x00\x01" + bytes(60),
    "JXL": b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(60),
    "XCF": b"gimp xcf file\x00" + bytes(60),
    "DICOM": bytes(128) + b"DICM" + bytes(60),
    "MNG": b"\x8aMNG\r\n\x1a\n" + bytes(60),
    "ILBM": b"FORM\x00\x00\x00\x10ILBMBMHD" + bytes(60),
    "SUN": b"\x59\xa6\x6a\x95" + bytes(60),
    "DJVU": b"AT&TFORM\x00\x00\x00\x10DJVU" + bytes(60),
    "BPG": b"BPG\xfb" + bytes(60),
    "KTX": b"\xabKTX 11\xbb\r\n\x1a\n" + bytes(60),
    "XPM": b"/* XPM */\nstatic char *a[] = {" + bytes(20),
    "XBM": b"#define a_width 8\n#define a_height 1\nstatic char a_bits[] = {0};",
    "EMF": b"\x01\x00\x00\x00" + bytes(36) + b" EMF" + bytes(60),
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_known_images_that_are_not_decoded_are_kept_under_their_name(name: str) -> None:
    content = read_image(RECOGNISED[name])
    assert isinstance(content, Unmodelled), content
    assert (content.source_format, content.fault) == (name, None)
    assert "not decoded here" in content.reason


def test_binary_data_are_no_tga() -> None:
    rng = np.random.default_rng(5)
    for number in range(2000):
        data = bytearray(rng.bytes(40))
        data[0] = number % 4  # small numbers at the start, as headers of many kinds have
        data[1:4] = bytes([number % 2, number % 5, 0])
        if sniff(bytes(data)).source_format == "TGA":
            assert data[16] in (8, 16, 24, 32)
            assert data[1] == 1 or not any(data[3:8])
