"""Deflated data, inflated piece by piece: to be counted or looked at, never held whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

PIECE: Final = 2**20
"""Bytes of the longest piece."""


def inflated(inflater: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What some data inflate to, until they or the stream end.

    Args:
        inflater: goes on where earlier data left it.
    Raises:
        zlib.error: they are not deflated data.
    """
    is_full = False  # of a full piece the inflater may hold more, though it has taken all data
    while (data or is_full) and not inflater.eof:
        piece = inflater.decompress(data, PIECE)
        yield piece
        data, is_full = inflater.unconsumed_tail, len(piece) == PIECE
