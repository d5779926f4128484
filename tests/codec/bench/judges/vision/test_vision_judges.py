"""What classic vision says of two pictures whose difference is known."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from codec.bench.judges import Judge, all_judges
from codec.bench.judges.vision.judges import VISION_JUDGES
from codec.bench.libraries import library
from codec.contract import RGB
from tests.support.photographs import PHOTOS

needs_vision = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("cv2", "skimage")),
    reason="the extra `vision` is not installed: pip install 'tenfold[vision]'",
)


def scores(original: RGB, decoded: RGB) -> dict[str, float]:
    """Of every judge of the room, by name."""
    return {one.name: one.of_pair(original, decoded) for one in VISION_JUDGES if one.of_pair}


def moved(pixels: RGB, right: int) -> RGB:
    """Its left edge goes on."""
    return np.pad(pixels, ((0, 0), (right, 0), (0, 0)), mode="edge")[:, : pixels.shape[1]]


def photo() -> RGB:
    with Image.open(PHOTOS / "kodim07.png") as file:
        return np.asarray(file.convert("RGB"))[180:340, 250:410]


@needs_vision
def test_identity_is_the_true_homography() -> None:
    original = photo()
    same, near, far = (scores(original, np.roll(original, right, 1)) for right in (0, 1, 9))
    assert same == dict.fromkeys(same, 1.0)
    for name in ("Canny edges", "ORB matches", "SIFT matches", "SIFT repeatability"):
        assert far[name] < 0.7 < 0.85 < near[name], (name, near, far)
    assert far["ORB matches"] == far["SIFT matches"] == 0


@needs_vision
def test_lines_are_matched_within_five_pixels_and_three_degrees() -> None:
    (lines,) = (one for one in VISION_JUDGES if one.name == "Hough lines")
    assert lines.of_pair is not None
    drawn = {rise: lines.of_pair(_line(), _line(rise=rise)) for rise in (0, 2, 9)}
    assert drawn[0] == 1
    assert drawn[2] > 0.9
    assert drawn[9] == 0  # five degrees
    assert lines.of_pair(_line(), _line(top=53)) > 0.9
    assert lines.of_pair(_line(), _line(top=59)) == 0


def _line(*, top: int = 50, rise: int = 0) -> RGB:
    """An edge across 100 pixels that rises by so many."""
    y, x = np.mgrid[0:100, 0:100]
    above: npt.NDArray[np.bool_] = y < top - rise * (x / 99 - 0.5)
    return np.repeat(np.where(above, 230, 20).astype(np.uint8)[..., None], 3, 2)


@needs_vision
def test_pictures_of_nothing_agree_and_what_is_invented_is_seen() -> None:
    flat = np.full((96, 128, 3), 90, np.uint8)
    assert scores(flat, flat) == dict.fromkeys(scores(flat, flat), 1.0)
    invented = scores(flat, photo()[:96, :128])
    assert max(score for name, score in invented.items() if "segments" not in name) == 0, invented


@pytest.mark.parametrize("judge", VISION_JUDGES, ids=lambda judge: judge.name)
def test_without_the_extra_every_judge_names_it(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge in all_judges()
    for module in ("cv2", "skimage"):
        monkeypatch.setitem(sys.modules, module, None)
    library.cache_clear()
    try:
        assert judge.missing() in (
            "opencv-python-headless is not installed: pip install 'tenfold[vision]'",
            "scikit-image is not installed: pip install 'tenfold[vision]'",
        )
    finally:
        library.cache_clear()
