"""Write an image back as a file, with its EXIF, ICC profile, XMP and alpha; orientation is never applied.

Each format has a writer of its own (pipeline/image/writers/), which puts back all parts of a file of that format that
were carried. Resolution, comments and IPTC also go into PNG and JPEG from files of other formats. JPEG holds no alpha:
an image with transparent pixels is refused.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL.PngImagePlugin import PngImageFile

from pipeline.errors import RestoreError
from pipeline.image.file_formats import FORMATS, Format
from pipeline.image.writers.avif import write_avif
from pipeline.image.writers.embedded import embedded_metadata
from pipeline.image.writers.jpeg import write_jpeg
from pipeline.image.writers.png import write_png
from pipeline.image.writers.webp import write_webp
from pipeline.types import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """The largest picture a format can hold."""

    side: int
    pixels: int | None = None


_LIMITS: Mapping[Format, _Limits] = {
    "png": _Limits(side=2**31 - 1),
    "jpeg": _Limits(side=65_500),  # libjpeg's; the format itself would allow 65,535
    "webp": _Limits(side=16_383),
    "avif": _Limits(side=32_768, pixels=16_384**2),  # what libavif reads back
}


def write_image(image: Image, fmt: Format, *, quality: int | None = None) -> bytes:
    """Write an image as a file.

    Args:
        quality: 1 (smallest) to 100, of the lossy formats; None for what the head of this file says.

    Raises:
        RestoreError: the format cannot hold this image, or no such format or quality.
    """
    if fmt not in FORMATS:
        raise RestoreError(f"Expected a format of {', '.join(FORMATS)}, got {fmt!r}.")
    if quality is not None and (fmt == "png" or not 1 <= quality <= 100):
        raise RestoreError(f"Expected a quality of 1 to 100 for jpeg, webp or avif, got {quality} for {fmt}.")
    _check_size(image, fmt)
    alpha = _alpha(image)
    if fmt == "jpeg" and alpha is not None:
        if alpha.min() < 255:
            raise RestoreError(
                "JPEG cannot hold transparency, and this image has transparent pixels; use png, webp or avif."
            )
        alpha = None  # it is opaque, so the picture looks the same without it
    try:
        return _WRITERS[fmt](image, _picture(image, alpha), quality)
    except RestoreError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise RestoreError(
            f"A {image.width}x{image.height} image could not be written as {fmt}: {error}; use png."
        ) from error


def to_pillow(image: Image) -> PIL.Image.Image:
    """The picture in mode L, LA, RGB or RGBA, with EXIF, ICC profile and XMP in its `info`; orientation is not applied.

    Raises:
        RestoreError: the stored alpha plane is damaged.
    """
    picture = _picture(image, _alpha(image))
    picture.info.update({name: value for name, value in embedded_metadata(image).items() if value})
    return picture


def can_hold(fmt: Format, width: int, height: int) -> bool:
    """Whether a format has room for a picture of this size."""
    limits, pixels = _LIMITS[fmt], width * height
    return max(width, height) <= limits.side and pixels <= (limits.pixels or pixels)


def _check_size(image: Image, fmt: Format) -> None:
    limits = _LIMITS[fmt]
    if not can_hold(fmt, image.width, image.height):
        raise RestoreError(
            f"{fmt.upper()} holds at most {limits.side:,} pixels a side"
            f"{f' and {limits.pixels:,} in all' if limits.pixels else ''}, "
            f"this image has {image.width}x{image.height}; use png."
        )


def alpha_plane(png: bytes, height: int, width: int) -> npt.NDArray[np.uint8]:
    """The alpha plane of an image of that size, (H, W), from the file that `Image.alpha` holds.

    Raises:
        RestoreError: it is damaged, or of another size.
    """
    try:
        plane = np.asarray(PngImageFile(io.BytesIO(png)))
    except (OSError, SyntaxError, ValueError) as error:
        raise RestoreError(
            f"The stored alpha plane is no PNG file: {error}; compress the image again."
        ) from error
    if plane.shape != (height, width):
        raise RestoreError(
            f"Expected an alpha plane of {width}x{height} pixels, "
            f"got one of shape {plane.shape}; compress the image again."
        )
    return plane


def _alpha(image: Image) -> npt.NDArray[np.uint8] | None:
    return None if image.alpha is None else alpha_plane(image.alpha, image.height, image.width)


def _picture(image: Image, alpha: npt.NDArray[np.uint8] | None) -> PIL.Image.Image:
    """The picture in mode L, LA, RGB or RGBA."""
    pixels = image.pixels[..., 0] if image.is_grey else image.pixels
    picture = PIL.Image.fromarray(np.ascontiguousarray(pixels))
    if alpha is not None:
        picture.putalpha(PIL.Image.fromarray(alpha))
    return picture


_Writer = Callable[[Image, PIL.Image.Image, int | None], bytes]

_WRITERS: Mapping[Format, _Writer] = {
    "png": write_png,
    "jpeg": write_jpeg,
    "webp": write_webp,
    "avif": write_avif,
}
