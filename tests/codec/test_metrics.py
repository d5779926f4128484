"""PSNR, SSIM, MS-SSIM and bpp against slow and literal computations."""

from __future__ import annotations

import math
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from codec.metrics import bpp, ms_ssim, psnr_db, ssim, zip_bytes
from tests.support.photographs import PHOTOS, picture

Plane = npt.NDArray[np.float64]


def noisy(image: npt.NDArray[np.uint8], sigma: float) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(5).normal(0.0, sigma, image.shape)
    pixels: npt.NDArray[np.uint8] = np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)
    return pixels


def literal_ms_ssim(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    """Wang, Simoncelli, Bovik 2003, written down window by window in float64."""
    taps = np.exp(-(np.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    window = np.outer(taps, taps) / taps.sum() ** 2

    def blur(plane: Plane) -> Plane:
        views = np.lib.stride_tricks.sliding_window_view(plane, (11, 11))
        return np.asarray(np.einsum("hwij,ij->hw", views, window))

    def halve(plane: Plane) -> Plane:
        even = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
        return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4

    scores = []
    for channel in range(a.shape[2]):
        x, y = a[:, :, channel].astype(np.float64), b[:, :, channel].astype(np.float64)
        score = 1.0
        for level, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            mx, my = blur(x), blur(y)
            contrast = (2 * (blur(x * y) - mx * my) + 58.5225) / (
                blur(x * x) - mx**2 + blur(y * y) - my**2 + 58.5225
            )
            luminance = (2 * mx * my + 6.5025) / (mx**2 + my**2 + 6.5025)
            score *= float((contrast * luminance).mean() if level == 4 else contrast.mean()) ** weight
            x, y = halve(x), halve(y)
        scores.append(score)
    return float(np.mean(scores))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [2.0, 20.0])
def test_ms_ssim_equals_the_literal_definition(channels: int, sigma: float) -> None:
    image = picture(176, 192)[:, :, :channels]
    decoded = noisy(image, sigma)
    assert ms_ssim(image, decoded) == pytest.approx(literal_ms_ssim(image, decoded), abs=2e-5)


def literal_ssim(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    """Wang, Bovik, Sheikh, Simoncelli 2004, written down window by window in float64."""
    taps = np.exp(-(np.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    window = np.outer(taps, taps) / taps.sum() ** 2

    def blur(plane: Plane) -> Plane:
        views = np.lib.stride_tricks.sliding_window_view(plane, (11, 11))
        return np.asarray(np.einsum("hwij,ij->hw", views, window))

    scores = []
    for channel in range(a.shape[2]):
        x, y = a[:, :, channel].astype(np.float64), b[:, :, channel].astype(np.float64)
        mx, my = blur(x), blur(y)
        structure = 2 * (blur(x * y) - mx * my) + 58.5225
        spread = blur(x * x) - mx**2 + blur(y * y) - my**2 + 58.5225
        scores.append(((2 * mx * my + 6.5025) / (mx**2 + my**2 + 6.5025) * structure / spread).mean())
    return float(np.mean(scores))


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_equals_the_literal_definition(channels: int) -> None:
    image = picture(90, 50)[:, :, :channels]
    decoded = noisy(image, 12.0)
    assert ssim(image, decoded) == pytest.approx(literal_ssim(image, decoded), abs=2e-5)


def test_ssim_at_its_ends() -> None:
    image = picture(11, 40)
    assert ssim(image, image.copy()) == pytest.approx(1.0, abs=1e-6)
    assert ssim(image[:10], image[:10]) is None


def test_ms_ssim_of_odd_sides_and_strips() -> None:
    image = picture(1001, 165)
    score = ms_ssim(image, noisy(image, 10.0))
    assert score is not None
    assert 0.5 < score < 0.999
    turned = ms_ssim(image.transpose(1, 0, 2).copy(), noisy(image, 10.0).transpose(1, 0, 2).copy())
    assert turned == pytest.approx(score, abs=1e-5)


def test_ms_ssim_of_identical_images_is_one() -> None:
    image = picture(161, 200)
    assert ms_ssim(image, image.copy()) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("shape", [(160, 500), (500, 160), (1, 1)], ids=str)
def test_ms_ssim_of_small_images_is_none(shape: tuple[int, int]) -> None:
    image = picture(*shape)
    assert ms_ssim(image, image) is None


def test_psnr_equals_its_definition() -> None:
    image = picture(300, 500)
    decoded = noisy(image, 7.0)
    mse = np.mean((image.astype(np.float64) - decoded) ** 2)
    assert psnr_db(image, decoded) == pytest.approx(10 * math.log10(255**2 / mse), rel=1e-12)


def test_psnr_at_its_ends() -> None:
    black, white = np.zeros((400, 400, 1), np.uint8), np.full((400, 400, 1), 255, np.uint8)
    assert psnr_db(black, black) == math.inf
    assert psnr_db(black, white) == 0.0


@pytest.mark.parametrize("measure", [psnr_db, ssim, ms_ssim])
def test_images_that_cannot_be_compared_are_refused(measure: object) -> None:
    image = picture(170, 170)
    assert callable(measure)
    with pytest.raises(ValueError, match="one shape"):
        measure(image, image[:-1])
    with pytest.raises(ValueError, match="uint8"):
        measure(image, image.astype(np.float32))


def test_bpp_is_bits_over_pixels() -> None:
    assert bpp(100, 20, 10) == 4.0


@pytest.mark.parametrize("size", [0, 1, 5000, 131072])
def test_zip_bytes_of_little_is_the_size_of_a_zlib_stream(size: int) -> None:
    data = (np.random.default_rng(0).integers(0, 9, size)).astype(np.uint8).tobytes()
    assert zip_bytes(data) == len(zlib.compress(data, 6))


def test_zip_bytes_of_much_is_an_estimate_that_does_not_change() -> None:
    files = sorted(PHOTOS.glob("*.png"))[:2]
    pixels = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    for data in [*(one.tobytes() for one in pixels), *(file.read_bytes() for file in files), bytes(131073)]:
        assert (
            zip_bytes(data)
            == zip_bytes(memoryview(data))
            == pytest.approx(len(zlib.compress(data, 6)), rel=0.06, abs=200)
        )
