"""The symbols that the beginning of a stream is sure to hold: for payloads that end too early.

Two decoders read the same words; behind the last one, one is told that only zeros follow, the other only ones. A range
coder's symbols follow the order of what it reads, so as long as both say the same, whatever really followed would say
it as well. From the first symbol on which they differ nothing is known.
"""

from __future__ import annotations

from typing import Any, Final

import constriction
import numpy as np
import numpy.typing as npt

from codec.entropy.range_coder import (
    Indices,
    RangeCoder,
    Symbols,
    parse_varints,
    parts_of,
    sorted_by_table,
)

_WORD: Final = 4
_BEHIND: Final = 8
"""Words that are made up: a decoder looks two ahead, and on the third the two have long differed."""


class PrefixStream:
    """Reads one image's symbols as far as they are known; all others are zero. Implements `SymbolStream`."""

    reads = True

    def __init__(self, coder: RangeCoder, words: bytes, escapes: bytes, *, wide_first: bool = False) -> None:
        """Begin.

        Args:
            coder: of the model that wrote the stream.
            words: as many as there are; a last one that is not whole is left out.
            escapes: all of them.
            wide_first: whether it was written so.
        Raises:
            BitstreamError: the escapes are damaged.
        """
        self._coder, self._wide_first = coder, wide_first
        whole = np.frombuffer(words[: len(words) // _WORD * _WORD], "<u4").astype(np.uint32)
        self._decoders = [
            constriction.stream.queue.RangeDecoder(np.concatenate((whole, np.full(_BEHIND, word, np.uint32))))
            for word in (0, 0xFFFFFFFF)
        ]
        self._escapes = parse_varints(escapes)
        self._goes_on = len(whole) > 0
        self.symbols_decoded = self.symbols_asked = 0
        """Symbols that were known, and all that were asked for; those that are always zero count in neither."""

    def group(self, wanted_Bn: Symbols | None, indices_Bn: Indices) -> Symbols:
        """The next group of one image, (1, n)."""
        places, counts = sorted_by_table(indices_Bn, wide_first=self._wide_first)
        found = self._found(counts)
        values_Bn = np.zeros(indices_Bn.shape, np.int16)
        values_Bn.ravel()[places[: len(found)]] = found
        self.symbols_decoded += len(found)
        self.symbols_asked += len(places)
        return values_Bn

    def _found(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Those symbols of a group, sorted by table, that are known."""
        parts = []
        for _, k, part in parts_of(counts, wide_first=self._wide_first):
            if not self._goes_on:
                break
            parts.append(self._agreed(self._coder.models[k], part.stop - part.start))
        reach = self._coder.reach_of(counts, wide_first=self._wide_first)
        found = np.concatenate([*parts, np.empty(0, np.int32)])
        return self._with_escapes(found - reach[: len(found)], reach[: len(found)])

    def _agreed(self, model: object, count: int) -> npt.NDArray[np.int32]:
        """The next symbols of one table, as far as both decoders say the same."""
        before = [decoder.clone() for decoder in self._decoders]
        try:
            low, high = (decoder.decode(model, count) for decoder in self._decoders)
        except (AssertionError, ValueError):  # somewhere among them no stream goes on so
            self._goes_on = False
            low, high = _one_by_one(before, model)
        differ = np.flatnonzero(low != high)
        if len(differ):
            self._goes_on = False
            low = low[: differ[0]]
        agreed: npt.NDArray[np.int32] = low.astype(np.int32)
        return agreed

    def _with_escapes(
        self, found: npt.NDArray[np.int32], reach: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.int32]:
        """Symbols that their table does not reach, as they were written aside; cut where one is missing."""
        escaped = np.flatnonzero(found > reach)
        there = escaped[: len(self._escapes)]
        found[there], self._escapes = self._escapes[: len(there)], self._escapes[len(there) :]
        if len(there) < len(escaped):
            self._goes_on = False
            found = found[: escaped[len(there)]]
        return found


def _one_by_one(decoders: list[Any], model: object) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """What both decoders say up to where they differ, or one of them cannot go on."""
    pairs: list[tuple[int, int]] = []
    while not pairs or pairs[-1][0] == pairs[-1][1]:
        try:
            low, high = (int(decoder.decode(model)) for decoder in decoders)
        except (AssertionError, ValueError):
            break
        pairs.append((low, high))
    both = np.array(pairs, np.int32).reshape(-1, 2)
    return both[:, 0], both[:, 1]
