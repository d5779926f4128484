"""Write an image as a file that is not larger than another one, at the best quality that allows it."""

from __future__ import annotations

from typing import Final

from pipeline.image.file_formats import LOSSY, Format
from pipeline.image.write import write_image
from pipeline.types import Image

_BEST: Final = 95
_LEAST: Final = 25
_STEP: Final = 5


def write_within(image: Image, fmt: Format, max_bytes: int | None) -> bytes:
    """Write an image as a file of at most so many bytes, where a quality of at least 25 can do it.

    A format without a quality is written as it is. WebP loses nothing where that is small enough.

    Args:
        max_bytes: None for no limit.
    Raises:
        RestoreError: the format cannot hold this image.
    """
    if fmt == "webp" or fmt not in LOSSY:
        data = write_image(image, fmt)
        if fmt not in LOSSY or max_bytes is None or len(data) <= max_bytes:
            return data
    best = write_image(image, fmt, quality=_BEST)
    if max_bytes is None or len(best) <= max_bytes:
        return best
    fitting, too_large = _LEAST, _BEST
    data = write_image(image, fmt, quality=_LEAST)
    while too_large - fitting > _STEP and len(data) <= max_bytes:
        middle = (fitting + too_large) // 2
        tried = write_image(image, fmt, quality=middle)
        if len(tried) <= max_bytes:
            fitting, data = middle, tried
        else:
            too_large = middle
    return data
