"""Colours of files that are made: profiles, transparency, grey."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from codec.kept_scales import Pixels
from codec.whole_picture import WholePicture
from pipeline.decode.opened_image import OpenedImage
from pipeline.image.with_alpha import with_alpha
from pipeline.serve.decoding.render import render
from pipeline.serve.view import Colours, View, ViewFormat

XYZ = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def opened(pixels: Pixels, *, alpha: Pixels | None = None, icc: bytes | None = None) -> OpenedImage:
    height, width, channels = pixels.shape
    mode = ("L" if channels == 1 else "RGB") + ("" if alpha is None else "A")
    colour = WholePicture(width, height, lambda: pixels, channels=channels)
    plane = None if alpha is None else WholePicture(width, height, lambda: alpha, channels=1)
    return OpenedImage(
        key="a",
        colour=colour,
        alpha=plane,
        channels=with_alpha(colour, plane),
        mode=mode,
        source_format="PNG",
        orientation=None,
        icc=icc,
    )


def shown(
    image: OpenedImage, size: int = 32, fmt: ViewFormat = "png", colours: Colours = "default"
) -> PIL.Image.Image:
    view = View(region=(0, 0, 32, 32), width=size, height=size, fmt=fmt, colours=colours)
    return PIL.Image.open(io.BytesIO(render(image, view, None)))


@pytest.mark.parametrize("fmt", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_all_pixels_keep_their_profile_and_fewer_are_in_srgb(fmt: ViewFormat, channels: int) -> None:
    image = opened(np.full((32, 32, channels), 90, np.uint8), icc=SRGB)
    keeps = channels == 3 or fmt != "webp"  # which has no grey
    assert shown(image, fmt=fmt).info.get("icc_profile") == (SRGB if keeps else None)
    small = shown(image, 16, fmt)
    assert "icc_profile" not in small.info
    assert np.abs(np.asarray(small.convert("RGB")).astype(int) - 90).max() <= 2


def test_a_profile_that_cannot_be_is_passed_over() -> None:
    for icc in (b"no profile", XYZ):
        assert np.array(shown(opened(np.full((32, 32, 3), 90, np.uint8), icc=icc), 16)).max() == 90


def test_transparency_is_laid_on_white_where_a_format_has_none() -> None:
    alpha = np.full((32, 32, 1), 255, np.uint8)
    alpha[:, 16:] = 0
    for channels in (1, 3):
        image = opened(np.zeros((32, 32, channels), np.uint8), alpha=alpha, icc=SRGB)
        flat = np.asarray(shown(image, fmt="jpeg").convert("L"))
        assert (flat[:, 4].max(), flat[:, 28].min()) == (0, 255)
        for size in (32, 16):
            assert np.array_equal(
                np.asarray(shown(image, size).getchannel("A"))[0], alpha[0, :: 32 // size, 0]
            )
        grey = shown(image, colours="gray")
        assert (grey.mode, grey.getchannel("A").getextrema()) == ("LA", (0, 255))


def test_two_colours_are_two() -> None:
    image = opened(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))
    picture = shown(image, colours="bitonal")
    assert (picture.mode, picture.getextrema()) == ("1", (0, 255))
