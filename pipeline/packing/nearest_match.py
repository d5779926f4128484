"""Which of several equal strings a deflater points at: nearly always the nearest, whose way back is short.

Payloads rely on it: what it finds, and what it gives up, stays as it is.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]
FARTHEST: Final = 2**15
_PART: Final = 2**18
_HOPS: Final = 64
_WORD: Final = 8
_PLACE_BITS: Final = 20
_MOST_WORK: Final = 4
"""Words looked at per byte of the data, on average over a part; what is not found by then has no guess."""


def nearest(data: Numbers, places: Numbers, lengths: Numbers) -> Numbers:
    """How far before each place the same bytes lie; 0 where they are not found soon.

    Args:
        data: uint8.
        places: ascending; `lengths` bytes from each on lie within the data.
        lengths: of at least 3 bytes each.
    """
    found = np.zeros(len(places), np.int32)
    for start in range(0, len(data), _PART):
        which = slice(*np.searchsorted(places, [start, start + _PART]).tolist())
        if which.start == which.stop:
            continue
        first = max(0, start - FARTHEST)
        part = data[first : start + _PART + 258]
        found[which] = _in_part(part, places[which] - first, lengths[which])
    return found


def _in_part(data: Numbers, places: Numbers, lengths: Numbers) -> Numbers:
    before, words = _before(data), _words(data)
    found = np.zeros(len(places), np.int64)
    open_, candidates = np.arange(len(places)), places
    work = 0
    for _ in range(_HOPS):
        candidates = before[candidates]
        is_near = (candidates >= 0) & (places[open_] - candidates <= FARTHEST)
        open_, candidates = open_[is_near], candidates[is_near]
        is_same, looked = _same(words, candidates, places[open_], lengths[open_])
        found[open_[is_same]] = places[open_[is_same]] - candidates[is_same]
        open_, candidates = open_[~is_same], candidates[~is_same]
        work += looked
        if not len(open_) or work > _MOST_WORK * len(data):
            break
    return found


def _before(data: Numbers) -> Numbers:
    """For each place the last one before it with the same three bytes; -1 where there is none."""
    wide = data.astype(np.uint32)
    keys = wide[:-2] | wide[1:-1] << np.uint32(8) | wide[2:] << np.uint32(16)
    numbered = np.sort(keys.astype(np.int64) << _PLACE_BITS | np.arange(len(keys)))
    in_order, order = numbered >> _PLACE_BITS, numbered & (1 << _PLACE_BITS) - 1
    before = np.full(len(keys), -1, np.int64)
    is_same = in_order[1:] == in_order[:-1]
    before[order[1:][is_same]] = order[:-1][is_same]
    return before


def _same(words: Numbers, ones: Numbers, others: Numbers, lengths: Numbers) -> tuple[Numbers, int]:
    """Whether as many bytes are the same, and how many words of eight were looked at."""
    is_same = np.ones(len(ones), np.bool_)
    left, looked, at = np.arange(len(ones)), 0, 0
    while len(left):
        looked += len(left)
        spare = np.clip(_WORD - (lengths[left] - at), 0, _WORD - 1).astype(np.uint64)
        differing = (words[ones[left] + at] ^ words[others[left] + at]) << spare * np.uint64(8)
        is_same[left[differing != 0]] = False
        at += _WORD
        left = left[(differing == 0) & (lengths[left] > at)]
    return is_same, looked


def _words(data: Numbers) -> Numbers:
    """The eight bytes from each place on, the first one lowest."""
    padded = np.append(data, np.zeros(_WORD, np.uint8))
    return np.ndarray((len(data),), "<u8", buffer=padded.tobytes(), strides=(1,))
