"""Which colours the samples of a BMP file stand for, as far as its header tells it (version 4 and 5)."""

from __future__ import annotations

import struct
from typing import Final

_COLOURS_AT, _PROFILE_AT = 70, 126
"""Bytes from the start of the file: the kind of colours, and where the profile lies."""
_FILE_HEADER_BYTES: Final = 14
_CALIBRATED, _LINKED, _EMBEDDED = b"\x00\x00\x00\x00", b"KNIL", b"DEBM"
_PLAIN: Final = (b"BGRs", b" niW")
"""sRGB, and the default of the system, which is sRGB."""
_SRGB_ENDPOINTS: Final = (0.64, 0.33, 0.03, 0.30, 0.60, 0.10, 0.15, 0.06, 0.79)
_ENDPOINT_TOLERANCE: Final = 0.01
_GAMMAS: Final = ((0.41, 0.5), (2.0, 2.45))
"""What passes for the gamma of sRGB: programs write it, or its inverse."""


def embedded_profile(data: bytes, header_end: int) -> tuple[int, int] | None:
    """(start, end) of the profile in the file; None when there is none."""
    if header_end < _PROFILE_AT + 8 or data[_COLOURS_AT : _COLOURS_AT + 4] != _EMBEDDED:
        return None
    offset, num_bytes = struct.unpack_from("<II", data, _PROFILE_AT)
    start = _FILE_HEADER_BYTES + offset
    return (start, start + num_bytes) if num_bytes and start + num_bytes <= len(data) else None


def colours_reason(data: bytes, header_end: int) -> str | None:
    """Why the samples are no sRGB and no profile in the file says so; None when they may pass for sRGB, or one does."""
    if header_end < _COLOURS_AT + 52:
        return None
    kind = data[_COLOURS_AT : _COLOURS_AT + 4]
    if kind == _EMBEDDED:
        return (
            None if embedded_profile(data, header_end) else "a colour profile that is not where it should be"
        )
    if kind == _LINKED:
        return "colours of a profile that lies outside the file"
    if kind in _PLAIN:
        return None
    if kind != _CALIBRATED:
        return f"colours of an unknown kind ({kind!r})"
    numbers = struct.unpack_from("<12I", data, _COLOURS_AT + 4)
    points = [number / 2**30 for number in numbers[:9]]
    gammas = [number / 2**16 for number in numbers[9:]]
    has_points = any(points)
    are_points_odd = has_points and any(
        abs(is_ - srgb) > _ENDPOINT_TOLERANCE for is_, srgb in zip(points, _SRGB_ENDPOINTS, strict=True)
    )
    are_gammas_odd = any(gamma and not any(low < gamma < high for low, high in _GAMMAS) for gamma in gammas)
    return "colours that only its header describes" if are_points_odd or are_gammas_odd else None
