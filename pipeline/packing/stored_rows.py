"""How samples lie in an inflated stream: as they are, behind TIFF's predictors, or behind the filters of PNG."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt

from pipeline.errors import DamagedError
from pipeline.packing.grid import Samples

Bytes = npt.NDArray[np.uint8]
PNG: Final = "png"
PLAIN: Final = "plain"
DIFFERENCE: Final = "difference"
FLOAT: Final = "float"
KINDS: Final = (PNG, PLAIN, DIFFERENCE, FLOAT)
_COLOUR_TYPES: Final = {1: 0, 2: 4, 3: 2, 4: 6}
"""Of PNG, by the number of bands."""
_FILTERS: Final = 5
_PART_BYTES: Final = 2**22


def row_bytes(kind: str, width: int, bands: int, dtype: np.dtype[Any]) -> int:
    """Of one row in the stream."""
    return width * bands * dtype.itemsize + (kind == PNG)


def samples_of(
    stream: Bytes, kind: str, width: int, bands: int, dtype: np.dtype[Any]
) -> tuple[Samples, bytes]:
    """The samples in the machine's byte order, (rows, width, bands), and the filter of each row of a PNG.

    Raises:
        RuntimeError, ValueError: libpng refuses them.
    """
    rows = stream.reshape(-1, row_bytes(kind, width, bands, dtype))
    if kind == PNG:
        return _through_libpng(rows, width, bands, dtype), rows[:, 0].tobytes()
    if kind == FLOAT:
        size = dtype.itemsize
        undone = np.cumsum(rows.reshape(len(rows), -1, bands), axis=1, dtype=np.uint8)
        planes = undone.reshape(len(rows), size, width * bands)
        numbers = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(f">f{size}")
        return numbers.astype(dtype.newbyteorder("=")).reshape(-1, width, bands), b""
    samples = rows.view(dtype).astype(dtype.newbyteorder("=")).reshape(-1, width, bands)
    if kind == DIFFERENCE:
        whole = samples.view(f"u{dtype.itemsize}")
        samples = np.cumsum(whole, axis=1, dtype=whole.dtype).view(samples.dtype)
    return samples, b""


def stream_of(samples: Samples, filters: bytes, kind: str, dtype: np.dtype[Any]) -> Bytes:
    """Undo `samples_of`; `dtype` has the byte order of the file.

    Raises:
        DamagedError: there is not one filter a row, or one that PNG has not.
    """
    height, width, bands = samples.shape
    if kind == PNG:
        if len(filters) != height or max(filters, default=0) >= _FILTERS:
            raise DamagedError(f"Expected a filter for each of {height} rows, got others.")
        return _filtered(samples, np.frombuffer(filters, np.uint8))
    if kind == FLOAT:
        big = np.ascontiguousarray(samples.astype(f">f{dtype.itemsize}")).view(np.uint8)
        planes = big.reshape(height, width * bands, -1).transpose(0, 2, 1).reshape(height, -1, bands)
        return np.diff(planes, axis=1, prepend=np.uint8(0)).ravel()
    if kind == DIFFERENCE:
        whole = samples.view(f"u{dtype.itemsize}")
        samples = np.diff(whole, axis=1, prepend=whole.dtype.type(0)).view(samples.dtype)
    return np.ascontiguousarray(samples.astype(dtype)).view(np.uint8).ravel()


def _through_libpng(rows: Bytes, width: int, bands: int, dtype: np.dtype[Any]) -> Samples:
    """Two of PNG's filters need each byte to undo the next, which takes a compiled loop."""
    bits = 8 * dtype.itemsize
    header = struct.pack(">IIBBBBB", width, len(rows), bits, _COLOUR_TYPES[bands], 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows.data, 0)), (b"IEND", b"")
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))
        for name, body in chunks
    )
    return np.asarray(imagecodecs.png_decode(file)).reshape(len(rows), width, bands)


def _filtered(samples: Samples, filters: Bytes) -> Bytes:
    height, width, bands = samples.shape
    pixel = bands * samples.dtype.itemsize
    size = width * pixel
    out = np.empty((height, size + 1), np.uint8)
    out[:, 0] = filters
    step = max(1, _PART_BYTES // size)
    above = np.zeros((1, size), np.uint8)
    for top in range(0, height, step):
        part = samples[top : top + step]
        rows = (
            np.ascontiguousarray(part.astype(part.dtype.newbyteorder(">"))).view(np.uint8).reshape(-1, size)
        )
        up = np.vstack([above, rows[:-1]])
        above = rows[-1:]
        for number in range(_FILTERS):
            which = np.flatnonzero(filters[top : top + step] == number)
            if len(which):
                out[top + which, 1:] = rows[which] - _predicted(number, rows[which], up[which], pixel)
    return out.ravel()


def _predicted(number: int, rows: Bytes, up: Bytes, pixel: int) -> Bytes | np.uint8:
    """What a filter takes each byte for, from the pixels to the left, above, and above that to the left."""
    if number == 0:
        return np.uint8(0)
    if number == 2:
        return up
    left = _shifted(rows, pixel)
    if number == 1:
        return left
    wide_left, wide_up = left.astype(np.int16), up.astype(np.int16)
    if number == 3:
        return (wide_left + wide_up >> 1).astype(np.uint8)
    corner = _shifted(up, pixel)
    wide_corner = corner.astype(np.int16)
    to_left, to_up = np.abs(wide_up - wide_corner), np.abs(wide_left - wide_corner)
    to_corner = np.abs(wide_left + wide_up - 2 * wide_corner)
    is_left = (to_left <= to_up) & (to_left <= to_corner)
    return np.where(is_left, left, np.where(to_up <= to_corner, up, corner))


def _shifted(rows: Bytes, pixel: int) -> Bytes:
    out = np.zeros_like(rows)
    out[:, pixel:] = rows[:, :-pixel]
    return out
