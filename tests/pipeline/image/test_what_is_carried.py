"""Content beside the pixels that comes back byte for byte, one case a kind."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from dataclasses import dataclass

import pytest
from PIL import ImageCms

from pipeline.decode.file_form import writable_format
from pipeline.image.read import read_image
from pipeline.image.write import write_image
from pipeline.types import CarriedPart, Image
from tests.support.containers import (
    GIF_XMP_TAIL,
    app,
    bmp_file,
    bmp_with_profile,
    gif_application,
    gif_blocks,
    gif_sub_blocks,
    gif_with,
    grey_png,
    idat_split_by,
    jpeg,
    jpeg_segment,
    mpf_index,
    noise,
    one_frame_apng,
    png_with,
    riff_chunk,
    v5,
    webp_with,
)
from tests.support.odd_images import XMP, exif_block, png_chunk

EXIF = exif_block(6)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP_HEAD, ICC_HEAD = b"http://ns.adobe.com/xap/1.0/\x00", b"ICC_PROFILE\x00"
GAIN_MAP_XMP = XMP_HEAD + b'<x xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
WIDE_POINTS = struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600)
SRGB_POINTS = struct.pack(">8I", 31269, 32899, 63999, 33001, 30000, 60000, 15000, 5999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file, and what of it must be there when it is read as a picture."""

    data: bytes
    parts: tuple[tuple[str, bytes], ...] = ()
    """Among those that are carried, in this order."""
    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None


def carried(data: bytes, *parts: tuple[str, bytes], **fields: bytes) -> Case:
    return Case(data=data, parts=parts, **fields)


EXTENDED = [
    b"http://ns.adobe.com/xmp/extension/\x00"
    + b"0" * 32
    + struct.pack(">II", 130_000, at)
    + noise(60_000, at)
    for at in (0, 60_000)
]
FLIR = [b"FLIR\x00\x01" + bytes((n, 1)) + noise(3000, n) for n in range(2)]
JUMBF = b"JP\x00\x01\x00\x00\x00\x01" + noise(200)
JFXX = b"JFXX\x00\x11" + bytes((2, 2)) + noise(12)
THUMB = b"JFIF\x00\x01\x02\x01\x01\x2c\x01\x2c\x02\x02" + noise(12)
FCTL = struct.pack(">IIIIIHHBB", 0, 12, 9, 0, 0, 1, 10, 0, 0)
XMP_TEXT = b"XML:com.adobe.xmp\x00"

