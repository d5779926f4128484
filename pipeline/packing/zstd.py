"""Packing `zstd`: a file as one Zstandard frame, which says how long the file is."""

from __future__ import annotations

from typing import Final

import zstandard

from pipeline.errors import DamagedError

_LEVEL: Final = 9
"""Level 19 takes ten times as long for some 2 % of the bytes."""
_SLICES: Final = 16
_SLICE_BYTES: Final = 16 * 2**10


def pack(data: bytes) -> bytes | None:
    """The frame; None for bytes that are pressed already, of which some slices tell."""
    return compressed(data) if _is_pressable(data) else None


def unpack(payload: bytes, size: int) -> bytes:
    """Undo `pack`.

    Args:
        size: bytes of the file, known from its row; no more memory is taken.
    Raises:
        DamagedError: it is not such a frame, or holds another number of bytes.
    """
    return expanded(payload, most=size)


def compressed(data: bytes) -> bytes:
    """One frame of any bytes."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def expanded(frame: bytes, *, most: int) -> bytes:
    """Undo `compressed`.

    Raises:
        DamagedError: it is no such frame, or says that it holds more than `most` bytes.
    """
    try:
        size = zstandard.get_frame_parameters(frame).content_size
        if size > most:  # also where the size is unknown, which is 2**64 - 1
            raise DamagedError(f"Expected a Zstandard frame of at most {most:,} bytes, got one of {size:,}.")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise DamagedError(
            f"Expected a Zstandard frame, got {len(frame):,} bytes of something else: {error}."
        ) from error


def _is_pressable(data: bytes) -> bool:
    step = max(len(data) // _SLICES, _SLICE_BYTES)
    slices = [data[at : at + _SLICE_BYTES] for at in range(0, len(data), step)]
    fast = zstandard.ZstdCompressor(level=1)
    return sum(len(fast.compress(one)) for one in slices) < 0.98 * sum(map(len, slices))
