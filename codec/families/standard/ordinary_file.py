"""The ordinary file inside a payload: written and read by Pillow, its quality one of ours."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.AvifImagePlugin import AvifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.WebPImagePlugin import WebPImageFile

from codec.contract import QUALITIES, RGB
from codec.errors import BitstreamError
from codec.families.standard.config import FileKind
from codec.families.standard.jpeg_tables import quantisation_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    """How Pillow writes and reads one kind of file."""

    name: str
    """Pillow's."""
    options: Callable[[float], Mapping[str, Any]]
    """What `Image.save` is given at a quality of ours."""
    opener: Callable[[io.BytesIO], ImageFile]
    """By name: `Image.open` would check a limit of pixels that is one number for the whole process."""
    longest_side: int
    """In pixels, of what the library writes and reads."""


def _jpeg_options(quality: float) -> Mapping[str, Any]:
    tables = [table.ravel().tolist() for table in quantisation_tables(quality)]
    return {"qtables": tables, "subsampling": "4:2:0", "optimize": True}


def _webp_options(quality: float) -> Mapping[str, Any]:
    return {"quality": _in_proportion(quality, 1.0, 98.0), "method": 6}


def _avif_options(quality: float) -> Mapping[str, Any]:
    whole = round(_in_proportion(quality, 5.0, 92.0))
    return {"quality": whole, "subsampling": "4:2:0", "speed": 6, "max_threads": 1}


def _in_proportion(quality: float, lowest: float, highest: float) -> float:
    return lowest + (highest - lowest) * quality / (QUALITIES.stop - 1)


_FORMATS: Final[Mapping[FileKind, _Format]] = {
    "jpeg": _Format(name="JPEG", options=_jpeg_options, opener=JpegImageFile, longest_side=65_500),
    "webp": _Format(name="WEBP", options=_webp_options, opener=WebPImageFile, longest_side=16_383),
    "avif": _Format(name="AVIF", options=_avif_options, opener=AvifImageFile, longest_side=32_768),
}


def check_sides(kind: FileKind, width: int, height: int) -> None:
    """Refuse a picture that no file of a kind can hold.

    Raises:
        ValueError: a side is longer than the format's longest.
    """
    longest = _FORMATS[kind].longest_side
    if max(width, height) > longest:
        raise ValueError(
            f"expected a picture of sides up to {longest} pixels, which a {kind} file holds; got {width} x {height}: "
            "choose another codec for it"
        )


def write_file(pixels: RGB, kind: FileKind, quality: float) -> bytes:
    """A whole file: the same bytes again from the same library."""
    form = _FORMATS[kind]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form.name, **form.options(quality))
    return stream.getvalue()


def read_file(data: bytes, kind: FileKind, *, width: int, height: int) -> RGB:
    """The pixels of a file of that kind and size. No more is decoded than its size allows.

    Raises:
        BitstreamError: it is another file, or damaged.
    """
    try:
        with _FORMATS[kind].opener(io.BytesIO(data)) as picture:
            if picture.size != (width, height):
                raise BitstreamError(
                    f"expected a {kind} file of {width} x {height} pixels in the payload, got {picture.size}: damaged"
                )
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        if isinstance(error, BitstreamError):
            raise
        raise BitstreamError(f"expected a {kind} file in the payload, got {error}: it is damaged") from error
