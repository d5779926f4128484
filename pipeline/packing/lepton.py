"""Packing `lepton`: a JPEG file with its Huffman codes replaced by better ones, by the library of that name.

It gives back the very bytes, whatever surrounds the picture: metadata, restart markers, padding, a trailer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

import lepton_jpeg_python

from pipeline.errors import DamagedError

_JPEG: Final = b"\xff\xd8\xff"
_MAGIC: Final = b"\xcf\x84"
_SIZE_AT: Final = 20
"""Of the header's field that says how long the JPEG file is."""
_MOST_BYTES: Final = 128 * 10**6
"""What the library takes."""


def is_jpeg(data: bytes) -> bool:
    """Whether a file begins as JPEG files do."""
    return data.startswith(_JPEG)


def pack(data: bytes) -> bytes | None:
    """The packed file; None for what is no JPEG file, or one that the library refuses (CMYK, arithmetic coding)."""
    if not is_jpeg(data) or len(data) >= _MOST_BYTES:
        return None
    try:
        return _called(lepton_jpeg_python.compress_bytes, data)
    except RuntimeError:
        return None


def unpack(payload: bytes, size: int) -> bytes:
    """Undo `pack`.

    Args:
        size: bytes of the file, known from its row.
    Raises:
        DamagedError: it is no packed JPEG file of that size.
    """
    said = struct.unpack_from("<I", payload, _SIZE_AT)[0] if len(payload) > _SIZE_AT + 4 else 0
    if not payload.startswith(_MAGIC) or said != size:
        raise DamagedError(
            f"Expected a Lepton payload of {size:,} bytes of JPEG, got one that says {said:,}."
        )
    try:
        return _called(lepton_jpeg_python.decompress_bytes, payload)
    except RuntimeError as error:
        first_line = str(error).partition("\n")[0]
        raise DamagedError(
            f"Expected a Lepton payload, got one that does not unpack: {first_line}."
        ) from error


def _called(function: Callable[[bytes], bytes], data: bytes) -> bytes:
    """A panic of the library, which is no `Exception`, becomes one."""
    try:
        return bytes(function(data))
    except (Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise RuntimeError(f"the library gave up: {error}") from error
