"""How large a view of an image is, and of which part: sizes and regions as a caller says them.

Both are of the pixels as stored, as `Archive.get` gives them: an EXIF orientation turns them afterwards.
"""

from __future__ import annotations

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
    if len(box) != 2 or any(side is not None and side < 1 for side in box):
        raise ConfigError(
            f"Expected a size of 1 pixel or more, or a box of (width, height), got {size}. None is as large as the "
            "image."
        )
    shares = [most / there for most, there in zip(box, (width, height), strict=True) if most is not None]
    share = min([1.0, *shares])
    return max(1, round(width * share)), max(1, round(height * share))


def check_asked_region(region: Region, width: int, height: int) -> None:
    """Refuse a region that is not one of an image of this size.

    Raises:
        ConfigError: it is empty, or not all of it lies in the image.
    """
    left, top, across, down = region
    try:
        sizes.check_region(left, top, across, down, within=(width, height))
    except ValueError as error:
        raise ConfigError(
            f"Expected a region within the image's {width} x {height} pixels as stored, got {across} x {down} from "
            f"({left}, {top}). A region is (left, top, width, height)."
        ) from error
