"""Write an image back as a file, with its EXIF, ICC profile, XMP and alpha; orientation is never applied.

What each format gives back when its file is read again:

- png: everything, pixel for pixel.
- webp: everything, pixel for pixel, unless a quality is asked for (then 4:2:0 lossy colour). Grey becomes
  colour with three equal channels, which is all WebP has.
- jpeg: quality 95, 4:4:4 (4:2:0 below quality 85). No alpha: an image with transparent pixels is refused.
- avif: quality 90, 4:4:4; alpha exact. EXIF that does not begin like a TIFF file is refused by its writer.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from pipeline.errors import RestoreError
from pipeline.image.formats.header import orientation_of
from pipeline.types import Image

Format = Literal["png", "jpeg", "webp", "avif"]

FORMATS: Mapping[Format, tuple[str, ...]] = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "webp": (".webp",),
    "avif": (".avif",),
}
"""Formats that can be written and their extensions; the first is the one given to new files."""

_FULL_COLOUR_FROM = 85
"""The quality of a JPEG below which bits are better spent on luma."""
_ORIENTATION = 0x0112
_MAX_SEGMENT_BYTES = 65_533
_XMP_OVERHEAD_BYTES = 29
_EXIF_PREFIX = b"Exif\x00\x00"


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


def format_of_path(path: str) -> Format | None:
    """The format that a file name's extension asks for; None when it is none of `FORMATS`."""
    suffix = PurePosixPath(path).suffix.lower()
    return next((fmt for fmt, suffixes in FORMATS.items() if suffix in suffixes), None)


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
    stream = io.BytesIO()
    try:
        _WRITERS[fmt](image, _picture(image, alpha), stream, quality)
    except RestoreError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise RestoreError(
            f"A {image.width}x{image.height} image could not be written as {fmt}: {error}; use png."
        ) from error
    return stream.getvalue()


def to_pillow(image: Image) -> PIL.Image.Image:
    """The picture in mode L, LA, RGB or RGBA, with EXIF, ICC profile and XMP in its `info`; orientation is not applied.

    Raises:
        RestoreError: the stored alpha plane is damaged.
    """
    picture = _picture(image, _alpha(image))
    picture.info.update({name: value for name, value in _metadata(image).items() if value})
    return picture


def _check_size(image: Image, fmt: Format) -> None:
    limits = _LIMITS[fmt]
    pixels = image.width * image.height
    if max(image.width, image.height) > limits.side or pixels > (limits.pixels or pixels):
        raise RestoreError(
            f"{fmt.upper()} holds at most {limits.side:,} pixels a side"
            f"{f' and {limits.pixels:,} in all' if limits.pixels else ''}, "
            f"this image has {image.width}x{image.height}; use png."
        )


def _alpha(image: Image) -> npt.NDArray[np.uint8] | None:
    if image.alpha is None:
        return None
    try:
        plane = np.asarray(PngImageFile(io.BytesIO(image.alpha)))
    except (OSError, SyntaxError, ValueError) as error:
        raise RestoreError(
            f"The stored alpha plane is no PNG file: {error}; compress the image again."
        ) from error
    if plane.shape != image.pixels.shape[:2]:
        raise RestoreError(
            f"Expected an alpha plane of {image.width}x{image.height} pixels, "
            f"got one of shape {plane.shape}; compress the image again."
        )
    return plane


def _picture(image: Image, alpha: npt.NDArray[np.uint8] | None) -> PIL.Image.Image:
    """The picture in mode L, LA, RGB or RGBA."""
    pixels = image.pixels[..., 0] if image.is_grey else image.pixels
    picture = PIL.Image.fromarray(np.ascontiguousarray(pixels))
    if alpha is not None:
        picture.putalpha(PIL.Image.fromarray(alpha))
    return picture


def _metadata(image: Image) -> dict[str, Any]:
    return {
        "exif": _EXIF_PREFIX + image.exif if image.exif else b"",
        "icc_profile": image.icc or b"",
        "xmp": image.xmp or b"",
    }


def _write_png(image: Image, picture: PIL.Image.Image, stream: io.BytesIO, quality: int | None) -> None:
    options = _metadata(image)
    info = PngInfo()
    if xmp := options.pop("xmp"):
        info.add_itxt("XML:com.adobe.xmp", xmp)
    # level 4: within a tenth of level 6 in size, in less than half the time
    picture.save(stream, "PNG", compress_level=4, pnginfo=info, **options)


def _write_jpeg(image: Image, picture: PIL.Image.Image, stream: io.BytesIO, quality: int | None) -> None:
    for name, metadata, room in (
        ("EXIF", image.exif, _MAX_SEGMENT_BYTES - len(_EXIF_PREFIX)),
        ("XMP", image.xmp, _MAX_SEGMENT_BYTES - _XMP_OVERHEAD_BYTES),
    ):
        if len(metadata or b"") > room:
            raise RestoreError(
                f"JPEG holds at most {room:,} bytes of {name}, this image has {len(metadata or b''):,}; "
                "use png, webp or avif."
            )
    quality = quality or 95
    subsampling = "4:4:4" if quality >= _FULL_COLOUR_FROM else "4:2:0"
    picture.save(stream, "JPEG", quality=quality, subsampling=subsampling, optimize=True, **_metadata(image))


def _write_webp(image: Image, picture: PIL.Image.Image, stream: io.BytesIO, quality: int | None) -> None:
    if quality is None:  # lossless, where both mean effort: a quarter smaller than PNG in similar time
        options: dict[str, Any] = {"lossless": True, "quality": 20, "method": 1}
    else:
        options = {"quality": quality, "method": 4}
    picture.save(stream, "WEBP", exact=True, **options, **_metadata(image))


def _write_avif(image: Image, picture: PIL.Image.Image, stream: io.BytesIO, quality: int | None) -> None:
    options = _metadata(image)
    if image.exif:
        options["exif"] = _ExactExif(image.exif)
    if picture.mode == "LA":
        picture = picture.convert("RGBA")
    if picture.mode == "RGBA":
        options["advanced"] = {"alpha:lossless": "1"}  # an option of aom, the encoder in Pillow's wheels
    subsampling = "4:0:0" if image.is_grey else "4:4:4"
    picture.save(stream, "AVIF", quality=quality or 90, subsampling=subsampling, speed=8, **options)


class _ExactExif(PIL.Image.Exif):
    """EXIF that Pillow's AVIF writer leaves alone: it takes the orientation out of all others.

    The orientation is still told to the writer, which also puts it where AVIF viewers look for it.
    """

    def __init__(self, exif: bytes) -> None:
        super().__init__()
        self._exact = exif
        orientation = orientation_of(exif)
        if orientation is not None:
            self[_ORIENTATION] = orientation

    def tobytes(self, offset: int = 8) -> bytes:
        return self._exact

    def __bool__(self) -> bool:
        return True


_Writer = Callable[[Image, PIL.Image.Image, io.BytesIO, int | None], None]

_WRITERS: Mapping[Format, _Writer] = {
    "png": _write_png,
    "jpeg": _write_jpeg,
    "webp": _write_webp,
    "avif": _write_avif,
}
