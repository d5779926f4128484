"""How the samples of a grid are packed: as JPEG XL, as planes of bytes, or as ZFP within an error bound."""

from __future__ import annotations

from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
import zfpy

from pipeline.errors import DamagedError
from pipeline.packing.grid import Samples
from pipeline.packing.zstd import compressed, expanded

JXL_EFFORT: Final = 3
"""Effort 1 leaves a quarter more, 4 takes three times as long for nothing that counts."""
_JXL_TYPES: Final = (np.uint8, np.uint16, np.int16)
_MOST_INTERLEAVED: Final = 4
_SIGN: Final = np.uint16(0x8000)
_TRIAL_ROWS: Final = 64


def takes_jxl(dtype: np.dtype[Any]) -> bool:
    """Whether JPEG XL can hold such samples; where it can it does better than planes."""
    return dtype in _JXL_TYPES


def pack_jxl(samples: Samples) -> bytes | None:
    """Integers of 8 or 16 bits as JPEG XL without loss; None for others."""
    if not takes_jxl(samples.dtype):
        return None
    try:
        return bytes(
            imagecodecs.jpegxl_encode(_picture(samples), lossless=True, effort=JXL_EFFORT, numthreads=1)
        )
    except (RuntimeError, ValueError):
        return None


def unpack_jxl(body: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Samples:
    """Undo `pack_jxl`.

    Raises:
        DamagedError: it is something else, or of another size.
    """
    height, width, bands = shape
    unsigned = np.dtype(np.uint16 if dtype == np.int16 else dtype)
    if bands > _MOST_INTERLEAVED:
        flat = jxl_array(body, (bands * height, width), unsigned)
        picture = np.moveaxis(flat.reshape(bands, height, width), 0, 2)
    else:
        picture = jxl_array(body, shape if bands > 1 else shape[:2], unsigned).reshape(shape)
    return (picture ^ _SIGN).view(np.int16) if dtype == np.int16 else picture


def jxl_array(body: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """A JPEG XL picture of just that shape; no memory is taken for another.

    Raises:
        DamagedError: it is something else.
    """
    if dtype not in (np.uint8, np.uint16):
        raise DamagedError(f"Expected samples of 8 or 16 bits as JPEG XL, got {dtype}.")
    try:
        return np.asarray(imagecodecs.jpegxl_decode(body, numthreads=1, out=np.empty(shape, dtype)))
    except (RuntimeError, ValueError, TypeError) as error:
        raise DamagedError(
            f"Expected a JPEG XL picture of shape {shape}, got something else: {error}."
        ) from error


def pack_planes(samples: Samples) -> bytes | None:
    """First all highest bytes, then the next, as one Zstandard frame; None for what JPEG XL takes, and does better.

    A byte before it says whether each number is stored less its left neighbour, as a part of the picture suggests.
    """
    if takes_jxl(samples.dtype):
        return None
    part = samples[:: max(1, len(samples) // _TRIAL_ROWS)]
    plain, less_left = (len(compressed(_planes(part, difference=choice))) for choice in (False, True))
    difference = less_left < plain
    return bytes([difference]) + compressed(_planes(samples, difference=difference))


def unpack_planes(body: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Samples:
    """Undo `pack_planes`.

    Raises:
        DamagedError: it is something else.
    """
    height, width, bands = shape
    size = height * width * bands * dtype.itemsize
    planes = np.frombuffer(expanded(body[1:], most=size), np.uint8)
    if len(planes) != size or body[0] > 1:
        raise DamagedError(f"Expected {size:,} bytes of samples, got {len(planes):,}.")
    of_numbers = np.ascontiguousarray(planes.reshape(dtype.itemsize, -1).T)
    numbers = of_numbers.view(_integers(dtype)).reshape(shape)
    if body[0]:
        numbers = np.cumsum(numbers, axis=1, dtype=numbers.dtype)
    return numbers.astype(numbers.dtype.newbyteorder("=")).view(dtype)


def pack_zfp(samples: Samples, tolerance: float) -> bytes | None:
    """Floating-point numbers and integers as ZFP with that tolerance; None for types that it does not take."""
    if samples.dtype.kind not in "fiu" or samples.dtype.itemsize > (8 if samples.dtype.kind == "f" else 4):
        return None
    numbers = _stacked(samples).astype(_zfp_type(samples.dtype))
    return bytes(zfpy.compress_numpy(np.ascontiguousarray(numbers), tolerance=tolerance))


def unpack_zfp(body: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Samples:
    """The samples within the tolerance, rounded to their type.

    Raises:
        DamagedError: it is no ZFP stream of that shape.
    """
    height, width, bands = shape
    expected = (width, bands * height, 0, 0, _zfp_type(dtype))
    try:
        header = zfpy.header(body)
        if tuple(header[name] for name in ("nx", "ny", "nz", "nw", "type")) != expected:
            raise DamagedError(f"Expected ZFP of {bands * height}x{width} numbers, got {header}.")
        most = 2 * bands * height * width * np.dtype(_zfp_type(dtype)).itemsize + 1024
        numbers = np.asarray(zfpy.decompress_numpy(body.ljust(most, b"\0")))  # ZFP reads on past the end
    except (ValueError, TypeError, RuntimeError, LookupError) as error:
        raise DamagedError(f"Expected ZFP of {bands * height}x{width} numbers, got: {error}.") from error
    picture = np.moveaxis(numbers.reshape(bands, height, width), 0, 2)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        picture = np.clip(np.rint(picture.astype(np.float64)), limits.min, limits.max)
    return picture.astype(dtype)


def _picture(samples: Samples) -> npt.NDArray[Any]:
    """As JPEG XL takes it: unsigned, with up to four bands, else the bands one below the other."""
    if samples.dtype == np.int16:
        samples = samples.view(np.uint16) ^ _SIGN
    if samples.shape[2] == 1:
        return np.ascontiguousarray(samples[:, :, 0])
    return np.ascontiguousarray(samples if samples.shape[2] <= _MOST_INTERLEAVED else _stacked(samples))


def _stacked(samples: Samples) -> npt.NDArray[Any]:
    height, width, bands = samples.shape
    return np.moveaxis(samples, 2, 0).reshape(bands * height, width)


def _integers(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Unsigned, of the same size, the highest byte first."""
    return np.dtype(f">u{dtype.itemsize}")


def _planes(samples: Samples, *, difference: bool) -> bytes:
    numbers = samples.view(f"u{samples.dtype.itemsize}")
    if difference:
        numbers = np.diff(numbers, axis=1, prepend=numbers.dtype.type(0))
    big = np.ascontiguousarray(numbers.astype(_integers(samples.dtype)))
    return np.ascontiguousarray(big.view(np.uint8).reshape(-1, samples.dtype.itemsize).T).tobytes()


def _zfp_type(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    is_exact_in_single = dtype.itemsize <= 2 or dtype == np.float32
    return np.float32 if is_exact_in_single else np.float64
