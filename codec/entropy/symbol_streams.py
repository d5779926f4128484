"""Where the symbols of a walk go: to a stream, from a stream, or only to a sum."""

from __future__ import annotations

import struct
import zlib
from typing import Final, Protocol

from codec.entropy.range_coder import Indices, RangeCoder, SymbolDecoder, SymbolEncoder, Symbols
from codec.errors import BitstreamError

_LENGTH: Final = struct.Struct("<I")


class SymbolStream(Protocol):
    """What the symbols of a group go through."""

    @property
    def reads(self) -> bool:
        """Whether symbols come out of it; if not, they must be given."""
        ...

    def group(self, wanted: Symbols | None, indices: Indices) -> Symbols:
        """The symbols of one group, (n,): those wanted, or those read."""
        ...


class SymbolWriter:
    """Encodes what is wanted."""

    reads = False

    def __init__(self, coder: RangeCoder) -> None:
        """Begin a stream."""
        self._encoder = SymbolEncoder(coder)
        self.crc32 = 0

    def group(self, wanted: Symbols | None, indices: Indices) -> Symbols:
        """Write a group."""
        assert wanted is not None
        self._encoder.encode(wanted, indices)
        self.crc32 = _crc32(wanted, self.crc32)
        return wanted

    def finish(self) -> tuple[bytes, bytes]:
        """(range-coded words, escapes)."""
        return self._encoder.finish()


class SymbolCounter:
    """Adds up what writing would take."""

    reads = False

    def __init__(self, coder: RangeCoder) -> None:
        """Begin at nothing."""
        self._coder = coder
        self.bits = 0.0

    def group(self, wanted: Symbols | None, indices: Indices) -> Symbols:
        """Count a group."""
        assert wanted is not None
        self.bits += self._coder.cost_bits(wanted, indices)
        return wanted


class SymbolReader:
    """Decodes what was written."""

    reads = True

    def __init__(self, coder: RangeCoder, words: bytes, escapes: bytes) -> None:
        """Begin at the start of a stream.

        Raises:
            BitstreamError: it is not whole.
        """
        self._decoder = SymbolDecoder(coder, words, escapes)
        self.crc32 = 0

    def group(self, wanted: Symbols | None, indices: Indices) -> Symbols:
        """Read a group.

        Raises:
            BitstreamError: the stream does not hold it.
        """
        symbols = self._decoder.decode(indices)
        self.crc32 = _crc32(symbols, self.crc32)
        return symbols

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


def _crc32(symbols: Symbols, before: int) -> int:
    return zlib.crc32(symbols.astype("<i2", copy=False).tobytes(), before)
