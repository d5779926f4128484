"""Whatever is put into a container: the file is kept, or every block of it is found again, byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.image.read import read_image
from pipeline.types import Image
from tests.support.containers import (
    GIF_XMP_TAIL,
    bmp_file,
    gif_application,
    gif_blocks,
    gif_sub_blocks,
    gif_with,
    jpeg_blocks,
    jpeg_segment,
    png_blocks,
    riff_chunk,
    webp_picture,
    webp_with,
)
from tests.support.odd_images import png_chunk

Parts = Counter[tuple[str, bytes]]

FEW = settings(max_examples=60, deadline=None)
BODIES = st.binary(max_size=40)
TRAILERS = st.one_of(st.just(b""), st.binary(min_size=1, max_size=40))
JPEG_HEADS = (
    b"",
    b"Exif\x00\x00",
    b"http://ns.adobe.com/xap/1.0/\x00",
    b"ICC_PROFILE\x00\x01\x01",
    b"JFIF\x00",
    b"MPF\x00II*\x00",
)
JPEG_KINDS = {"COM": 0xFE} | {f"APP{n}": 0xE0 + n for n in range(16)}
PNG_TEXTS = ("tEXt", "iTXt", "zTXt")
PNG_KINDS = (
    *PNG_TEXTS,
    "eXIf",
    "iCCP",
    "sRGB",
    "gAMA",
    "cHRM",
    "sBIT",
    "pHYs",
    "prVt",
    "acTL",
    "fcTL",
    "tRNS",
    "PLTE",
)
PNG_HEADS = (b"", b"XML:com.adobe.xmp\x00" + bytes(4), b"Comment\x00", bytes(3))
WEBP_KINDS = ("EXIF", "XMP ", "ICCP", "ALPH", "abcd", "VP8X", "    ")
GIF_KINDS = ("comment", "NETSCAPE2.0", "XMP DataXMP", "ICCRGBG1012", "extension 55")


def remains(image: Image, names: dict[str, Callable[[bytes], tuple[str, bytes]]]) -> Parts:
    """What is found again of a file: its parts, and its fields as the parts that they came from."""
    found = Counter((part.kind, part.data) for part in image.carried)
    fields = {"exif": image.exif, "icc": image.icc, "xmp": image.xmp}
    found.update(names[name](value) for name, value in fields.items() if value is not None)
    return found


@FEW
@given(
    blocks=st.lists(
        st.tuples(
            st.sampled_from(sorted(JPEG_KINDS)),
            st.builds(lambda *two: b"".join(two), st.sampled_from(JPEG_HEADS), BODIES),
            st.floats(0, 1, exclude_max=True),
        ),
        max_size=6,
    ),
    trailer=TRAILERS,
    progressive=st.booleans(),
)
def test_jpeg(blocks: list[tuple[str, bytes, float]], trailer: bytes, progressive: bool) -> None:
    file = list(jpeg_blocks(progressive=progressive))
    expected: Parts = Counter({("APP0", file[1][4:]): 1})
    for kind, body, place in blocks:
        file.insert(1 + int(place * (len(file) - 1)), jpeg_segment(JPEG_KINDS[kind], body))
        expected[kind, body] += 1
    expected.update([("trailer", trailer)] if trailer else [])
    image = read_image(b"".join(file) + trailer)
    if isinstance(image, Image):
        found = remains(
            image,
            {
                "exif": lambda exif: ("APP1", JPEG_HEADS[1] + exif),
                "xmp": lambda xmp: ("APP1", JPEG_HEADS[2] + xmp),
                "icc": lambda icc: ("APP2", JPEG_HEADS[3] + icc),
            },
        )
        assert found == expected


@FEW
@given(
    blocks=st.lists(
        st.tuples(
            st.sampled_from(PNG_KINDS),
            st.builds(lambda *two: b"".join(two), st.sampled_from(PNG_HEADS), BODIES),
            st.floats(0, 1, exclude_max=True),
        ),
        max_size=6,
    ),
    trailer=TRAILERS,
)
def test_png(blocks: list[tuple[str, bytes, float]], trailer: bytes) -> None:
    file = list(png_blocks())
    expected: Parts = Counter([("trailer", trailer)] if trailer else [])
    for kind, body, place in blocks:
        file.insert(2 + int(place * (len(file) - 2)), png_chunk(kind.encode(), body))
        if kind != "tRNS":  # it is in the alpha plane
            expected[kind, body] += 1
    image = read_image(b"".join(file) + trailer)
    if isinstance(image, Image):
        found = remains(
            image,
            {
                "exif": lambda exif: ("eXIf", exif),
                "xmp": lambda xmp: ("iTXt", PNG_HEADS[1] + xmp),
                "icc": lambda icc: ("iCCP", icc),
            },
        )
        assert found == expected


@FEW
@given(
    before=st.lists(st.tuples(st.sampled_from(WEBP_KINDS), BODIES), max_size=3),
    after=st.lists(st.tuples(st.sampled_from(WEBP_KINDS), BODIES), max_size=3),
    trailer=TRAILERS,
)
def test_webp(before: list[tuple[str, bytes]], after: list[tuple[str, bytes]], trailer: bytes) -> None:
    chunks = [[riff_chunk(kind.encode(), body) for kind, body in some] for some in (before, after)]
    image = read_image(webp_with(*chunks) + trailer)
    expected: Parts = Counter([*before, *after])
    expected.update([("trailer", trailer)] if trailer else [])
    if isinstance(image, Image):
        found = remains(
            image,
            {
                "exif": lambda exif: ("EXIF", exif),
                "xmp": lambda xmp: ("XMP ", xmp),
                "icc": lambda icc: ("ICCP", icc),
            },
        )
        assert found == expected


@FEW
@given(
    before=st.lists(st.tuples(st.sampled_from(GIF_KINDS), st.binary(max_size=600)), max_size=3),
    after=st.lists(st.tuples(st.sampled_from(GIF_KINDS), BODIES), max_size=3),
    trailer=TRAILERS,
)
def test_gif(before: list[tuple[str, bytes]], after: list[tuple[str, bytes]], trailer: bytes) -> None:
    def block(kind: str, body: bytes) -> bytes:
        if kind == "XMP DataXMP" and body and 0 not in body:
            return b"\x21\xff\x0b" + kind.encode() + body + GIF_XMP_TAIL
        if len(kind) == 11:
            return gif_application(kind.encode(), body)
        return (b"\x21\xfe" if kind == "comment" else b"\x21\x55") + gif_sub_blocks(body)

    blocks = [[block(kind, body) for kind, body in some] for some in (before, after)]
    image = read_image(gif_with(*blocks[0], after=b"".join(blocks[1])) + trailer)
    expected: Parts = Counter({("GIF:screen", b"GIF89a" + gif_blocks()[0][6:13]): 1})
    for kind, body in (*before, *after):
        is_split = kind == "XMP DataXMP" and not (body and 0 not in body)
        expected[
            f"GIF blocks:{kind}" if is_split else f"GIF:{kind}", gif_sub_blocks(body) if is_split else body
        ] += 1
    expected.update([("trailer", trailer)] if trailer else [])
    if isinstance(image, Image):
        found = remains(
            image,
            {
                "exif": lambda exif: ("", exif),
                "xmp": lambda xmp: ("GIF:XMP DataXMP", xmp),
                "icc": lambda icc: ("GIF:ICCRGBG1012", icc),
            },
        )
        assert found == expected


def _everything(data: bytes) -> object:
    """All that reading gives, to compare; None for a kept file."""
    image = read_image(data)
    if not isinstance(image, Image):
        return None
    return image.pixels.tobytes(), image.alpha, image.exif, image.icc, image.xmp, image.carried


def _jpeg_with_metadata() -> tuple[bytes, int, int]:
    start, *rest = jpeg_blocks()
    bodies = {
        0xE1: b"Exif\x00\x00abc",
        0xED: b"Photoshop 3.0\x00",
        0xFE: b"hello",
        0xE2: b"ICC_PROFILE\x00\x01\x01pq",
    }
    segments = b"".join(jpeg_segment(marker, body) for marker, body in bodies.items())
    data = b"".join((start, rest[0], segments, *rest[1:], b"behind it"))
    first = 2 + len(rest[0]) + len(segments)
    return data, first, len(data) - 11


def _png_with_metadata() -> tuple[bytes, int, int]:
    chunks = {
        b"tEXt": b"Comment\x00a",
        b"iTXt": b"XML:com.adobe.xmp\x00" + bytes(4) + b"<x/>",
        b"eXIf": b"II*\x00",
    }
    blocks = list(png_blocks())
    blocks[2:2] = [png_chunk(kind, body) for kind, body in chunks.items()]
    return b"".join(blocks) + b"behind it", 0, 0


def _webp_with_metadata() -> tuple[bytes, int, int]:
    data = webp_with([riff_chunk(b"ICCP", b"pqr")], [riff_chunk(b"EXIF", b"abc"), riff_chunk(b"abcd", b"x")])
    at = data.index(webp_picture())
    return data + b"behind it", at, at + len(webp_picture())


def _gif_with_metadata() -> tuple[bytes, int, int]:
    data = gif_with(gif_application(b"NETSCAPE2.0", b"\x01\x00\x00"), b"\x21\xfe" + gif_sub_blocks(b"hello"))
    at = data.index(gif_blocks()[1])
    return data + b"behind it", at + 9, at + len(gif_blocks()[1])


def _bmp_with_metadata() -> tuple[bytes, int, int]:
    return bmp_file(gap=b"gap", after=b"behind it"), 0, 0


@pytest.mark.parametrize(
    "make",
    [_jpeg_with_metadata, _png_with_metadata, _webp_with_metadata, _gif_with_metadata, _bmp_with_metadata],
    ids=["jpeg", "png", "webp", "gif", "bmp"],
)
def test_no_byte_outside_the_picture_changes_in_silence(make: Callable[[], tuple[bytes, int, int]]) -> None:
    """Reading tells any other byte there: by what comes back, or by keeping the file."""
    data, picture, picture_end = make()
    before = _everything(data)
    assert before is not None
    rng = np.random.default_rng(0)
    silent = []
    for at in {*range(len(data))} - {*range(picture, picture_end)}:
        changed = bytearray(data)
        changed[at] ^= int(rng.integers(1, 256))
        if _everything(bytes(changed)) == before:
            silent.append(at)
    assert not silent
