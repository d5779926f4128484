"""What a block of a deflate stream (RFC 1951) begins with, and the codes that it names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.errors import DamagedError

Numbers = npt.NDArray[Any]
CODE_BITS: Final = 15
"""No code is longer."""
END: Final = 256
"""The symbol that ends a block; smaller ones are bytes, larger ones lengths of matches."""
MOST_HEADER_BYTES: Final = 576
"""What a header can take: 17 bits, 19 lengths of 3 bits, and 316 of 14 bits."""
LENGTH_EXTRA: Final = np.array([0] * 8 + [n for n in range(1, 6) for _ in range(4)] + [0], np.int64)
LENGTH_BASE: Final = np.append(3 + np.cumsum(2 ** LENGTH_EXTRA[:-1]) - 2 ** LENGTH_EXTRA[:-1], 258)
DISTANCE_EXTRA: Final = np.array([0, 0] + [n for n in range(14) for _ in range(2)], np.int64)
DISTANCE_BASE: Final = 1 + np.cumsum(2**DISTANCE_EXTRA) - 2**DISTANCE_EXTRA
_ORDER: Final = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
_REPEATS: Final = {16: (2, 3), 17: (3, 3), 18: (7, 11)}
"""Of the symbols of code lengths that repeat: how many bits say how often, and the least."""
_FIXED: Final = ([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8, [5] * 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHead:
    """The bits before a block's body."""

    num_bits: int
    is_last: bool
    stored_bytes: int | None
    """Of a block that is not pressed."""
    literal_lengths: tuple[int, ...]
    """Bits of the code of each byte, of the end and of each length."""
    distance_lengths: tuple[int, ...]


def read_head(bits: int, at: int) -> BlockHead:
    """The head of a block.

    Args:
        bits: those of the stream from its start on, the first one lowest; zeros where it has ended.
        at: where the block starts in its byte, 0 to 7: a stored block is padded to a whole byte.
    Raises:
        DamagedError: it is none.
    """
    is_last, kind = bool(bits & 1), bits >> 1 & 3
    if kind == 0:
        start = 3 + -(at + 3) % 8
        num_bytes, check = bits >> start & 0xFFFF, bits >> start + 16 & 0xFFFF
        if num_bytes ^ check != 0xFFFF:
            raise DamagedError(f"Expected a stored block, got a length of {num_bytes} and {check}.")
        return _head(start + 32, is_last, num_bytes, [], [])
    if kind == 1:
        return _head(3, is_last, None, *_FIXED)
    if kind == 3:
        raise DamagedError("Expected a block of a deflate stream, got one of kind 3.")
    literals, distances = 257 + (bits >> 3 & 31), 1 + (bits >> 8 & 31)
    lengths, num_bits = _read_lengths(bits, literals + distances)
    return _head(num_bits, is_last, None, lengths[:literals], lengths[literals:])


def codes(lengths: tuple[int, ...]) -> Numbers:
    """The bits of each symbol's code, the first one lowest."""
    found = np.zeros(len(lengths), np.int64)
    order, starts = _canonical(lengths)
    found[order] = _reversed_indices()[starts]
    return found


def lookup_table(lengths: tuple[int, ...]) -> Numbers:
    """For whatever 15 bits come next: the symbol times 16 plus the bits of its code; 0 where there is no code."""
    order, _ = _canonical(lengths)
    of_symbol = np.array(lengths, np.int32)[order]
    table = np.zeros(2**CODE_BITS, np.int32)
    filled = np.repeat(order.astype(np.int32) * 16 + of_symbol, 2 ** (CODE_BITS - of_symbol))
    table[: len(filled)] = filled
    return np.asarray(table[_reversed_indices()])


def _head(
    num_bits: int, is_last: bool, stored: int | None, literal: list[int], distance: list[int]
) -> BlockHead:
    return BlockHead(
        num_bits=num_bits,
        is_last=is_last,
        stored_bytes=stored,
        literal_lengths=tuple(literal),
        distance_lengths=tuple(distance),
    )


def _read_lengths(bits: int, count: int) -> tuple[list[int], int]:
    """The lengths of that many codes, and where they end."""
    of_lengths = [0] * 19
    at = 17
    for symbol in _ORDER[: 4 + (bits >> 13 & 15)]:
        of_lengths[symbol] = bits >> at & 7
        at += 3
    table = lookup_table(tuple(of_lengths)).tolist()
    found: list[int] = []
    while len(found) < count:
        entry = table[bits >> at & 0x7FFF]
        symbol = entry >> 4
        at += entry & 15
        if not entry or (symbol == 16 and not found):
            raise DamagedError("Expected the lengths of codes, got other bits.")
        if symbol < 16:
            found.append(symbol)
            continue
        extra, least = _REPEATS[symbol]
        found += [found[-1] if symbol == 16 else 0] * (least + (bits >> at & (1 << extra) - 1))
        at += extra
    if len(found) > count:
        raise DamagedError(f"Expected {count} lengths of codes, got {len(found)}.")
    return found, at


def _canonical(lengths: tuple[int, ...]) -> tuple[Numbers, Numbers]:
    """Symbols in the order of their codes, and these codes, filled up to 15 bits."""
    all_lengths = np.array(lengths, np.int64)
    order = np.argsort(all_lengths, kind="stable")
    order = order[np.count_nonzero(all_lengths == 0) :]
    room = 2 ** (CODE_BITS - all_lengths[order])
    if room.sum() > 2**CODE_BITS:
        raise DamagedError("Expected the lengths of codes, got more codes than there can be.")
    return order, np.cumsum(room) - room


@lru_cache(maxsize=1)
def _reversed_indices() -> Numbers:
    """Of every number of 15 bits that with the order of its bits turned round."""
    numbers = np.arange(2**CODE_BITS)
    return np.asarray(sum((numbers >> bit & 1) << CODE_BITS - 1 - bit for bit in range(CODE_BITS)))
