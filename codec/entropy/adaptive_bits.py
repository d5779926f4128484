"""Bits <-> bytes: an adaptive binary range coder. Every bit has a context, and every context learns as it goes.

A context is a pair of counts, of zeros and of ones. They begin with what a stored table says, and grow by what was
coded: encoder and decoder count the same bits, so that a chance is a quotient of integers, the same on every machine.
Bits come in groups, and contexts learn after each group: that is what lets a whole group be coded in one call.
"""

from __future__ import annotations

from typing import Any, Final

import constriction
import numpy as np
import numpy.typing as npt

from codec.errors import BitstreamError

Bits = npt.NDArray[np.bool_]
Contexts = npt.NDArray[np.integer[Any]]
Counts = npt.NDArray[np.uint8]
"""(contexts, 2): zeros and ones that a context begins with, each at least 1."""

MOST_COUNTED: Final = 1 << 10
"""A context that has counted more than this halves its counts: what is long ago weighs less."""
LARGEST_BEGINNING: Final = 160
"""Counts that a stored table gives a context together, about: more would be slow to forget."""
_ONE: Final = 1 << 16
_LEAST: Final = 24
"""Chances lie between this and `_ONE` less this: the likeliest bit costs half a thousandth of itself."""
_WORD: Final = 4
"""Bytes of what the range coder writes at a time."""
_UNSEEN: Final = 0.4
"""Counted of both bits in every context beforehand: a sample that lacks one does not say that it never comes."""


class BitContexts:
    """Counts of all contexts of one stream. Only those that a group has are touched: most groups are small."""

    def __init__(self, begin: Counts) -> None:
        """Begin with a stored table."""
        self._zeros_N, self._ones_N = (begin[:, bit].astype(np.int32) for bit in (0, 1))

    def chances_of_one(self, contexts_n: Contexts) -> npt.NDArray[np.float64]:
        """What each bit is expected to be: multiples of 1 / 65536, which a float64 holds exactly."""
        ones_n = self._ones_N[contexts_n]
        chances_n = ones_n * np.int32(_ONE) // (ones_n + self._zeros_N[contexts_n])
        return np.clip(chances_n, _LEAST, _ONE - _LEAST) / _ONE

    def learn(self, bits_n: Bits, contexts_n: Contexts) -> None:
        """Count a group."""
        np.add.at(self._ones_N, contexts_n[bits_n], 1)
        np.add.at(self._zeros_N, contexts_n[~bits_n], 1)
        full = contexts_n
        while len(full := full[self._zeros_N[full] + self._ones_N[full] > MOST_COUNTED]):
            full = np.unique(full)
            self._zeros_N[full] = (self._zeros_N[full] + 1) // 2
            self._ones_N[full] = (self._ones_N[full] + 1) // 2


class BitWriter:
    """Writes groups of bits to segments of bytes, one after the other; contexts go on from one to the next."""

    def __init__(self, begin: Counts) -> None:
        """Begin a first segment."""
        self._contexts = BitContexts(begin)
        self._range = constriction.stream.queue.RangeEncoder()

    def group(self, wanted_n: Bits | None, contexts_n: Contexts) -> Bits:
        """Append a group."""
        assert wanted_n is not None
        if len(wanted_n):
            chances_n = self._contexts.chances_of_one(contexts_n)
            self._range.encode(wanted_n.astype(np.int32), _bernoulli(), chances_n)
            self._contexts.learn(wanted_n, contexts_n)
        return wanted_n

    def end_segment(self) -> bytes:
        """The bytes of what was written since the last segment."""
        words: npt.NDArray[np.uint32] = self._range.get_compressed().astype("<u4")
        self._range = constriction.stream.queue.RangeEncoder()
        return words.tobytes()


class BitReader:
    """Reads groups in the order in which they were written."""

    def __init__(self, begin: Counts) -> None:
        """Begin before the first segment."""
        self._contexts = BitContexts(begin)
        self._range = constriction.stream.queue.RangeDecoder(np.empty(0, np.uint32))

    def begin_segment(self, data: bytes) -> None:
        """Go on with the next segment.

        Raises:
            BitstreamError: its words are not whole.
        """
        if len(data) % _WORD:
            raise BitstreamError(
                f"expected range-coded words of {_WORD} bytes, got {len(data)} bytes: damaged"
            )
        self._range = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))

    def group(self, wanted_n: Bits | None, contexts_n: Contexts) -> Bits:
        """Read a group.

        Raises:
            BitstreamError: the segment does not hold it.
        """
        if not len(contexts_n):
            return np.empty(0, np.bool_)
        chances_n = self._contexts.chances_of_one(contexts_n)
        try:
            bits_n: Bits = self._range.decode(_bernoulli(), chances_n).astype(np.bool_)
        except (AssertionError, ValueError) as error:
            raise BitstreamError(f"the range-coded bits are damaged: {error}") from error
        self._contexts.learn(bits_n, contexts_n)
        return bits_n

    def end_segment(self) -> None:
        """Check that the segment was read to its end.

        Raises:
            BitstreamError: words are left over.
        """
        if not self._range.maybe_exhausted():
            raise BitstreamError("range-coded words are left over: damaged")


class BitTally:
    """Counts bits by context: what a stored table is made of."""

    def __init__(self, contexts: int) -> None:
        """Begin at nothing."""
        self.counts_N2 = np.zeros((contexts, 2), np.int64)

    def group(self, wanted_n: Bits | None, contexts_n: Contexts) -> Bits:
        """Count a group."""
        assert wanted_n is not None
        found = np.bincount(2 * contexts_n.astype(np.int64) + wanted_n, minlength=self.counts_N2.size)
        self.counts_N2 += found.reshape(-1, 2)
        return wanted_n

    def table(self) -> Counts:
        """Counts to begin with: those found, scaled down to what a context may be sure of before it has seen a bit."""
        counts_N2 = self.counts_N2 + _UNSEEN
        scale_N1 = np.minimum(1.0, LARGEST_BEGINNING / counts_N2.sum(1, keepdims=True))
        table: Counts = np.clip(np.rint(counts_N2 * scale_N1), 1, 255).astype(np.uint8)
        return table


def _bernoulli() -> Any:
    """A bit whose chance comes with it."""
    return constriction.stream.model.Bernoulli(perfect=False)
