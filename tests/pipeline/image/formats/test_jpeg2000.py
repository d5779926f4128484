"""JPEG 2000: samples are those of the file; boxes and comments are carried, or the file is kept."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.image.read import read_image
from pipeline.types import Image, Unmodelled
from tests.support.heif import box
from tests.support.odd_images import XMP, exif_block, saved, texture

PIXELS = texture(24, 32)
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
GEO_UUID = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
MADE_BY = "JP2:COM"
RGB_PROFILE, LAB_PROFILE = bytes(16) + b"RGB " + bytes(20), bytes(16) + b"Lab " + bytes(20)


def file(channels: int = 3, **options: object) -> bytes:
    """A JP2 file of those channels."""
    return saved(PIXELS[..., :channels] if channels < 4 else texture(24, 32, 4), "JPEG2000", **options)


def with_boxes(data: bytes, before: bytes = b"", after: bytes = b"", header: bytes = b"") -> bytes:
    """A file with more boxes before and after its codestream and in its header box."""
    at = data.index(b"jp2h") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    head = struct.pack(">I", size + len(header)) + data[at + 4 : at + size] + header
    stream = data[at + size :]
    if after and stream[:4] == bytes(4):
        stream = struct.pack(">I", len(stream)) + stream[4:]
    return data[:at] + head + before + stream + after


def with_header(data: bytes, kind: bytes, body: bytes) -> bytes:
    """A file in whose header box one box has another body."""
    at = data.index(kind) - 4
    size = int.from_bytes(data[at : at + 4], "big")
    whole = data.index(b"jp2h") - 4
    changed = bytearray(data[:at] + box(kind, body) + data[at + size :])
    length = int.from_bytes(data[whole : whole + 4], "big") + 8 + len(body) - size
    changed[whole : whole + 4] = struct.pack(">I", length)
    return bytes(changed)


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """A bare codestream with one more segment before its first tile."""
    at = data.index(b"\xff\x90\x00\x0a")
    return data[:at] + struct.pack(">HH", marker, 2 + len(body)) + body + data[at:]


def read(data: bytes) -> Image:
    """Read a file that must be decoded."""
    image = read_image(data)
    assert isinstance(image, Image), image
    return image


def parts_of(image: Image) -> list[tuple[str, bytes]]:
    """The carried parts, without the encoder's comment that every file has."""
    return [
        (part.kind, part.data) for part in image.carried if not part.data.startswith(b"\x00\x01Created by")
    ]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_samples_are_exact_and_the_encoders_comment_is_carried(channels: int) -> None:
    image = read(file(channels))
    pixels = PIXELS if channels < 4 else texture(24, 32, 4)
    assert np.array_equal(image.pixels, pixels[..., : 3 if channels > 2 else 1])
    assert [part.kind for part in image.carried] == [MADE_BY]
    assert (image.alpha is not None) == (channels in (2, 4))


def test_boxes_are_carried_byte_for_byte() -> None:
    geo, text, rest = GEO_UUID + b"II*\x00 a GeoTIFF", b"<gml/>", b"unknown"
    before = box(b"uuid", geo) + box(b"xml ", text) + box(b"asoc", box(b"lbl ", b"gml.data"))
    resolution = box(b"resc", struct.pack(">HHHHBB", 300, 1, 300, 1, 0, 0))
    data = with_boxes(file(), before, box(b"abcd", rest) + b"trail", box(b"res ", resolution))
    image = read(data)
    assert np.array_equal(image.pixels, PIXELS)
    assert parts_of(image) == [
        ("res ", resolution),
        ("uuid", geo),
        ("xml ", text),
        ("asoc", box(b"lbl ", b"gml.data")),
        ("abcd", rest),
        ("trailer", b"trail"),
    ]


def test_exif_xmp_and_profile_are_fields_and_second_ones_are_carried() -> None:
    exif = exif_block(6)
    boxes = [box(b"uuid", b"JpgTiffExif->JP2" + exif), box(b"uuid", XMP_UUID + XMP)]
    data = with_boxes(file(), b"".join(boxes), b"".join(boxes))
    image = read(with_header(data, b"colr", b"\x02\x00\x00" + RGB_PROFILE))
    assert (image.exif, image.xmp, image.icc, image.orientation) == (exif, XMP, RGB_PROFILE, 6)
    assert parts_of(image) == [("uuid", b"JpgTiffExif->JP2" + exif), ("uuid", XMP_UUID + XMP)]


