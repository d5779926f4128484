"""Adaptive bits: what goes in comes out, for about what it is worth."""

from __future__ import annotations

import numpy as np
import pytest

from codec.entropy.adaptive_bits import BitReader, BitTally, BitWriter, Contexts, Counts
from codec.errors import BitstreamError

CHANCES = np.array([0.5, 0.02, 0.9, 0.999])
EVEN: Counts = np.ones((len(CHANCES), 2), np.uint8)


def drawn(count: int, seed: int = 0) -> tuple[np.ndarray, Contexts]:
    """Bits of four sources, and which source each is of."""
    chance = np.random.default_rng(seed)
    contexts = chance.integers(0, len(CHANCES), count)
    return chance.random(count) < CHANCES[contexts], contexts


def written(begin: Counts, groups: list[tuple[np.ndarray, Contexts]]) -> list[bytes]:
    """Every group as a segment."""
    writer = BitWriter(begin)
    segments = []
    for bits, contexts in groups:
        writer.group(bits, contexts)
        segments.append(writer.end_segment())
    return segments


def test_bits_come_back_and_contexts_learn_from_segment_to_segment() -> None:
    groups = [drawn(size, seed) for seed, size in enumerate([1, 0, 500, 3000, 7])]
    reader = BitReader(EVEN)
    for (bits, contexts), segment in zip(groups, written(EVEN, groups), strict=True):
        reader.begin_segment(segment)
        assert np.array_equal(reader.group(None, contexts), bits)
        reader.end_segment()


def test_bits_cost_what_they_are_worth_and_a_stored_table_spares_the_learning() -> None:
    groups = [drawn(200, seed) for seed in range(40)]
    tally = BitTally(len(CHANCES))
    for bits, contexts in groups:
        tally.group(bits, contexts)
    entropy = -(CHANCES * np.log2(CHANCES) + (1 - CHANCES) * np.log2(1 - CHANCES)).mean()
    bits_in_all = np.concatenate([bits for bits, _ in groups])
    contexts_in_all = np.concatenate([contexts for _, contexts in groups])

    def cost(begin: Counts) -> int:
        writer = BitWriter(begin)
        for bits, contexts in groups:
            writer.group(bits, contexts)
        return 8 * len(writer.end_segment())

    assert cost(tally.table()) < cost(EVEN) < 1.06 * entropy * len(bits_in_all)
    assert (
        len(written(EVEN, [(bits_in_all, contexts_in_all)])[0]) > cost(EVEN) / 8
    )  # nothing learned on the way


def test_a_segment_that_is_not_the_one_written_is_refused() -> None:
    bits, contexts = drawn(2000)
    (segment,) = written(EVEN, [(bits, contexts)])
    reader = BitReader(EVEN)
    with pytest.raises(BitstreamError, match="words of 4 bytes, got 5 bytes: damaged"):
        reader.begin_segment(segment[:5])
    reader.begin_segment(segment + segment)
    reader.group(None, contexts)
    with pytest.raises(BitstreamError, match="words are left over: damaged"):
        reader.end_segment()


def test_the_page_of_the_format_says_enough_to_decode() -> None:
    bits, contexts = drawn(1500)
    (segment,) = written(EVEN, [(bits, contexts)])
    counts = [[1, 1] for _ in CHANCES]
    chances = [min(max(2**16 * counts[one][1] // sum(counts[one]), 24), 2**16 - 24) for one in contexts]
    stream = [int(word) for word in np.frombuffer(segment, "<u4")] + [0] * 1500
    lower, span, point, used = 0, 2**64 - 1, stream[0] << 32 | stream[1], 2
    for bit, chance in zip(bits, chances, strict=True):
        edge = (2**16 - chance) * (2**24 - 2) // 2**16 + 1
        share = span >> 24
        found = min((point - lower) % 2**64 // share, 2**24 - 1) >= edge
        assert found == bit
        begin, end = (edge, 2**24) if found else (0, edge)
        lower, span = (lower + begin * share) % 2**64, (end - begin) * share
        if span < 2**32:
            lower, span = lower << 32 & 2**64 - 1, span << 32
            point, used = (point << 32 | stream[used]) & 2**64 - 1, used + 1
