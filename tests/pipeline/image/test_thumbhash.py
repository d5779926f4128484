"""The hash is that of the format's other implementations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.image.thumbhash import thumbhash

REFERENCE = {
    (60, 40, False): "5ef80d259a7076777077877788688777b0900bf878",
    (40, 60, False): "5e080e251a7076707777876887777878b0900bf878",
    (9, 100, False): "1d090e211c60716888868777f4920de878",
    (60, 40, True): "1c388a1390297076517774b0810ae8a678788f87888888",
    (2, 2, True): "523ba64d24cc750a758887a808706007f78678088988886808",
}
"""Width, height, whether there is alpha: what `thash` 1.2.1 makes of these drawings."""


def drawn(width: int, height: int, *, has_alpha: bool) -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[:height, :width]
    planes = (
        columns * 255 // (width - 1),
        rows * 255 // (height - 1),
        (rows * columns) % 256,
        255 - rows * 200 // height if has_alpha else np.full_like(rows, 255),
    )
    return np.stack(planes, axis=2).astype(np.uint8)


def nibbles(data: bytes) -> list[int]:
    return [half for byte in data for half in (byte & 15, byte >> 4)]


@pytest.mark.parametrize(("width", "height", "has_alpha"), REFERENCE)
def test_it_is_that_of_the_reference(width: int, height: int, has_alpha: bool) -> None:
    expected = bytes.fromhex(REFERENCE[width, height, has_alpha])
    found = thumbhash(drawn(width, height, has_alpha=has_alpha))
    # terms of straight ramps lie between two levels, and go to either by the last digit of a sum
    differences = [abs(a - b) for a, b in zip(nibbles(found), nibbles(expected), strict=True)]
    assert max(differences) <= 1
    assert sum(differences) <= 3


def test_a_plain_colour_has_no_waves() -> None:
    plain = np.full((5, 9, 4), (10, 200, 30, 255), np.uint8)
    assert set(thumbhash(plain)[5:]) == {0}


def test_larger_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="sides of 1 to 100 pixels to hash, got 101x1"):
        thumbhash(np.zeros((1, 101, 4), np.uint8))