def test_comments_of_a_codestream_and_what_follows_it_are_carried() -> None:
    bare = with_segment(file(no_jp2=True, tile_size=(16, 16)), 0xFF64, b"\x00\x01a comment")
    image = read(bare + b"after the end")
    assert np.array_equal(image.pixels, PIXELS)
    assert parts_of(image) == [("JP2:COM", b"\x00\x01a comment"), ("trailer", b"after the end")]


def _sized(offset: int, value: int) -> bytes:
    """A file whose first component's row in SIZ has another byte."""
    data = bytearray(file())
    data[data.index(b"\xff\x51") + 40 + offset] = value
    return bytes(data)


KEPT = {
    "cielab": (with_header(file(), b"colr", b"\x01\x00\x00" + struct.pack(">I", 14)), "colour space 14"),
    "sycc": (with_header(file(), b"colr", b"\x01\x00\x00" + struct.pack(">I", 18)), "colour space 18"),
    "cmyk": (with_header(file(4), b"colr", b"\x01\x00\x00" + struct.pack(">I", 12)), "colour space 12"),
    "vendor-colour": (with_header(file(), b"colr", b"\x04\x00\x00" + bytes(16)), "method 4"),
    "lab-profile": (with_header(file(), b"colr", b"\x02\x00\x00" + LAB_PROFILE), "neither RGB nor grey"),
    "grey-of-three": (with_header(file(), b"colr", b"\x01\x00\x00" + struct.pack(">I", 17)), "3 channels"),
    "palette": (with_boxes(file(1), header=box(b"pclr", b"\x00\x01\x03\x07\x07\x07abc")), "palette"),
    "swapped": (
        with_header(file(2), b"cdef", struct.pack(">7H", 2, 0, 1, 0, 1, 0, 1)),
        "channels of other meanings",
    ),
    "premultiplied": (
        with_header(file(2), b"cdef", struct.pack(">7H", 2, 0, 0, 1, 1, 2, 0)),
        "channels of other meanings",
    ),
    "two-codestreams": (with_boxes(file(), after=box(b"jp2c", file(no_jp2=True))), "2 codestreams"),
    "layers": (with_boxes(file(), before=box(b"jplh", b"")), "'jplh'"),
    "four-bare-channels": (file(4, no_jp2=True), "4 channels of unknown meaning"),
    "signed": (_sized(0, 0x87), "signed"),
    "subsampled": (_sized(4, 2), "different sizes"),
    "seven-bit": (_sized(0, 6), "7-bit"),
    "unknown-segment": (with_segment(file(no_jp2=True), 0xFF6F, b"x"), "0xff6f"),
}


@pytest.mark.parametrize(("data", "reason"), KEPT.values(), ids=KEPT)
def test_what_the_codec_does_not_model_is_kept(data: bytes, reason: str) -> None:
    content = read_image(data)
    assert isinstance(content, Unmodelled), content
    assert (content.fault, content.width, content.height) == (None, 32, 24)
    assert reason in content.reason


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("is_bare", [False, True], ids=["jp2", "j2k"])
def test_a_cut_file_is_damaged(is_bare: bool, share: float) -> None:
    data = file(no_jp2=is_bare)
    content = read_image(data[: int(share * len(data))])
    assert isinstance(content, Unmodelled)
    assert content.fault == "damaged"


_BOXES = st.lists(
    st.tuples(
        st.sampled_from([b"uuid", b"xml ", b"jp2i", b"uinf", b"asoc", b"free", b"abcd"]),
        st.binary(max_size=40),
    ),
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(
    before=_BOXES,
    after=_BOXES,
    header=_BOXES,
    comment=st.none() | st.binary(max_size=40),
    trailer=st.binary(max_size=40),
)
def test_what_is_put_in_is_found_or_the_file_is_kept(
    before: list[tuple[bytes, bytes]],
    after: list[tuple[bytes, bytes]],
    header: list[tuple[bytes, bytes]],
    comment: bytes | None,
    trailer: bytes,
) -> None:
    joined = [b"".join(box(kind, body) for kind, body in one) for one in (before, after, header)]
    data = file()
    if comment is not None:
        stream = data.index(b"jp2c") - 4
        bare = with_segment(data[stream + 8 :], 0xFF64, b"\x00\x00" + comment)
        data = data[:stream] + box(b"jp2c", bare)
    content = read_image(with_boxes(data, *joined) + trailer)
    if isinstance(content, Unmodelled):
        assert content.fault is None, content.reason
        return
    assert np.array_equal(content.pixels, PIXELS)
    held = b"|".join(part.data for part in content.carried)
    for body in [comment or b"", trailer, *(body for _, body in before + after + header)]:
        assert body in held
