"""Where the symbols of a walk go: to a stream, from a stream, or only to a sum."""

from __future__ import annotations

import zlib
from typing import Protocol

from codec.entropy.range_coder import Indices, RangeCoder, SymbolDecoder, SymbolEncoder, Symbols


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


def _crc32(symbols: Symbols, before: int) -> int:
    return zlib.crc32(symbols.astype("<i2", copy=False).tobytes(), before)
