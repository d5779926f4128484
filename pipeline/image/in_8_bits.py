"""Any picture that Pillow opens, in 8-bit samples of grey or RGB, to be looked at."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL.TiffImagePlugin import TiffImageFile

GREY: Final = ("1", "L", "LA", "La", "I", "F")
DEEP: Final = "I;16"
"""What modes of 16-bit samples begin with."""
_SHOWN: Final = ("L", "LA", "RGB", "RGBA")
_BITS, _PHOTOMETRIC, _PLANES, _SAMPLE_FORMAT, _NO_DATA = 258, 262, 284, 339, 42113
"""Tags of TIFF; the last is GDAL's: the number that stands where nothing was measured."""
_WHITE_IS_ZERO, _SEPARATE, _UNSIGNED = 0, 2, 1

_Samples = npt.NDArray[np.integer[Any] | np.floating[Any]]


def in_8_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """In mode L, LA, RGB or RGBA. 16-bit samples lose their lower half; 32-bit and floating-point ones are shown from
    the smallest to the largest that was measured.

    Raises:
        ValueError: Pillow reads its samples as others than they are.
    """
    mode = picture.mode
    if _tag(picture, _PLANES) == _SEPARATE and _tag(picture, _BITS, 8) > 8:
        raise ValueError("planes of more than 8 bits, which are not shown")
    if mode.startswith(DEEP) or mode in ("I", "F"):
        grey = _high_bytes(picture) if mode.startswith(DEEP) else _stretched(picture)
        return PIL.Image.fromarray(255 - grey if _tag(picture, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO else grey)
    if picture.has_transparency_data:
        return picture.convert("LA" if mode in GREY else "RGBA")
    return picture if mode in _SHOWN else picture.convert("L" if mode in GREY else "RGB")


def _high_bytes(picture: PIL.Image.Image) -> npt.NDArray[np.uint8]:
    return (np.asarray(picture) >> 8).astype(np.uint8)


def _stretched(picture: PIL.Image.Image) -> npt.NDArray[np.uint8]:
    """From 0 for the smallest sample, and where nothing was measured, to 255 for the largest."""
    samples: _Samples = np.asarray(picture)
    if isinstance(picture, TiffImageFile) and _is_unsigned(picture):
        samples = samples.view(np.uint32)
    is_measured = np.isfinite(samples) & (samples != _no_data(picture))
    measured = samples[is_measured].astype(np.float64)
    lowest, highest = (measured.min(), measured.max()) if measured.size else (0.0, 0.0)
    shares = np.zeros(samples.shape)
    shares[is_measured] = (measured - lowest) / max(highest - lowest, np.finfo(np.float64).tiny)
    found: npt.NDArray[np.uint8] = (255.0 * shares).round().astype(np.uint8)
    return found


def _is_unsigned(picture: TiffImageFile) -> bool:
    return picture.mode == "I" and (_tag(picture, _BITS), _tag(picture, _SAMPLE_FORMAT, _UNSIGNED)) == (
        32,
        _UNSIGNED,
    )


def _no_data(picture: PIL.Image.Image) -> float:
    try:
        return float(_tag(picture, _NO_DATA, "nan"))
    except ValueError:
        return np.nan


def _tag(picture: PIL.Image.Image, number: int, otherwise: Any = None) -> Any:
    """The first value of a tag of a TIFF file."""
    value = picture.tag_v2.get(number, otherwise) if isinstance(picture, TiffImageFile) else otherwise
    return value[0] if isinstance(value, tuple) else value
