"""From bytes and what a deflater decided to its stream, bit for bit."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.packing.deflate_blocks import (
    DISTANCE_BASE,
    DISTANCE_EXTRA,
    END,
    LENGTH_BASE,
    LENGTH_EXTRA,
    BlockHead,
    codes,
    read_head,
)
from pipeline.packing.deflate_decisions import Decisions

Numbers = npt.NDArray[Any]
_PART_TOKENS: Final = 2**16


class _Bits:
    """A stream that grows at its end."""

    def __init__(self) -> None:
        self.done = bytearray()
        self.rest = 0
        self.rest_bits = 0

    def add(self, bits: int, count: int) -> None:
        """Append some bits, the lowest first."""
        self.rest |= bits << self.rest_bits
        self.rest_bits += count
        whole = self.rest_bits // 8
        self.done += (self.rest & (1 << 8 * whole) - 1).to_bytes(whole, "little")
        self.rest >>= 8 * whole
        self.rest_bits -= 8 * whole

    def add_many(self, values: Numbers, counts: Numbers) -> None:
        """Append numbers of up to 48 bits."""
        ends = self.rest_bits + np.cumsum(counts)
        starts = ends - counts
        words, shifts = starts >> 6, (starts & 63).astype(np.uint64)
        low = values.astype(np.uint64) << shifts
        first = np.flatnonzero(np.diff(words, prepend=-1))
        out = np.zeros(int(ends[-1] >> 6) + 2, "<u8")
        out[words[first]] = np.bitwise_or.reduceat(low, first)
        split = np.flatnonzero((starts & 63) + counts > 64)
        out[words[split] + 1] |= values[split].astype(np.uint64) >> (np.uint64(64) - shifts[split])
        out[0] |= np.uint64(self.rest)
        data = out.tobytes()
        whole = int(ends[-1]) // 8
        self.done += data[:whole]
        self.rest_bits = int(ends[-1]) % 8
        self.rest = data[whole] & (1 << self.rest_bits) - 1


def write(decisions: Decisions, data: Numbers) -> bytes:
    """The stream of these bytes (uint8).

    Args:
        decisions: about just these bytes, with all distances told.
    Raises:
        DamagedError: a block has no head.
    """
    bits = _Bits()
    match_at = np.cumsum(decisions.runs + 1, dtype=np.int64)
    match_at -= 1
    token, byte, head_at = 0, 0, 0
    for size, count in zip(decisions.head_bytes.tolist(), decisions.tokens.tolist(), strict=True):
        head_bits = int.from_bytes(decisions.heads[head_at : head_at + size], "little")
        head_at += size
        head = read_head(head_bits, bits.rest_bits)
        bits.add(head_bits & (1 << head.num_bits) - 1, head.num_bits)
        if head.stored_bytes is not None:
            bits.add(int.from_bytes(data[byte : byte + count].tobytes(), "little"), 8 * count)
            token, byte = token + count, byte + count
            continue
        block = _Codes(head)
        for start in range(token, token + count, _PART_TOKENS):
            stop = min(start + _PART_TOKENS, token + count)
            matches = slice(*np.searchsorted(match_at, [start, stop]).tolist())
            lengths, distances = (
                numbers[matches].astype(np.int64) for numbers in (decisions.lengths, decisions.distances)
            )
            byte = _part(bits, block, data, byte, stop - start, match_at[matches] - start, lengths, distances)
        token += count
        bits.add(int(block.literal[END]), int(block.literal_bits[END]))
    bits.add(0, -bits.rest_bits % 8)
    return bytes(bits.done)


class _Codes:
    """The codes of a block; a symbol without one has no bits."""

    def __init__(self, head: BlockHead) -> None:
        self.literal, self.literal_bits = _filled(head.literal_lengths, 288)
        self.distance, self.distance_bits = _filled(head.distance_lengths, 32)


def _filled(lengths: tuple[int, ...], size: int) -> tuple[Numbers, Numbers]:
    all_lengths = (*lengths, *[0] * (size - len(lengths)))
    return codes(all_lengths), np.array(all_lengths, np.int64)


def _part(
    bits: _Bits,
    block: _Codes,
    data: Numbers,
    byte: int,
    count: int,
    matches: Numbers,
    lengths: Numbers,
    distances: Numbers,
) -> int:
    """Write some tokens of a block; the byte after them."""
    taken = np.ones(count, np.int64)
    taken[matches] = lengths
    ends = byte + np.cumsum(taken)
    symbols = data[np.minimum(ends - taken, len(data) - 1)].astype(np.int64)
    length_codes = np.searchsorted(LENGTH_BASE, lengths, side="right") - 1
    symbols[matches] = END + 1 + length_codes
    values, counts = block.literal[symbols], block.literal_bits[symbols]
    distance_codes = np.searchsorted(DISTANCE_BASE, distances, side="right") - 1
    fields = (
        (lengths - LENGTH_BASE[length_codes], LENGTH_EXTRA[length_codes]),
        (block.distance[distance_codes], block.distance_bits[distance_codes]),
        (distances - DISTANCE_BASE[distance_codes], DISTANCE_EXTRA[distance_codes]),
    )
    for field, field_bits in fields:
        values[matches] |= field << counts[matches]
        counts[matches] += field_bits
    bits.add_many(values, counts)
    return int(ends[-1])
