"""Packings of files with uncompressed samples: `grid-jxl`, `grid-planes` and `grid-zfp`.

length of the head   4 bytes, little-endian
length of the rest   8 bytes
CRC-32C              4 bytes, of the file that comes back
head                 Zstandard over JSON: where the samples lie (`Grid`)
rest                 Zstandard over all other bytes of the file
samples              as `sample_coders` packs them
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import google_crc32c
import numpy as np

from pipeline.errors import DamagedError
from pipeline.packing.find_grid import find_grid
from pipeline.packing.grid import Grid, Samples, lift, lower
from pipeline.packing.sample_coders import (
    pack_jxl,
    pack_planes,
    pack_zfp,
    unpack_jxl,
    unpack_planes,
    unpack_zfp,
)
from pipeline.packing.zstd import compressed, expanded

_LENGTHS: Final = struct.Struct("<IQI")
_MOST_HEAD_BYTES: Final = 64 * 2**20
_TOLERANCES: Final = (1.0, 0.5, 0.25)
"""Parts of the bound to try: rounding to the type of the samples comes on top of what ZFP leaves."""

Unpacker = Callable[[bytes, tuple[int, int, int], np.dtype[Any]], Samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """A file packed with a loss."""

    payload: bytes
    max_error: float
    """The largest difference of a sample, measured on the file that comes back."""


def pack_as_jxl(data: bytes) -> bytes | None:
    """A file of integers of 8 or 16 bits; None for others."""
    return _packed(data, pack_jxl)


def pack_as_planes(data: bytes) -> bytes | None:
    """A file of larger numbers, floating-point ones among them; None for others."""
    return _packed(data, pack_planes)


def unpack_from_jxl(payload: bytes, size: int) -> bytes:
    """Undo `pack_as_jxl`; see `_unpacked`."""
    return _unpacked(payload, size, unpack_jxl)


def unpack_from_planes(payload: bytes, size: int) -> bytes:
    """Undo `pack_as_planes`; see `_unpacked`."""
    return _unpacked(payload, size, unpack_planes)


def unpack_from_zfp(payload: bytes, size: int) -> bytes:
    """The file with samples within the bound; see `_unpacked`."""
    return _unpacked(payload, size, unpack_zfp)


def pack_bounded(data: bytes, max_error: float) -> Bounded | None:
    """A file of deep samples, packed so that none is further than `max_error` from what it was.

    None for a file without a grid of floating-point numbers or of integers of 16 bits or more, for one with numbers
    that are not finite, and where the bound cannot be met.
    """
    grid = find_grid(data)
    if grid is None or not _is_deep(np.dtype(grid.dtype)):
        return None
    samples, skeleton = lift(data, grid)
    if not np.isfinite(samples).all():
        return None
    for part in _TOLERANCES:
        body = pack_zfp(samples, max_error * part)
        if body is None:
            return None
        back = unpack_zfp(body, samples.shape, samples.dtype)
        error = largest_difference(samples, back)
        if error <= max_error:
            file = lower(back, skeleton, grid)
            return Bounded(payload=_joined(grid, skeleton, body, file), max_error=error)
    return None


def file_difference(one: bytes, other: bytes) -> float | None:
    """The largest difference between the samples of two files; None where they differ in anything else."""
    grid = find_grid(one)
    if grid is None or len(one) != len(other) or find_grid(other) != grid:
        return None
    (a, rest), (b, other_rest) = lift(one, grid), lift(other, grid)
    return largest_difference(a, b) if rest == other_rest else None


def largest_difference(a: Samples, b: Samples) -> float:
    """Of two arrays of one type, computed without wrapping; infinite where one is not a number."""
    worst = 0.0
    for row_a, row_b in zip(
        a, b, strict=True
    ):  # a row at a time: double precision takes eight bytes a number
        found = np.abs(row_a.astype(np.float64) - row_b.astype(np.float64)).max()
        worst = max(worst, float(found)) if found == found else np.inf
    return worst


def _is_deep(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "f" or (dtype.kind in "iu" and dtype.itemsize in (2, 4))


def _packed(data: bytes, pack: Callable[[Samples], bytes | None]) -> bytes | None:
    grid = find_grid(data)
    if grid is None:
        return None
    samples, skeleton = lift(data, grid)
    body = pack(samples)
    return None if body is None else _joined(grid, skeleton, body, data)


def _joined(grid: Grid, skeleton: bytes, body: bytes, file: bytes) -> bytes:
    head, rest = compressed(grid.to_json()), compressed(skeleton)
    return _LENGTHS.pack(len(head), len(rest), google_crc32c.value(file)) + head + rest + body


def _unpacked(payload: bytes, size: int, unpack: Unpacker) -> bytes:
    """The file.

    Args:
        size: its bytes, known from its row.
    Raises:
        DamagedError: it is no such payload, or of a file of another size.
    """
    if len(payload) < _LENGTHS.size:
        raise DamagedError(f"Expected packed samples, got {len(payload)} bytes.")
    head_bytes, rest_bytes, crc = _LENGTHS.unpack_from(payload)
    rest_at = _LENGTHS.size + head_bytes
    grid = Grid.from_json(expanded(payload[_LENGTHS.size : rest_at], most=_MOST_HEAD_BYTES))
    if not grid.is_within(size):
        raise DamagedError(f"Expected samples within a file of {size:,} bytes, got others.")
    skeleton = expanded(payload[rest_at : rest_at + rest_bytes], most=size)
    if len(skeleton) + grid.num_bytes != size:
        raise DamagedError(
            f"Expected a file of {size:,} bytes, got {len(skeleton):,} and {grid.num_bytes:,} of samples."
        )
    dtype = np.dtype(grid.dtype).newbyteorder("=")
    samples = unpack(payload[rest_at + rest_bytes :], (grid.height, grid.width, grid.bands), dtype)
    file = lower(samples, skeleton, grid)
    if google_crc32c.value(file) != crc:
        raise DamagedError("Expected the file that was packed, got other bytes.")
    return file
