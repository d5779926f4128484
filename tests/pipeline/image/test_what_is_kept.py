"""Files that hold what no codec models and no picture can carry, one case a kind: they are kept."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import pytest
from PIL import ImageCms

from pipeline.image.read import read_image
from pipeline.types import Unmodelled
from tests.support.containers import (
    PNG_SIGNATURE,
    app,
    bmp_file,
    bmp_with_profile,
    ends_without_mark,
    gif_blocks,
    gif_sub_blocks,
    gif_with,
    grey_png,
    idat_split_by,
    jpeg,
    jpeg_blocks,
    jpeg_segment,
    mpf_index,
    noise,
    palette_png,
    png_with,
    riff_chunk,
    riff_webp,
    v5,
    webp_picture,
    webp_with,
    with_frame,
)
from tests.support.odd_images import exif_block, png_chunk, texture

EXIF = exif_block(6)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP_HEAD, ICC_HEAD = b"http://ns.adobe.com/xap/1.0/\x00", b"ICC_PROFILE\x00"
GAIN_MAP_XMP = XMP_HEAD + b'<x xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
WIDE_POINTS = struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600)
SRGB_POINTS = struct.pack(">8I", 31269, 32899, 63999, 33001, 30000, 60000, 15000, 5999)


KEPT = {
    "jpeg-gain-map-without-index": (jpeg(app(1, GAIN_MAP_XMP), after=jpeg()), "HDR gain map"),
    "jpeg-gain-map-with-index": (
        jpeg(app(1, GAIN_MAP_XMP), app(2, mpf_index(0, 700)), after=jpeg()),
        "HDR gain map",
    ),
    "jpeg-iso-gain-map": (
        jpeg(app(2, b"urn:iso:std:iso:ts:21496:-1\x00" + bytes(4)), after=jpeg()),
        "HDR gain map",
    ),
    "jpeg-gain-map-that-only-tells-of-itself": (jpeg(after=jpeg(app(1, GAIN_MAP_XMP))), "HDR gain map"),
    "jpeg-two-pictures": (jpeg(app(2, mpf_index(0, 700)), after=jpeg()), "2 pictures in one file"),
    "jpeg-icc-gap": (jpeg(app(2, ICC_HEAD + b"\x02\x02" + ICC)), "colour profile whose parts do not join"),
    "jpeg-icc-twice": (jpeg(*[app(2, ICC_HEAD + b"\x01\x01" + ICC)] * 2), "parts do not join"),
    "jpeg-long-adobe": (jpeg(app(14, b"Adobe\x00\x64" + bytes(6))), "bytes of unknown purpose"),
    "jpeg-odd-adobe": (jpeg(app(14, b"Adobe\x00\x64\x00\x00\x00\x00\x02")), "colours that decoders take"),
    "jpeg-adobe-against-jfif": (
        jpeg(app(14, b"Adobe\x00\x64\x00\x00\x00\x00\x00")),
        "colours that decoders take",
    ),
    "jpeg-garbage-in-its-header": (
        jpeg(app(5, b"x"), b"garbage"),
        "7 bytes of unknown purpose (the first of them is byte 7)",
    ),
    "jpeg-unknown-segment": (jpeg(jpeg_segment(0xF7, b"x")), "5 bytes of unknown purpose"),
    "jpeg-two-starts": (jpeg(b"\xff\xd8"), "2 bytes of unknown purpose"),
    "jpeg-no-end": (ends_without_mark(b""), "no end marker"),
    "jpeg-no-end-and-a-trailer": (
        ends_without_mark(b"\x00\x00\x01\x0a" + noise(200_000).replace(b"\xff", b"\xfe") + b"SEFT"),
        "no end marker",
    ),
    "jpeg-no-end-and-another": (ends_without_mark(jpeg()), "several frames"),
    "jpeg-12-bit": (with_frame(0xC1, (0, 12)), "12-bit samples"),
    "jpeg-lossless": (with_frame(0xC3), "not decoded here (lossless)"),
    "jpeg-arithmetic": (with_frame(0xC9), "not decoded here (arithmetic-coded)"),
    "jpeg-ls": (imagecodecs.jpegls_encode(texture(9, 12)), "not decoded here (JPEG-LS)"),
    "jpeg-hierarchical": (with_frame(0xC5), "not decoded here (hierarchical or lossless)"),
    "jpeg-height-told-later": (
        b"".join((*jpeg_blocks()[:-1], jpeg_segment(0xDC, b"\x00\x09"), jpeg_blocks()[-1])),
        "height that is told after",
    ),
    "jpeg-more-picture-data": (jpeg()[:-2] + bytes(50) + jpeg()[-2:], "go on after the picture is complete"),
    "jpeg-cropped-by-its-header": (with_frame(0xC0, (4, 16)), "go on after the picture is complete"),
    "jpeg-orientation-behind-a-scan": (
        b"".join((*jpeg_blocks()[:-1], app(1, b"Exif\x00\x00" + EXIF), jpeg_blocks()[-1])),
        "metadata behind the first scan",
    ),
    "webp-orientation-that-no-flag-tells-of": (
        webp_with([], [riff_chunk(b"EXIF", EXIF)], flags=0x24),
        "an orientation in EXIF that no flag announces",
    ),
    "png-wide-points": (
        png_with(png_chunk(b"gAMA", struct.pack(">I", 45_455)), png_chunk(b"cHRM", WIDE_POINTS)),
        "cHRM",
    ),
    "png-linear-gamma": (png_with(png_chunk(b"gAMA", struct.pack(">I", 100_000))), "gAMA"),
    "png-hdr": (png_with(png_chunk(b"cICP", bytes((9, 16, 0, 1)))), "cICP"),
    "png-narrow-range": (png_with(png_chunk(b"cICP", bytes((1, 13, 0, 0)))), "cICP"),
    "png-two-profiles": (
        png_with(*[png_chunk(b"iCCP", b"n\x00\x00" + zlib.compress(ICC))] * 2),
        "several colour profiles",
    ),
    "png-apples-own": (
        PNG_SIGNATURE + png_chunk(b"CgBI", b"\x50\x00\x20\x06") + png_with()[8:],
        "Apple's own form",
    ),
    "png-unknown-critical": (png_with(png_chunk(b"QUIZ", b"x")), "critical chunk of unknown meaning (QUIZ"),
    "png-frame-behind-the-picture": (
        png_with(png_chunk(b"fdAT", b"\x00\x00\x00\x01x")),
        "picture beside the first",
    ),
    "png-split-picture": (idat_split_by(png_chunk(b"tEXt", b"a\x00b")), "other chunks in between"),
    "png-more-picture-data": (png_with(png_chunk(b"IDAT", bytes(50)), before=b"IEND"), "go on after"),
    "png-palette-beyond-its-depth": (palette_png(5), "palette of odd form"),
    "png-transparency-beyond-the-palette": (
        palette_png(4, png_chunk(b"tRNS", bytes(5))),
        "tRNS chunk of odd form",
    ),
    "png-long-colour-key": (png_with(png_chunk(b"tRNS", bytes(8))), "tRNS chunk of odd form"),
    "png-colour-key-beyond-its-depth": (
        grey_png(2, png_chunk(b"tRNS", b"\x01\x01")),
        "tRNS chunk of odd form",
    ),
    "png-transparency-behind-the-pixels": (
        png_with(png_chunk(b"tRNS", bytes(6)), before=b"IEND"),
        "tRNS chunk out of place",
    ),
    "webp-two-profiles": (webp_with([riff_chunk(b"ICCP", ICC)] * 2, []), "several colour profiles"),
    "webp-profile-that-no-flag-tells-of": (
        webp_with([riff_chunk(b"ICCP", ICC)], [], flags=0),
        "colour profiles, or one out of place",
    ),
    "webp-more-picture-data": (
        riff_webp([riff_chunk(b"VP8L", webp_picture()[8:] + noise(50))]),
        "go on after the picture is complete",
    ),
    "webp-two-pictures": (webp_with([], [webp_picture()]), "2 pictures in one file"),
    "webp-one-frame": (
        webp_with([riff_chunk(b"ANIM", bytes(6))], [riff_chunk(b"ANMF", bytes(16))]),
        "one frame",
    ),
    "webp-alpha-out-of-place": (webp_with([riff_chunk(b"ALPH", bytes(4))], []), "ALPH chunk out of place"),
    "webp-padding-that-is-not-empty": (
        webp_with([], [riff_chunk(b"C2PA", b"odd")[:-1] + b"!"]),
        "1 bytes of unknown purpose",
    ),
    "webp-crumbs": (webp_with([], [b"crumb"]), "5 bytes of unknown purpose"),
    "webp-later-version": (webp_with([], [], flags=0x012C), "later version"),
    "gif-text": (gif_with(b"\x21\x01\x0c" + bytes(12) + gif_sub_blocks(b"text")), "text that a viewer draws"),
    "gif-two-pictures": (gif_with(gif_blocks()[1]), "animation of 2 frames"),
    "gif-two-controls": (gif_with(*[b"\x21\xf9\x04" + bytes(5)] * 2), "graphic control without"),
    "gif-garbage": (gif_with(after=b"\x00\x00"), "3 bytes of unknown purpose"),
    "gif-part-of-the-screen": (
        gif_with()[:6] + b"\x0d" + gif_with()[7:],
        "picture of 12x9 pixels on a screen of 13x9",
    ),
    "gif-two-palettes": (
        b"".join(
            (gif_blocks()[0], gif_blocks()[1][:9], b"\x80", bytes(6), gif_blocks()[1][10:], gif_blocks()[2])
        ),
        "palette beside",
    ),
    "bmp-linked-profile": (bmp_with_profile(ICC, b"KNIL"), "outside the file"),
    "bmp-calibrated": (
        bmp_file(colours=v5(bytes(4), points=struct.pack("<12I", *range(1, 13)))),
        "only its header",
    ),
    "bmp-profile-that-is-not-there": (
        bmp_file(colours=v5(b"DEBM", profile=(9999, 99))),
        "not where it should be",
    ),
    "bmp-masks-of-4-bits": (
        bmp_file(bits=16, masks=(0xF00, 0xF0, 0xF)),
        "bit masks that are not decoded here",
    ),
    "bmp-fourth-channel": (bmp_file(bits=32, rows=noise(432)), "a fourth channel of unknown meaning"),
    "bmp-sixteenth-bit": (
        bmp_file(bits=16, rows=b"\xff\xff" * 108),
        "bits of its pixels that are in no channel",
    ),
    "bmp-row-padding": (bmp_file(bits=8, rows=noise(108), width=11), "padding of its rows"),
    "bmp-palette-of-300": (bmp_file(bits=8, palette=bytes(1200)), "a palette of 300 colours"),
    "bmp-run-lengths": (bmp_file(bits=8, compression=1), "run-length codes, not decoded here"),
}


@pytest.mark.parametrize(("data", "reason"), KEPT.values(), ids=KEPT)
def test_the_file_is_kept(data: bytes, reason: str) -> None:
    content = read_image(data)
    assert isinstance(content, Unmodelled)
    assert reason in content.reason
    assert content.fault is None, "it is sound"