CARRIED = {
    "jpeg-exif": carried(jpeg(app(1, b"Exif\x00\x00" + EXIF)), exif=EXIF),
    "jpeg-two-exif": carried(
        jpeg(app(1, b"Exif\x00\x00" + EXIF), app(1, b"Exif\x00\x00second")),
        ("APP1", b"Exif\x00\x00second"),
        exif=EXIF,
    ),
    "jpeg-empty-exif": carried(jpeg(app(1, b"Exif\x00\x00")), ("APP1", b"Exif\x00\x00")),
    "jpeg-two-xmp": carried(
        jpeg(app(1, XMP_HEAD + XMP), app(1, XMP_HEAD + b"second")), ("APP1", XMP_HEAD + b"second"), xmp=XMP
    ),
    "jpeg-extended-xmp": carried(
        jpeg(app(1, XMP_HEAD + XMP), *(app(1, one) for one in EXTENDED)),
        *(("APP1", one) for one in EXTENDED),
        xmp=XMP,
    ),
    "jpeg-thermal": carried(jpeg(*(app(1, one) for one in FLIR)), *(("APP1", one) for one in FLIR)),
    "jpeg-icc-out-of-order": carried(
        jpeg(app(2, ICC_HEAD + b"\x02\x02" + ICC[200:]), app(2, ICC_HEAD + b"\x01\x02" + ICC[:200])), icc=ICC
    ),
    "jpeg-icc-too-short": carried(jpeg(app(2, ICC_HEAD + b"\x01\x02x")), ("APP2", ICC_HEAD + b"\x01\x02x")),
    "jpeg-jfif-thumbnail": carried(jpeg(app(0, THUMB), app(0, JFXX)), ("APP0", THUMB), ("APP0", JFXX)),
    "jpeg-iptc": carried(jpeg(app(13, b"Photoshop 3.0\x008BIM")), ("APP13", b"Photoshop 3.0\x008BIM")),
    "jpeg-c2pa": carried(jpeg(app(11, JUMBF), app(11, JUMBF)), ("APP11", JUMBF), ("APP11", JUMBF)),
    "jpeg-short-adobe": carried(jpeg(app(14, b"Adobe\x00")), ("APP14", b"Adobe\x00")),
    "jpeg-comments": carried(
        jpeg(jpeg_segment(0xFE, b"one"), jpeg_segment(0xFE, b"")), ("COM", b"one"), ("COM", b"")
    ),
    "jpeg-all-others": carried(
        jpeg(*(app(n, b"%d" % n) for n in range(3, 16))), *((f"APP{n}", b"%d" % n) for n in range(3, 16))
    ),
    "jpeg-fill-bytes": carried(jpeg(b"\xff\xff" + app(5, b"x")), ("APP5", b"x")),
    "jpeg-trailer": carried(jpeg(after=noise(70_000)), ("trailer", noise(70_000))),
    "jpeg-zeros-behind-it": carried(jpeg(after=bytes(9)), ("trailer", bytes(9))),
    "jpeg-motion-photo": carried(
        jpeg(after=b"\x00\x00\x00\x18ftypmp42" + noise(5000)),
        ("trailer", b"\x00\x00\x00\x18ftypmp42" + noise(5000)),
    ),
    "jpeg-preview": carried(
        jpeg(app(2, mpf_index(0x010002, 700)), after=jpeg()),
        ("APP2", mpf_index(0x010002, 700)),
        ("trailer", jpeg()),
    ),
    "jpeg-gain-map-that-was-cut-off": carried(jpeg(app(1, GAIN_MAP_XMP)), xmp=GAIN_MAP_XMP[len(XMP_HEAD) :]),
    "png-end-codes-in-a-chunk-of-their-own": carried(idat_split_by(b"", at=-4)),
    "png-text": carried(
        png_with(
            png_chunk(b"tEXt", b"Comment\x00a"), png_chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(b"b"))
        ),
        ("tEXt", b"Comment\x00a"),
        ("zTXt", b"Comment\x00\x00" + zlib.compress(b"b")),
    ),
    "png-xmp": carried(png_with(png_chunk(b"iTXt", XMP_TEXT + bytes(4) + XMP)), xmp=XMP),
    "png-deflated-xmp": carried(
        png_with(png_chunk(b"iTXt", XMP_TEXT + b"\x01\x00\x00\x00" + zlib.compress(XMP))), xmp=XMP
    ),
    "png-xmp-with-a-language": carried(
        png_with(png_chunk(b"iTXt", XMP_TEXT + b"\x00\x00de\x00\x00" + XMP)),
        ("iTXt", XMP_TEXT + b"\x00\x00de\x00\x00" + XMP),
    ),
    "png-two-xmp": carried(
        png_with(*[png_chunk(b"iTXt", XMP_TEXT + bytes(4) + one) for one in (XMP, b"second")]),
        ("iTXt", XMP_TEXT + bytes(4) + b"second"),
        xmp=XMP,
    ),
    "png-two-exif": carried(
        png_with(png_chunk(b"eXIf", EXIF), png_chunk(b"eXIf", b"second")), ("eXIf", b"second"), exif=EXIF
    ),
    "png-exif-behind-the-pixels": carried(png_with(png_chunk(b"eXIf", EXIF), before=b"IEND"), exif=EXIF),
    "png-profile": carried(
        png_with(png_chunk(b"iCCP", b"my name\x00\x00" + zlib.compress(ICC))),
        ("iCCP name", b"my name"),
        icc=ICC,
    ),
    "png-broken-profile": carried(
        png_with(png_chunk(b"iCCP", b"name\x00\x00no zlib")), ("iCCP", b"name\x00\x00no zlib")
    ),
    "png-small-chunks": carried(
        png_with(
            *(
                png_chunk(kind, noise(9, n))
                for n, kind in enumerate(
                    (b"pHYs", b"tIME", b"bKGD", b"sPLT", b"sBIT", b"oFFs", b"prVt", b"caBX")
                )
            )
        ),
        *(
            (kind, noise(9, n))
            for n, kind in enumerate(("pHYs", "tIME", "bKGD", "sPLT", "sBIT", "oFFs", "prVt", "caBX"))
        ),
    ),
    "png-srgb": carried(png_with(png_chunk(b"sRGB", b"\x01")), ("sRGB", b"\x01")),
    "png-srgb-points": carried(
        png_with(png_chunk(b"gAMA", struct.pack(">I", 45_455)), png_chunk(b"cHRM", SRGB_POINTS)),
        ("gAMA", struct.pack(">I", 45_455)),
        ("cHRM", SRGB_POINTS),
    ),
    "png-wide-points-under-srgb": carried(
        png_with(png_chunk(b"sRGB", b"\x00"), png_chunk(b"cHRM", WIDE_POINTS)), ("cHRM", WIDE_POINTS)
    ),
    "png-plain-cicp": carried(
        png_with(png_chunk(b"cICP", b"\x01\x0d\x00\x01")), ("cICP", b"\x01\x0d\x00\x01")
    ),
    "png-suggested-palette": carried(png_with(png_chunk(b"PLTE", noise(30))), ("PLTE", noise(30))),
    "png-one-frame": carried(one_frame_apng(), ("acTL", struct.pack(">II", 1, 0)), ("fcTL", FCTL)),
    "png-trailer": carried(png_with() + png_with(), ("trailer", png_with())),
    "png-significant-bits": carried(grey_png(2, png_chunk(b"sBIT", b"\x01")), ("sBIT", b"\x01")),
    "webp-all": carried(
        webp_with([riff_chunk(b"ICCP", ICC)], [riff_chunk(b"EXIF", EXIF), riff_chunk(b"XMP ", XMP)]),
        exif=EXIF,
        icc=ICC,
        xmp=XMP,
    ),
    "webp-duplicates": carried(
        webp_with([], [riff_chunk(kind, b"%d" % n) for kind in (b"EXIF", b"XMP ") for n in range(2)]),
        ("EXIF", b"1"),
        ("XMP ", b"1"),
        exif=b"0",
        xmp=b"0",
    ),
    "webp-unknown": carried(
        webp_with([riff_chunk(b"C2PA", b"odd")], [riff_chunk(b"\xffx y", b"")]),
        ("C2PA", b"odd"),
        ("\xffx y", b""),
    ),
    "webp-trailer": carried(webp_with([], []) + b"\x00more", ("trailer", b"\x00more")),
    "gif-xmp": carried(gif_with(b"\x21\xff\x0bXMP DataXMP" + XMP + GIF_XMP_TAIL), xmp=XMP),
    "gif-xmp-in-sub-blocks": carried(
        gif_with(gif_application(b"XMP DataXMP", XMP)), ("GIF blocks:XMP DataXMP", gif_sub_blocks(XMP))
    ),
    "gif-profile": carried(gif_with(gif_application(b"ICCRGBG1012", ICC)), icc=ICC),
    "gif-loop": carried(
        gif_with(gif_application(b"NETSCAPE2.0", b"\x01\x00\x00")), ("GIF:NETSCAPE2.0", b"\x01\x00\x00")
    ),
    "gif-comments": carried(
        gif_with(b"\x21\xfe" + gif_sub_blocks(noise(300)), after=b"\x21\xfe\x02hi\x00"),
        ("GIF:comment", noise(300)),
        ("GIF:comment", b"hi"),
    ),
    "gif-odd-sub-blocks": carried(
        gif_with(b"\x21\xfe\x01a\x01b\x00"), ("GIF blocks:comment", b"\x01a\x01b\x00")
    ),
    "gif-control": carried(
        gif_with(b"\x21\xf9\x04\x08\x0a\x00\x00\x00"), ("GIF:graphic control", b"\x08\x0a\x00\x00")
    ),
    "gif-unknown": carried(gif_with(b"\x21\x77\x01x\x00"), ("GIF:extension 77", b"x")),
    "gif-screen": carried(gif_with(), ("GIF:screen", b"GIF89a" + gif_blocks()[0][6:13])),
    "gif-trailer": carried(gif_with() + b"\x00\x00rest", ("trailer", b"\x00\x00rest")),
    "bmp-header": carried(bmp_file(resolution=11_811), ("BMP:header", bmp_file(resolution=11_811)[:54])),
    "bmp-profile": carried(bmp_with_profile(ICC, after=b"more"), ("trailer", b"more"), icc=ICC),
    "bmp-gap-and-trailer": carried(
        bmp_file(gap=b"gap", after=b"end"), ("BMP:gap", b"gap"), ("trailer", b"end")
    ),
    "bmp-palette-that-makes-no-pixels": carried(bmp_file(palette=noise(40)), ("BMP:palette", noise(40))),
    "bmp-palette-with-a-fourth-byte": carried(
        bmp_file(bits=8, palette=b"\x01\x02\x03\x04" * 256), ("BMP:palette", b"\x01\x02\x03\x04" * 256)
    ),
    "bmp-srgb": carried(bmp_file(colours=v5(b"BGRs"))),
    "bmp-alpha": carried(
        bmp_file(bits=32, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000), colours=v5(b"BGRs"), rows=noise(432))
    ),
}


@pytest.mark.parametrize("case", CARRIED.values(), ids=CARRIED)
def test_it_comes_back(case: Case) -> None:
    image = read_image(case.data)
    assert isinstance(image, Image), image
    assert (image.exif, image.icc, image.xmp) == (case.exif, case.icc, case.xmp)
    expected = [CarriedPart(kind=kind, data=data) for kind, data in case.parts]
    assert [part for part in image.carried if part in expected] == expected


@pytest.mark.parametrize("case", CARRIED.values(), ids=CARRIED)
def test_it_goes_back_into_a_file_of_its_format(case: Case) -> None:
    image = read_image(case.data)
    assert isinstance(image, Image), image
    fmt = writable_format(image.source_format) or "png"
    back = read_image(write_image(image, fmt))
    assert isinstance(back, Image), back
    assert (back.exif, back.icc, back.xmp) == (image.exif, image.icc, image.xmp)
    if fmt == writable_format(image.source_format):
        parts, parts_back = (Counter((part.kind, part.data) for part in one.carried) for one in (image, back))
        assert parts_back == parts
