"""Where the symbols of a walk go: to streams, from streams, or only to sums.

Shape legend: B images that walk together, n symbols of a group of each.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from codec.entropy.range_coder import Indices, RangeCoder, SymbolDecoder, SymbolEncoder, Symbols
from codec.errors import BitstreamError

_LENGTH: Final = struct.Struct("<I")


class SymbolStream(Protocol):
    """What the symbols of a group go through, those of each image to or from a stream of its own."""

    @property
    def reads(self) -> bool:
        """Whether symbols come out of it; if not, they must be given."""
        ...

    def group(self, wanted_Bn: Symbols | None, indices_Bn: Indices) -> Symbols:
        """The symbols of one group, (B, n): those wanted, or those read."""
        ...


class SymbolWriter:
    """Encodes what is wanted."""

    reads = False

    def __init__(self, coder: RangeCoder, count: int = 1, *, wide_first: bool = False) -> None:
        """Begin a stream for each of so many images; wide tables come first in each group, or narrow ones."""
        self._encoder = SymbolEncoder(coder, count, wide_first=wide_first)
        self.crc32s = [0] * count
        """Of each image's symbols."""

    def group(self, wanted_Bn: Symbols | None, indices_Bn: Indices) -> Symbols:
        """Write a group."""
        assert wanted_Bn is not None
        self._encoder.encode(wanted_Bn, indices_Bn)
        self.crc32s = _crc32s(wanted_Bn, self.crc32s)
        return wanted_Bn

    def finish(self) -> list[tuple[bytes, bytes]]:
        """(range-coded words, escapes) of each image."""
        return self._encoder.finish()


class SymbolCounter:
    """Adds up what writing would take."""

    reads = False

    def __init__(self, coder: RangeCoder, count: int = 1) -> None:
        """Begin at nothing."""
        self._coder = coder
        self.bits_B = np.zeros(count)

    def group(self, wanted_Bn: Symbols | None, indices_Bn: Indices) -> Symbols:
        """Count a group."""
        assert wanted_Bn is not None
        self.bits_B += self._coder.cost_bits(wanted_Bn, indices_Bn)
        return wanted_Bn


class SymbolReader:
    """Decodes what was written."""

    reads = True

    def __init__(
        self,
        coder: RangeCoder,
        streams: Sequence[tuple[bytes, bytes]],
        *,
        wide_first: bool = False,
    ) -> None:
        """Begin at the start of each image's stream: (words, escapes), written so.

        Raises:
            BitstreamError: one is not whole.
        """
        self._decoder = SymbolDecoder(coder, streams, wide_first=wide_first)
        self.crc32s = [0] * len(streams)
        """Of each image's symbols."""

    def group(self, wanted_Bn: Symbols | None, indices_Bn: Indices) -> Symbols:
        """Read a group.

        Raises:
            BitstreamError: a stream does not hold it.
        """
        symbols_Bn = self._decoder.decode(indices_Bn)
        self.crc32s = _crc32s(symbols_Bn, self.crc32s)
        return symbols_Bn

    def finish(self) -> None:
        """Check that everything was read.

        Raises:
            BitstreamError: something is left over.
        """
        self._decoder.finish()


def join_streams(words: bytes, escapes: bytes) -> bytes:
    """Both parts of a finished stream as one: the length of the escapes, the escapes, the words."""
    return _LENGTH.pack(len(escapes)) + escapes + words


def split_streams(data: bytes) -> tuple[bytes, bytes]:
    """(words, escapes) of what `join_streams` gave.

    Raises:
        BitstreamError: it does not hold as much as it says.
    """
    if len(data) < _LENGTH.size:
        raise BitstreamError(f"expected {_LENGTH.size} bytes or more of symbols, got {len(data)}: truncated")
    (length,) = _LENGTH.unpack_from(data)
    begin = _LENGTH.size + length
    if begin > len(data):
        raise BitstreamError(
            f"a payload announces {length} bytes of escapes and has {len(data) - _LENGTH.size}: damaged"
        )
    return data[begin:], data[_LENGTH.size : begin]


def split_prefix(data: bytes) -> tuple[bytes, bytes]:
    """(words, escapes) of the beginning of what `join_streams` gave: none where the escapes, which come first, are not
    whole."""
    try:
        return split_streams(data)
    except BitstreamError:
        return b"", b""


def _crc32s(symbols_Bn: Symbols, before: Sequence[int]) -> list[int]:
    rows = symbols_Bn.astype("<i2", copy=False)
    return [zlib.crc32(row.tobytes(), crc32) for row, crc32 in zip(rows, before, strict=True)]
