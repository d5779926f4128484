"""Portable any-maps: samples of any largest value, and all that stands beside them."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.image.read import read_image
from pipeline.types import Image, Unmodelled
from tests.support.tiffs import plane

RGB, GREY = plane(), plane(bands=1)
SIZE = b"8 6"


def read(data: bytes) -> Image:
    """Read a file that must be decoded."""
    image = read_image(data)
    assert isinstance(image, Image), image
    return image


def text(samples: object) -> bytes:
    """Samples as numbers in lines."""
    return b"\n".join(b" ".join(b"%d" % value for value in row.ravel()) for row in samples) + b"\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (b"P6\n8 6\n255\n" + RGB.tobytes(), RGB),
        (b"P5 8 6 255 " + GREY.tobytes(), GREY),
        (b"P3\n8 6\n255\n" + text(RGB), RGB),
        (b"P2\n8\n6\n255\n" + text(GREY), GREY),
        (b"P7\nWIDTH 8\nHEIGHT 6\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + RGB.tobytes(), RGB),
    ],
    ids=["P6", "P5", "P3", "P2", "P7"],
)
def test_samples_are_exact(data: bytes, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    image = read(data)
    assert np.array_equal(image.pixels, pixels)
    assert (image.source_format, image.carried) == ("PPM", ())


@pytest.mark.parametrize("bands", [2, 4])
def test_alpha_of_a_pam(bands: int) -> None:
    samples, kind = plane(bands=bands), {2: b"GRAYSCALE_ALPHA", 4: b"RGB_ALPHA"}[bands]
    head = b"P7\n# hello\nWIDTH 8\nHEIGHT 6\nDEPTH %d\nMAXVAL 255\nTUPLTYPE %s\nENDHDR\n" % (bands, kind)
    image = read(head + samples.tobytes() + b"more")
    assert np.array_equal(image.pixels, samples[..., : bands - 1])
    assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(image.alpha or b""))), samples[..., -1])
    assert [(part.kind, part.data) for part in image.carried] == [
        ("comment", b" hello"),
        ("trailer", b"more"),
    ]


@pytest.mark.parametrize("largest", [1, 15, 100, 254])
@pytest.mark.parametrize("is_text", [False, True], ids=["binary", "text"])
def test_another_largest_value_is_carried_and_gives_each_sample_its_own_level(
    largest: int, is_text: bool
) -> None:
    samples = RGB % (largest + 1)
    body = text(samples) if is_text else samples.tobytes()
    image = read(b"%s 8 6 %d\n" % (b"P3" if is_text else b"P6", largest) + body)
    assert np.abs(image.pixels - samples * (255 / largest)).max() < 0.501
    assert np.array_equal(np.round(image.pixels * (largest / 255)), samples)
    assert [(part.kind, part.data) for part in image.carried] == [("maxval", b"%d" % largest)]


def test_comments_are_carried() -> None:
    data = (
        b"P3 # one\n8#two\n 6 #\r255\n"
        + text(RGB[:3])
        + b"# among samples\n"
        + text(RGB[3:])
        + b"# the end\n"
    )
    content = read_image(data)
    assert isinstance(content, Unmodelled)
    assert "inside a number" in content.reason
    image = read(data.replace(b"8#two", b"8 #two"))
    assert np.array_equal(image.pixels, RGB)
    assert [(part.kind, part.data) for part in image.carried] == [
        ("comment", b" one"),
        ("comment", b"two"),
        ("comment", b""),
        ("comment", b" among samples"),
        ("trailer", b"\n# the end\n"),
    ]


PAM = b"P7\nWIDTH 8\nHEIGHT 6\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\n%sENDHDR\n"
KEPT = {
    "two-pictures": (b"P6 8 6 255\n" + RGB.tobytes() + b"P6 8 6 255\n" + RGB.tobytes(), "several pictures"),
    "text-then-another": (b"P2 8 6 255\n" + text(GREY) + b"P2 1 1 9\n1", "several pictures"),
    "deep": (b"P6 8 6 256\n" + bytes(288), "16-bit"),
    "deep-text": (b"P2 8 6 65535\n" + text(GREY), "16-bit"),
    "above": (b"P5 8 6 100\n" + GREY.tobytes(), "above the largest value"),
    "bilevel": (b"P4 8 6\n" + bytes(6), "bilevel"),
    "bilevel-text": (b"P1 8 6\n" + b"01" * 24, "bilevel"),
    "bilevel-pam": (PAM % (1, 1, b"BLACKANDWHITE", b"") + bytes(48), "bilevel"),
    "float": (b"PF\n8 6\n-1.0\n" + bytes(576), "floating"),
    "float-grey": (b"Pf\n8 6\n1.0\n" + bytes(192), "floating"),
    "pam-cmyk": (PAM % (4, 255, b"CMYK", b"") + bytes(192), "channels of the type 'CMYK'"),
    "pam-nameless": (PAM % (3, 255, b"", b"") + bytes(144), "channels of the type ''"),
    "pam-unknown-line": (PAM % (3, 255, b"RGB", b"GAMMA 1\n") + bytes(144), "GAMMA"),
}


@pytest.mark.parametrize(("data", "reason"), KEPT.values(), ids=KEPT)
def test_what_the_codec_does_not_model_is_kept(data: bytes, reason: str) -> None:
    content = read_image(data)
    assert isinstance(content, Unmodelled), content
    assert (content.fault, content.width, content.height, content.source_format) == (None, 8, 6, "PPM")
    assert reason in content.reason


@pytest.mark.parametrize(
    "data",
    [
        b"P6 8 6 255\n" + bytes(143),
        b"P3 8 6 255\n1 2 3",
        b"P3 1 1 255\n1 2 x",
        b"P6 8",
        b"P6 8 0 255\n",
        b"P6 a b c\n",
        b"P7\nWIDTH 8\nENDHDR\n",
        b"P7\nWIDTH 8\nHEIGHT 6\n",
        b"P6 999999999999 1 255\n",
    ],
)
def test_a_cut_or_senseless_file_is_damaged(data: bytes) -> None:
    content = read_image(data)
    assert isinstance(content, Unmodelled)
    assert content.fault == "damaged"


_COMMENT = st.binary(max_size=20).filter(lambda one: b"\n" not in one and b"\r" not in one)


@settings(max_examples=60, deadline=None)
@given(
    magic=st.sampled_from([b"P2", b"P3", b"P5", b"P6"]),
    comments=st.lists(_COMMENT, min_size=3, max_size=3),
    trailer=st.binary(max_size=30),
)
def test_what_is_put_in_is_found_or_the_file_is_kept(
    magic: bytes, comments: list[bytes], trailer: bytes
) -> None:
    samples = GREY if magic in (b"P2", b"P5") else RGB
    one, two, three = comments
    head = magic + b"\n#" + one + b"\n8 #" + two + b"\n6\n#" + three + b"\n255\n"
    body = text(samples) if magic in (b"P2", b"P3") else samples.tobytes()
    content = read_image(head + body + trailer)
    if isinstance(content, Unmodelled):
        return
    assert np.array_equal(content.pixels, samples)
    parts = [part.data for part in content.carried if part.kind == "comment"]
    assert parts[:3] == comments
    assert not trailer.strip() or trailer in b"".join(part.data for part in content.carried)
