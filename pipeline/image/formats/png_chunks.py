"""The chunks of a PNG file, one after another."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.errors import SourceError

SIGNATURE_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One chunk; offsets are bytes from the start of the file."""

    kind: bytes
    body: memoryview
    start: int
    end: int


def chunks(data: bytes) -> Iterator[Chunk]:
    """Each chunk up to the end of the image; every CRC is checked.

    Raises:
        SourceError: cut off, or no chunk begins where one should, or a CRC is wrong.
    """
    view = memoryview(data)
    at = SIGNATURE_BYTES
    kind = b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise SourceError(
                f"truncated PNG: cut off after {len(data):,} bytes, before the IEND chunk; "
                f"at least {at + 12 - len(data):,} bytes are missing"
            )
        length = int.from_bytes(view[at : at + 4], "big")
        previous, kind = kind, bytes(view[at + 4 : at + 8])
        is_first = previous in (b"", b"CgBI")
        if not (kind.isalpha() and kind.isascii()) or (
            is_first and kind != b"CgBI" and (kind, length) != (b"IHDR", 13)
        ):
            raise SourceError(f"damaged PNG: byte {at:,} should start a chunk and is {kind!r}")
        end = at + 12 + length
        if end > len(data):
            raise SourceError(
                f"truncated PNG: cut off after {len(data):,} bytes, inside the {kind.decode()} chunk; "
                f"at least {end - len(data):,} bytes are missing"
            )
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            chunk = f"{kind.decode()} chunk at byte {at:,}"
            raise SourceError(f"damaged PNG: the checksum of the {chunk} is wrong")
        yield Chunk(kind=kind, body=view[at + 8 : end - 4], start=at, end=end)
        at = end
