"""Pixels packed without loss, and which images are taken for drawings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.errors import DamagedError, NewerFormatError
from pipeline.packing.flat import why_flat
from pipeline.packing.pack import pack_pixels
from pipeline.packing.registry import PIXEL_PACKINGS, pixel_packing
from tests.support.photographs import picture

Pixels = npt.NDArray[np.uint8]


def screenshot(height: int = 60, width: int = 90) -> Pixels:
    """A window with a bar, a gradient and letters of noise."""
    pixels = np.full((height, width, 3), 250, np.uint8)
    pixels[:8] = (30, 90, 160)
    pixels[10:14, :, 0] = np.linspace(0, 255, width).astype(np.uint8)
    letters = np.random.default_rng(5).integers(0, 2, (12, width // 2)) * 200
    pixels[20:44:2, : width // 2] = letters[..., None].astype(np.uint8)
    return pixels


PIXELS = {
    "screenshot": screenshot(),
    "photo": picture(48, 64, seed=1),
    "grey": picture(48, 64, seed=1)[..., :1],
    "one": np.full((1, 1, 3), 7, np.uint8),
    "line": np.arange(300, dtype=np.uint16).astype(np.uint8).reshape(1, 100, 3),
}


@pytest.mark.parametrize("name", PIXELS)
@pytest.mark.parametrize("packing", PIXEL_PACKINGS)
def test_pixels_come_back_equal(name: str, packing: str) -> None:
    pixels = PIXELS[name]
    payload = PIXEL_PACKINGS[packing].pack(pixels, True)
    assert payload is not None
    found = PIXEL_PACKINGS[packing].unpack(payload, pixels.shape)
    assert found.dtype == np.uint8
    assert np.array_equal(found, pixels)
    height, width, bands = pixels.shape
    for shape in ((height + 1, width, bands), (height, 100_000, bands)):
        with pytest.raises(DamagedError, match="Expected"):
            PIXEL_PACKINGS[packing].unpack(payload, shape)
    for harmed in (b"", payload[:12], b"\0" * 100):
        with pytest.raises(DamagedError, match="Expected"):
            PIXEL_PACKINGS[packing].unpack(harmed, pixels.shape)


def test_the_smallest_wins() -> None:
    pixels = screenshot()
    packed = pack_pixels(pixels, thorough=True)
    assert packed is not None
    sizes = [len(one.pack(pixels, True) or b"") for one in PIXEL_PACKINGS.values()]
    assert len(packed.payload) == min(sizes)


def test_a_packing_that_is_not_known_is_of_a_newer_release() -> None:
    with pytest.raises(NewerFormatError, match="Install a newer Tenfold"):
        pixel_packing("jxl-2")


def test_drawings_are_told_from_photos() -> None:
    photo = picture(200, 300, seed=3)
    assert why_flat(photo, has_palette=False) is None
    assert why_flat(photo[..., :1], has_palette=False) is None
    assert why_flat((photo * 0.2).astype(np.uint8)[..., :1], has_palette=False) is None
    framed = np.full((300, 420, 3), 255, np.uint8)
    framed[50:250, 60:360] = photo
    assert why_flat(framed, has_palette=False) is None
    few = photo // 64 * 64
    assert (
        why_flat(few, has_palette=True) == f"palette of {len(np.unique(few.reshape(-1, 3), axis=0))} colours"
    )
    assert why_flat((photo[..., :1] > 128).astype(np.uint8) * 255, has_palette=False) == "2 colours"
    assert "flat" in (why_flat(_many_colours(screenshot(240, 360)), has_palette=False) or "")
    assert why_flat(np.zeros((1, 1, 3), np.uint8), has_palette=False) == "1 colour"


def _many_colours(pixels: Pixels) -> Pixels:
    pixels[15:17] = np.random.default_rng(1).integers(0, 256, (2, pixels.shape[1], 3))
    return pixels
