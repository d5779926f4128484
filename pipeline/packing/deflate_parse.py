"""From a deflate stream to what its deflater decided. Where each of a stream's codes starts is known only when the one
before it is; so all places of a part are looked up at once as if a code started there, and then the chain is followed.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.errors import DamagedError
from pipeline.packing.deflate_blocks import (
    CODE_BITS,
    DISTANCE_BASE,
    DISTANCE_EXTRA,
    END,
    LENGTH_BASE,
    LENGTH_EXTRA,
    MOST_HEADER_BYTES,
    BlockHead,
    lookup_table,
    read_head,
)
from pipeline.packing.deflate_decisions import Decisions

Numbers = npt.NDArray[Any]
_PART_BYTES: Final = 8192
_OVERLAP: Final = 16
"""Bytes beyond a part that its last code may reach, and where the stream is filled up with zeros."""
_LEAST_BLOCK_BYTES: Final = 256
"""On average: smaller blocks take too long."""
_LONGEST_STEP: Final = 48
"""Bits of a match."""
_DOUBLINGS: Final = 5
_FREE_BLOCKS: Final = 64


class _Tokens:
    """What is found, in lists that become arrays at the end."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.tokens: list[int] = []
        self.runs: list[Numbers] = []
        self.lengths: list[Numbers] = []
        self.distances: list[Numbers] = []
        self.literals = 0

    def add(self, count: int, matches: Numbers, lengths: Numbers, distances: Numbers) -> None:
        """Take tokens, of which those with the indices `matches` are no bytes."""
        self.tokens[-1] += count
        if not len(matches):
            self.literals += count
            return
        runs = np.diff(matches, prepend=-1) - 1
        runs[0] += self.literals
        self.literals = count - 1 - int(matches[-1])
        self.runs.append(runs.astype(np.int32))
        self.lengths.append(lengths.astype(np.int32))
        self.distances.append(distances.astype(np.int32))

    def decisions(self) -> Decisions:
        """All of it."""
        nothing = np.empty(0, np.int32)
        return Decisions(
            heads=b"".join(self.heads),
            head_bytes=np.array([len(head) for head in self.heads], np.int64),
            tokens=np.array(self.tokens, np.int64),
            runs=np.concatenate([nothing, *self.runs]),
            lengths=np.concatenate([nothing, *self.lengths]),
            distances=np.concatenate([nothing, *self.distances]),
        )


