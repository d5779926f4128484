"""Previews show what a viewer shows, in as many bytes as they may take."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from PIL import ImageCms

from pipeline.image.as_seen import in_srgb
from pipeline.image.preview import small_picture, thumbhash_of, webp_within
from tests.support.image_files import picture
from tests.support.photographs import picture as photograph

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def corner(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Black, and red at its upper left."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2, 0] = 255
    return pixels


def opened(webp: bytes | None) -> PIL.Image.Image:
    assert webp is not None
    return PIL.Image.open(io.BytesIO(webp))


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (900, 600, (256, 171)),
        (33, 2000, (4, 256)),
        (3000, 1, (256, 1)),
        (256, 100, (256, 100)),
        (1, 1, (1, 1)),
    ],
)
def test_it_has_256_pixels_a_side_and_is_never_enlarged(
    width: int, height: int, size: tuple[int, int]
) -> None:
    assert small_picture(np.zeros((height, width, 3), np.uint8)).size == size


def test_a_grey_picture_is_shown_in_the_colours_of_the_screen() -> None:
    grey = small_picture(np.full((700, 500, 1), 77, np.uint8))
    assert (grey.mode, grey.getpixel((0, 0))) == ("RGB", (77, 77, 77))


@pytest.mark.parametrize(
    ("orientation", "at"), [(1, (0, 0)), (2, (1, 0)), (3, (1, 1)), (6, (1, 0)), (8, (0, 1)), (None, (0, 0))]
)
def test_it_is_upright(orientation: int | None, at: tuple[int, int]) -> None:
    shown = small_picture(corner(800, 600), orientation=orientation)
    width, height = shown.size
    assert (width < height) == (orientation in (6, 8))
    reds = np.asarray(shown)[..., 0]
    assert reds[at[1] * (height - 1), at[0] * (width - 1)] > 200
    assert reds[(1 - at[1]) * (height - 1), (1 - at[0]) * (width - 1)] < 50


def swapped() -> bytes:
    """The profile of sRGB, its red primary and its blue one exchanged."""
    profile = bytearray(SRGB)
    places = [profile.index(name) + 4 for name in (b"rXYZ", b"bXYZ")]
    red, blue = (bytes(profile[at : at + 8]) for at in places)
    profile[places[0] : places[0] + 8], profile[places[1] : places[1] + 8] = blue, red
    return bytes(profile)


@pytest.mark.parametrize(
    ("icc", "seen"), [(SRGB, (200, 90, 30)), (swapped(), (30, 90, 200)), (None, (200, 90, 30))]
)
def test_colours_are_those_that_the_profile_means(icc: bytes | None, seen: tuple[int, ...]) -> None:
    pixels = np.full((40, 40, 3), (200, 90, 30), np.uint8)
    shown = np.asarray(small_picture(pixels, icc=icc)).astype(int)
    assert np.abs(shown - seen).max() <= 2


@pytest.mark.parametrize("icc", [b"a profile" * 20, LAB, b""])
def test_a_profile_that_says_nothing_changes_nothing(icc: bytes) -> None:
    image = picture("RGBA")
    assert np.array_equal(np.asarray(in_srgb(image, icc)), np.asarray(image))


def test_what_is_transparent_does_not_bleed() -> None:
    pixels, alpha = corner(1000, 1000), np.zeros((1000, 1000), np.uint8)
    alpha[:500, :500] = 255
    shown = small_picture(pixels, alpha=alpha)
    assert shown.mode == "RGBA"
    edge = np.asarray(shown)[64, 100:140]
    assert all(red > 240 for red, _, _, opacity in edge.tolist() if opacity > 8)
    assert opened(webp_within(shown, 10_000)).mode == "RGBA"


def test_grey_with_alpha_is_shown_in_colours() -> None:
    grey, alpha = np.full((600, 600, 1), 90, np.uint8), np.full((600, 600), 100, np.uint8)
    shown = small_picture(grey, alpha=alpha)
    assert shown.mode == "RGBA"
    assert (
        np.abs(np.asarray(shown).astype(int) - (90, 90, 90, 100)).max() <= 1
    )  # alpha was multiplied in, and taken out


def test_an_opaque_plane_is_left_out() -> None:
    assert small_picture(corner(20, 20), alpha=np.full((20, 20), 255, np.uint8)).mode == "RGB"


def test_it_is_as_large_as_its_bytes_allow() -> None:
    shown = small_picture(photograph(300, 400))
    sizes = {}
    for most in range(0, 20_000, 1000):
        webp = webp_within(shown, most)
        assert webp is None or len(webp) <= most
        sizes[most] = 0 if webp is None else max(opened(webp).size)
    assert sorted(set(sizes.values())) == [0, 64, 128, 256]
    assert list(sizes.values()) == sorted(sizes.values())


def test_a_hash_is_of_25_bytes_at_most() -> None:
    pixels = photograph(300, 400)
    assert len(thumbhash_of(small_picture(pixels))) in range(19, 26)
    assert len(thumbhash_of(small_picture(pixels, alpha=pixels[..., 0]))) in range(19, 26)
