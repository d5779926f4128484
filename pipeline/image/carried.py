"""What an image file holds beside its pixels, as the one blob that a shard stores: zstd over parts, one after another.

Each part is the length of its kind (2 bytes), the length of its data (8 bytes), the kind in UTF-8 and the data; lengths
are little-endian. Equal parts give equal bytes, so that a row group holds what many images share once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

import zstandard

from pipeline.errors import DamagedError
from pipeline.types import CarriedPart

_LENGTHS: Final = struct.Struct("<HQ")
_LEVEL: Final = 9
_MAX_BYTES: Final = 2**31
"""No row of a shard holds more."""


def pack_carried(parts: Iterable[CarriedPart]) -> bytes | None:
    """The parts as one blob; None when there is none."""
    pieces: list[bytes] = []
    for part in parts:
        kind = part.kind.encode()
        pieces += (_LENGTHS.pack(len(kind), len(part.data)), kind, part.data)
    return zstandard.ZstdCompressor(level=_LEVEL).compress(b"".join(pieces)) if pieces else None


def unpack_carried(blob: bytes | None) -> tuple[CarriedPart, ...]:
    """The parts of a blob, in their order; none for None.

    Raises:
        DamagedError: it is no such blob.
    """
    if blob is None:
        return ()
    try:
        size = zstandard.get_frame_parameters(blob).content_size
        if size > _MAX_BYTES:  # also where the size is unknown, which is 2**64 - 1
            raise DamagedError(f"Expected carried metadata of at most {_MAX_BYTES:,} bytes, got {size:,}.")
        plain = zstandard.ZstdDecompressor().decompress(blob)
        return tuple(_parts(plain))
    except (zstandard.ZstdError, struct.error, UnicodeDecodeError) as error:
        raise DamagedError(
            f"Expected the carried metadata of an image, got {len(blob):,} bytes of something else ({error}). "
            "Restore its shard from a copy, or compress the image again."
        ) from error


def _parts(plain: bytes) -> Iterable[CarriedPart]:
    at = 0
    while at < len(plain):
        kind_bytes, data_bytes = _LENGTHS.unpack_from(plain, at)
        at += _LENGTHS.size
        body = at + kind_bytes
        if body + data_bytes > len(plain):
            raise struct.error("a part runs past the end")
        yield CarriedPart(kind=plain[at:body].decode(), data=plain[body : body + data_bytes])
        at = body + data_bytes
