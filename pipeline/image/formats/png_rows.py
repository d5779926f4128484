"""How many bytes of rows a PNG's picture takes, and has."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from pipeline.errors import SourceError
from pipeline.image.formats.inflated import inflated
from pipeline.image.formats.png_chunks import chunks

_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""Of an interlaced picture: the first column and row, and the steps to the next ones."""


def check_rows(data: bytes) -> None:
    """Inflate the picture data, and count.

    Raises:
        SourceError: they end before the picture does.
    """
    expected, there, inflater = 0, 0, zlib.decompressobj()
    for chunk in chunks(data):
        if chunk.kind == b"IHDR":
            expected = _rows_bytes(bytes(chunk.body))
        elif chunk.kind == b"IDAT":
            there += sum(map(len, inflated(inflater, bytes(chunk.body))))
    if there < expected:
        raise SourceError(f"truncated PNG: {expected:,} bytes of rows are announced, {there:,} follow")


def _rows_bytes(ihdr: bytes) -> int:
    width, height, depth, colour, _, _, is_interlaced = struct.unpack(">IIBBBBB", ihdr)
    parts = _PASSES if is_interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in parts]
    return sum(
        rows * (1 + -(-columns * depth * _CHANNELS[colour] // 8))
        for columns, rows in sizes
        if columns > 0 and rows > 0
    )
