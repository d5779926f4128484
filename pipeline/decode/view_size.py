"""How large a view of an image is, and of which part: sizes and regions as a caller says them.

Both are of the pixels as stored, as `Archive.get` gives them: an EXIF orientation turns them afterwards.
"""

from __future__ import annotations

from numbers import Integral

from codec import sizes
from pipeline.errors import ConfigError

Size = int | tuple[int | None, int | None]
"""The longer side at most, in pixels; or a box, (width, height), None for a side that may be any length. What is shown
keeps its proportions, and is never made larger."""
Region = tuple[int, int, int, int]
"""(left, top, width, height) in pixels."""


def fitted(width: int, height: int, size: Size | None) -> tuple[int, int]:
    """Width and height of what is shown at a size.

    Args:
        width: of what there is to show.
        height: of the same.
        size: None for as large as it is.
    Raises:
        ConfigError: a side is no number of pixels.
    """
    box = size if isinstance(size, tuple) else (size, size)
    if len(box) != 2 or any(
        side is not None and not (isinstance(side, Integral) and side > 0) for side in box
    ):
        raise ConfigError(
            f"Expected a size of 1 pixel or more, or a box of (width, height), got {size!r}. None is as large as the "
            "image."
        )
    shares = [most / there for most, there in zip(box, (width, height), strict=True) if most is not None]
    share = min([1.0, *shares])
    return max(1, round(width * share)), max(1, round(height * share))


def scale_for(region: Region, size: tuple[int, int], within: tuple[int, int]) -> int:
    """One over the scale of the smallest picture from which a region can be cut in a size.

    An edge of the region inside a pixel of that picture, which stands for more than the region, takes twice the pixels.

    Args:
        region: what is shown of an image.
        size: width and height that it is shown in.
        within: width and height of the image.
    """
    left, top, across, down = region
    if size == (across, down):
        return 1  # one pixel has a size of 1 at any scale
    axes = ((left, across, size[0], within[0]), (top, down, size[1], within[1]))
    return max(d for d in sizes.DENOMINATORS if d == 1 or all(_has_pixels(*axis, d) for axis in axes))


def _has_pixels(start: int, length: int, wanted: int, end: int, denominator: int) -> bool:
    """Whether a picture at that scale has as many pixels as are wanted between two edges."""
    stop = start + length
    if start % denominator or (stop % denominator and stop != end):
        return length >= 2 * wanted * denominator
    return -(-length // denominator) >= wanted


def check_asked_region(region: Region, width: int, height: int) -> None:
    """Refuse a region that is not one of an image of this size.

    Raises:
        ConfigError: it is empty, or not all of it lies in the image; or it is no four whole numbers.
    """
    check_four_numbers(region)
    left, top, across, down = region
    try:
        sizes.check_region(left, top, across, down, within=(width, height))
    except ValueError as error:
        raise ConfigError(
            f"Expected a region within the image's {width} x {height} pixels as stored, got {across} x {down} from "
            f"({left}, {top}). A region is (left, top, width, height)."
        ) from error


def check_four_numbers(region: Region) -> None:
    """Refuse what is a region of no image at all.

    Raises:
        ConfigError: it is no four whole numbers.
    """
    try:
        is_region = len(region) == 4 and all(isinstance(number, Integral) for number in region)
    except TypeError:
        is_region = False
    if not is_region:
        raise ConfigError(
            f"Expected a region of four whole numbers, (left, top, width, height), got {region!r}."
        )
