"""What a deflater decided beside the bytes that it was given: where blocks end, which codes they use, and which bytes
it told as repetitions. With these, the same stream can be written without knowing which program wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.errors import DamagedError
from pipeline.packing.nearest_match import FARTHEST, nearest

Numbers = npt.NDArray[Any]
_SHORTEST: Final = 3
_MOST: Final = 2**31 - 1
_SAME: Final = 0xFFFF
"""Stands for a distance that is guessed right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Of one stream."""

    heads: bytes
    """The heads of its blocks as they stand in the stream, each from a byte's start on."""
    head_bytes: Numbers
    """Of each block."""
    tokens: Numbers
    """Of each block: bytes and matches, without its end."""
    runs: Numbers
    """Before each match: how many bytes stand for themselves since the last one."""
    lengths: Numbers
    """Of each match, 3 to 258."""
    distances: Numbers
    """Of each match: how far back the same bytes are, 1 to 32,768; 0 where `nearest_match` says it."""

    @property
    def num_bytes(self) -> int:
        """What the stream inflates to."""
        return int(self.tokens.sum(dtype=np.int64) - len(self.lengths) + self.lengths.sum(dtype=np.int64))


def without_guesses(decisions: Decisions, data: Numbers) -> Decisions:
    """With 0 for each distance that follows from the bytes, which is nearly all of them."""
    is_same = _guesses(decisions, data) == decisions.distances
    return replace(decisions, distances=np.where(is_same, np.int32(0), decisions.distances))


def with_guesses(decisions: Decisions, data: Numbers) -> Decisions:
    """Undo `without_guesses`.

    Raises:
        DamagedError: the decisions are of other data.
    """
    if decisions.num_bytes != len(data):
        raise DamagedError(
            f"Expected decisions about {len(data):,} bytes, got some about {decisions.num_bytes:,}."
        )
    if decisions.runs.sum(dtype=np.int64) + decisions.lengths.sum(dtype=np.int64) > len(data):
        raise DamagedError(f"Expected matches within {len(data):,} bytes, got some beyond.")
    distances = np.where(decisions.distances == 0, _guesses(decisions, data), decisions.distances)
    if len(distances) and not 0 < distances.min() <= distances.max() <= FARTHEST:
        raise DamagedError("Expected matches of bytes that came before, got others.")
    return replace(decisions, distances=distances)


def _guesses(decisions: Decisions, data: Numbers) -> Numbers:
    places = np.cumsum(decisions.runs + decisions.lengths, dtype=np.int64)
    places -= decisions.lengths
    return nearest(data, places, decisions.lengths)


def columns(streams: Sequence[Decisions]) -> list[bytes]:
    """All streams as columns of bytes of one sort each."""
    counts = np.array([[len(one.tokens), len(one.runs)] for one in streams]).reshape(-1, 2)
    runs, lengths, distances, tokens, head_bytes = (
        np.concatenate([getattr(one, name) for one in streams])
        for name in ("runs", "lengths", "distances", "tokens", "head_bytes")
    )
    return [
        _planes(counts.ravel(), 4),
        b"".join(one.heads for one in streams),
        _planes(head_bytes, 2),
        _planes(tokens, 4),
        _planes(runs, 4),
        _planes(lengths - _SHORTEST, 1),
        _planes((distances - 1) & _SAME, 2),
    ]


NUM_COLUMNS: Final = 7


def from_columns(given: Sequence[bytes]) -> list[Decisions]:
    """Undo `columns`.

    Raises:
        DamagedError: they do not fit each other.
    """
    sizes = (4, 1, 2, 4, 4, 1, 2)
    if any(len(column) % size for column, size in zip(given, sizes, strict=True)):
        raise DamagedError("Expected columns of whole numbers, got parts of some.")
    counts, head_bytes, tokens, runs, lengths, distances = (
        _numbers(given[index], sizes[index]) for index in (0, 2, 3, 4, 5, 6)
    )
    ends = np.cumsum(np.vstack([[0, 0], counts.reshape(-1, 2)]), axis=0, dtype=np.int64)
    starts = np.cumsum(np.append(0, head_bytes), dtype=np.int64)
    matches = {len(runs), len(lengths), len(distances), ends[-1, 1]}
    if len(matches) > 1 or not len(tokens) == len(head_bytes) == ends[-1, 0] or starts[-1] != len(given[1]):
        raise DamagedError("Expected columns of one length, got several.")
    return [
        Decisions(
            heads=given[1][starts[block] : starts[next_block]],
            head_bytes=head_bytes[block:next_block],
            tokens=tokens[block:next_block],
            runs=runs[match:next_match],
            lengths=lengths[match:next_match] + _SHORTEST,
            distances=distances[match:next_match] + 1 & _SAME,
        )
        for (block, match), (next_block, next_match) in pairwise(ends.tolist())
    ]


def _planes(numbers: Numbers, size: int) -> bytes:
    """All lowest bytes, then all second ones, and so on: the higher ones are mostly alike."""
    little = numbers.astype(f"<u{size}")
    return np.ascontiguousarray(little.view(np.uint8).reshape(-1, size).T).tobytes()


def _numbers(planes: bytes, size: int) -> Numbers:
    of_numbers = np.ascontiguousarray(np.frombuffer(planes, np.uint8).reshape(size, -1).T)
    numbers = of_numbers.view(f"<u{size}").ravel()
    if len(numbers) and numbers.max() > _MOST:
        raise DamagedError(f"Expected numbers up to {_MOST:,}, got {numbers.max():,}.")
    return numbers.astype(np.int32)
