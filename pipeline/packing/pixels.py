"""Packings of 8-bit pixels: `jxl` and `webp`, both without loss."""

from __future__ import annotations

import io
from typing import Final

import imagecodecs
import numpy as np
import numpy.typing as npt
import PIL.Image

from pipeline.errors import DamagedError
from pipeline.packing.sample_coders import JXL_EFFORT, jxl_array

Pixels = npt.NDArray[np.uint8]
_WEBP_SIDE: Final = 16_383
_WEBP_METHOD: Final = 4
"""5 and 6 can take a minute on half a megapixel of dithered colours."""
_JXL_THOROUGH: Final = 7


def pack_jxl(pixels: Pixels, thorough: bool = False) -> bytes | None:
    """JPEG XL of (H, W, 3) or (H, W, 1); None where its library refuses.

    Args:
        thorough: look for lines, areas and few colours: it takes ten times as long.
    """
    return jxl_of(pixels, effort=_JXL_THOROUGH if thorough else JXL_EFFORT)


def jxl_of(pixels: Pixels, *, effort: int) -> bytes | None:
    """The same at an effort of 1 (fastest) to 9."""
    picture = np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    try:
        return bytes(imagecodecs.jpegxl_encode(picture, lossless=True, effort=effort, numthreads=1))
    except (RuntimeError, ValueError):
        return None


def unpack_jxl(payload: bytes, shape: tuple[int, int, int]) -> Pixels:
    """Undo `pack_jxl`.

    Raises:
        DamagedError: it is no picture of that shape.
    """
    found = jxl_array(payload, shape if shape[2] == 3 else shape[:2], np.dtype(np.uint8))
    return np.asarray(found, np.uint8).reshape(shape)


def pack_webp(pixels: Pixels, thorough: bool = False) -> bytes | None:
    """WebP of (H, W, 3) or (H, W, 1), which it repeats; None for what is too large for it, and unless `thorough`: of
    photos JPEG XL is smaller, and sooner made."""
    if not thorough or max(pixels.shape[:2]) > _WEBP_SIDE:
        return None
    rgb = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)
    stream = io.BytesIO()
    PIL.Image.fromarray(rgb).save(stream, "WEBP", lossless=True, quality=80, method=_WEBP_METHOD, exact=True)
    return stream.getvalue()


def unpack_webp(payload: bytes, shape: tuple[int, int, int]) -> Pixels:
    """Undo `pack_webp`.

    Raises:
        DamagedError: it is no picture of that shape.
    """
    height, width, bands = shape
    try:
        with PIL.Image.open(io.BytesIO(payload), formats=("WEBP",)) as picture:
            if picture.size != (width, height):
                raise DamagedError(f"Expected {width}x{height} pixels as WebP, got {picture.size}.")
            rgb = np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise DamagedError(f"Expected a WebP picture, got something else: {error}.") from error
    return rgb[:, :, :bands]
