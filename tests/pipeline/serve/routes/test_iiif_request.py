"""From the words of IIIF to views: whatever the words, a view lies in its image, and says itself the same way again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.serve.routes.iiif_info import image_information
from pipeline.serve.routes.iiif_request import (
    BadViewError,
    NotOfferedError,
    ViewWords,
    read_view,
    split_words,
    write_words,
)
from pipeline.serve.view import as_stored, upright_size

_SIDES = st.integers(1, 5000)
_NUMBERS = st.one_of(st.integers(0, 6000).map(str), st.floats(0, 200).map("{:.3f}".format))
_REGIONS = st.one_of(
    st.sampled_from(["full", "square"]),
    st.builds("{}{},{},{},{}".format, st.sampled_from(["", "pct:"]), *[_NUMBERS] * 4),
)
_SIZES = st.builds(
    "{}{}".format,
    st.sampled_from(["", "^"]),
    st.one_of(
        st.just("max"),
        st.builds("pct:{}".format, _NUMBERS),
        st.builds("{}{},{}".format, st.sampled_from(["", "!"]), *[st.one_of(_NUMBERS, st.just(""))] * 2),
    ),
)
_ROTATIONS = st.sampled_from(["0", "90", "180", "270", "360", "!0", "!90", "22.5", "-90", ""])
_FILES = st.sampled_from(
    ["default.jpg", "color.png", "gray.webp", "bitonal.png", "native.jpg", "default.tif", "jpg"]
)


def _words(region: str, size: str = "max", rotation: str = "0", file: str = "default.jpg") -> ViewWords:
    return ViewWords(region=region, size=size, rotation=rotation, file=file)


@settings(max_examples=60)
@given(
    width=_SIDES,
    height=_SIDES,
    max_area=st.integers(100, 10**7),
    words=st.one_of(
        st.builds(_words, _REGIONS, _SIZES, _ROTATIONS, _FILES), st.builds(_words, *[st.text(max_size=9)] * 4)
    ),
)
def test_a_view_lies_in_its_image(width: int, height: int, max_area: int, words: ViewWords) -> None:
    try:
        view = read_view(words, width, height, max_area=max_area)
    except (BadViewError, NotOfferedError):
        return
    left, top, across, down = view.region
    assert 0 <= left < left + across <= width
    assert 0 <= top < top + down <= height
    assert 1 <= view.width <= across
    assert 1 <= view.height <= down
    assert view.width * view.height <= max_area
    assert words.are_well_formed()
    canonical = _words(*write_words(view, width, height, max_area=max_area).split("/"))
    assert read_view(canonical, width, height, max_area=max_area) == view


@settings(max_examples=60)
@given(width=_SIDES, height=_SIDES, data=st.data())
def test_every_tile_of_a_viewer_is_what_it_asks_for(width: int, height: int, data: st.DataObject) -> None:
    """OpenSeadragon asks for exactly `w,h`, at the edges of the image too; and no tile costs more than its scale."""
    information = image_information("", width, height, max_area=10**9)
    (tiles,) = information["tiles"]
    scale = data.draw(st.sampled_from(tiles["scaleFactors"]))
    step = tiles["width"] * scale
    left, top = (data.draw(st.sampled_from(range(0, side, step))) for side in (width, height))
    across, down = min(step, width - left), min(step, height - top)
    asked = -(-across // scale), -(-down // scale)
    view = read_view(
        _words(f"{left},{top},{step},{step}", "{},{}".format(*asked)), width, height, max_area=10**9
    )
    assert (view.width, view.height, view.region) == (*asked, (left, top, across, down))
    assert view.denominator(width, height, None) >= min(scale, 16)
    for size in information["sizes"]:
        assert read_view(_words("full", "{width},{height}".format(**size)), width, height, max_area=10**9)


def test_a_box_larger_than_the_limit_gives_what_the_limit_allows() -> None:
    views = [read_view(_words("full", size), 400, 300, max_area=10_000) for size in ("max", "!390,390")]
    assert views[0] == views[1]


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (_words("full", "401,"), BadViewError, "at most 400x300"),
        (_words("full", "^401,"), NotOfferedError, "Nothing is made larger"),
        (_words("full", "pct:101"), BadViewError, "at most 400x300"),
        (_words("full", "!9,"), BadViewError, "a box to fit into"),
        (_words("full", ","), BadViewError, "Expected a size"),
        (_words("full", "0,"), BadViewError, "at least one pixel"),
        (_words("full", "400,300", "22.5"), BadViewError, "0, 90, 180 or 270"),
        (_words("400,0,1,1"), BadViewError, "pixels of this image"),
        (_words("0,0,0,9"), BadViewError, "pixels of this image"),
        (_words("0.5,0,9,9"), BadViewError, "whole pixels"),
        (_words("full", file="default.gif"), BadViewError, "jpg, png, webp"),
    ],
)
def test_what_is_not_there_is_refused(words: ViewWords, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_view(words, 400, 300, max_area=10**6)


def test_a_box_is_never_filled_beyond_the_pixels_of_the_region() -> None:
    view = read_view(_words("full", "!2000,3000"), 400, 300, max_area=10**6)
    assert (view.width, view.height) == (400, 300)


def test_paths_are_read_from_the_right() -> None:
    assert split_words(["a", "b", "full", "max", "0", "default.jpg"]) == ("a/b", _words("full"))
    assert split_words(["a/b", "full", "max", "0", "default.jpg"]) == ("a/b", _words("full"))
    assert split_words(["full", "max", "0", "default.jpg"]) is None


@given(orientation=st.integers(1, 8), data=st.data())
def test_a_region_of_the_upright_image_is_found_in_the_stored_one(
    orientation: int, data: st.DataObject
) -> None:
    stored = np.arange(5 * 7).reshape(5, 7)
    upright = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.T,
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].T,
        8: np.rot90(stored, 1),
    }[orientation]
    height, width = upright.shape
    assert (width, height) == upright_size(7, 5, orientation)
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    across, down = data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top))
    found_left, found_top, found_across, found_down = as_stored((left, top, across, down), 7, 5, orientation)
    shown = upright[top : top + down, left : left + across]
    found = stored[found_top : found_top + found_down, found_left : found_left + found_across]
    assert sorted(shown.ravel()) == sorted(found.ravel())