def parse(stream: bytes, *, most: int | None = None) -> Decisions:
    """What the deflater decided.

    Args:
        most: bytes of the stream to look at; blocks that go on after them are told as if they ended there.
    Raises:
        DamagedError: it is no deflate stream, is cut off, or has very many small blocks.
    """
    padded = np.frombuffer(stream + bytes(_OVERLAP), np.uint8)
    limit = 8 * len(stream)
    stop = limit if most is None else min(limit, 8 * most)
    found = _Tokens()
    at = 0
    while at < stop:
        if len(found.heads) > most_blocks(at // 8):
            raise DamagedError(
                f"Expected blocks of some length, got {len(found.heads)} in {at // 8:,} bytes."
            )
        first = at // 8
        bits = int.from_bytes(stream[first : first + MOST_HEADER_BYTES + 1], "little") >> at % 8
        head = read_head(bits, at % 8)
        size = -(-head.num_bits // 8)
        found.heads.append((bits & (1 << head.num_bits) - 1).to_bytes(size, "little"))
        found.tokens.append(0)
        at = _through(padded, at + head.num_bits, head, stop, found)
        if head.is_last:
            break
    else:
        if stop == limit:
            raise DamagedError("Expected the end of a deflate stream, got none.")
    if at > limit:
        raise DamagedError(f"Expected {at // 8:,} bytes of a deflate stream, got {len(stream):,}.")
    return found.decisions()


def most_blocks(num_bytes: int) -> int:
    """As many as a stream of that length may have."""
    return _FREE_BLOCKS + num_bytes // _LEAST_BLOCK_BYTES


def _through(padded: Numbers, at: int, head: BlockHead, stop: int, found: _Tokens) -> int:
    """The place after a block's body."""
    if head.stored_bytes is not None:
        nothing = np.empty(0, np.int64)
        found.add(head.stored_bytes, nothing, nothing, nothing)
        return at + 8 * head.stored_bytes
    literal, distance = lookup_table(head.literal_lengths), lookup_table(head.distance_lengths)
    is_ended = False
    while not is_ended and at < stop:
        at, is_ended = _part(padded, at, literal, distance, found)
    return at


def _part(padded: Numbers, at: int, literal: Numbers, distance: Numbers, found: _Tokens) -> tuple[int, bool]:
    first = at // 8
    windows = _windows(padded[first : first + _PART_BYTES + _OVERLAP])
    entries = literal[windows[: -8 * (_OVERLAP - 2)]]
    steps = (entries & 15).astype(np.uint8)
    matches = np.flatnonzero(entries >= (END + 1) * 16)
    length_codes = np.minimum((entries[matches] >> 4) - END - 1, len(LENGTH_EXTRA) - 1)
    distance_at = matches + steps[matches] + LENGTH_EXTRA[length_codes]
    distances = distance[windows[distance_at]]
    distance_codes = np.minimum(distances >> 4, len(DISTANCE_EXTRA) - 1)
    after = distance_at + (distances & 15) + DISTANCE_EXTRA[distance_codes]
    steps[matches] = np.where(distances == 0, 0, after - matches)
    steps[(entries >> 4) == END] = 0
    places, end = _chain(steps, at - 8 * first)
    is_ended = end < len(steps) and steps[end] == 0
    if is_ended:
        if entries[end] >> 4 != END:
            raise DamagedError("Expected a code of a deflate stream, got other bits.")
        end_at = end + int(entries[end] & 15)
    else:
        end_at = end
    is_match = entries[places] >= (END + 1) * 16
    which = np.searchsorted(matches, places[is_match])
    length_extra = _extra(
        windows, distance_at[which] - LENGTH_EXTRA[length_codes[which]], LENGTH_EXTRA[length_codes[which]]
    )
    extra_bits = DISTANCE_EXTRA[distance_codes[which]]
    distance_extra = _extra(windows, after[which] - extra_bits, extra_bits)
    found.add(
        len(places),
        np.flatnonzero(is_match),
        LENGTH_BASE[length_codes[which]] + length_extra,
        DISTANCE_BASE[distance_codes[which]] + distance_extra,
    )
    return 8 * first + end_at, is_ended


def _windows(part: Numbers) -> Numbers:
    """The 15 bits from every bit of a part on."""
    wide = part.astype(np.uint32)
    three = wide[:-2] | wide[1:-1] << np.uint32(8) | wide[2:] << np.uint32(16)
    return np.asarray((three[:, None] >> np.arange(8, dtype=np.uint32) & np.uint32(2**CODE_BITS - 1)).ravel())


def _extra(windows: Numbers, at: Numbers, count: Numbers) -> Numbers:
    return np.asarray(windows[at] & (1 << count) - 1)


def _chain(steps: Numbers, at: int) -> tuple[Numbers, int]:
    """The places of the codes of a part, and the place of the first that ends it or lies after it.

    The place after 32 codes is looked up for all places at once, so that the one loop takes every 32nd.
    """
    after = np.arange(len(steps) + _LONGEST_STEP, dtype=np.int32)
    after[: len(steps)] += steps
    after_many = after
    for _ in range(_DOUBLINGS):
        after_many = after_many[after_many]
    many = after_many.data
    every = []
    while (following := many[at]) != at:
        every.append(at)
        at = following
    places = np.empty((len(every), 2**_DOUBLINGS), np.int32)
    here = np.array(every, np.int32)
    for column in range(2**_DOUBLINGS):
        places[:, column] = here
        here = after[here]
    flat = places.ravel()
    return flat[: len(flat) - np.count_nonzero(flat[-(2**_DOUBLINGS) :] == at)], at
