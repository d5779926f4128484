"""The range coder gives back what it was given, at the price that was estimated, and refuses what it did not write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.entropy.range_coder import Indices, RangeCoder, SymbolDecoder, SymbolEncoder, Symbols
from codec.entropy.tables import (
    SILENT,
    SMALLEST_SCALE,
    SYMBOL_LIMIT,
    TABLE_STEP,
    TABLES,
    TOTAL,
    FrequencyTables,
    fitted_tables,
    laplace_tables,
)
from codec.errors import BitstreamError, WeightsError

CODER = RangeCoder(laplace_tables())


def group(count: int, seed: int, wild: float = 0.0) -> tuple[Symbols, Indices]:
    """One image's symbols that fit their tables, some of them (a share `wild`) not at all."""
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, TABLES, count).astype(np.uint8)
    drawn = rng.laplace(0.0, SMALLEST_SCALE * np.exp(TABLE_STEP * indices))
    drawn = np.where(rng.random(count) < wild, rng.integers(-SYMBOL_LIMIT, SYMBOL_LIMIT + 1, count), drawn)
    symbols = np.where(indices < SILENT, 0, np.rint(drawn)).astype(np.int16)
    return symbols[None], indices[None]


@given(
    counts=st.lists(st.integers(0, 300), max_size=5),
    seed=st.integers(0, 99),
    wild=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_groups_come_back(counts: list[int], seed: int, wild: float) -> None:
    groups = [group(count, seed + n, wild) for n, count in enumerate(counts)]
    encoder = SymbolEncoder(CODER)
    for symbols, indices in groups:
        encoder.encode(symbols, indices)
    decoder = SymbolDecoder(CODER, encoder.finish())
    for symbols, indices in groups:
        assert np.array_equal(decoder.decode(indices), symbols)
    decoder.finish()


@given(
    counts=st.lists(st.integers(0, 90), min_size=1, max_size=3),
    images=st.integers(1, 5),
    wild=st.sampled_from([0.0, 0.2]),
)
def test_images_beside_each_other_have_the_streams_they_have_alone(
    counts: list[int], images: int, wild: float
) -> None:
    alone = [[group(count, 7 * n + m, wild) for m, count in enumerate(counts)] for n in range(images)]
    together = [
        tuple(np.concatenate(parts) for parts in zip(*groups, strict=True))
        for groups in zip(*alone, strict=True)
    ]
    encoder = SymbolEncoder(CODER, images)
    for symbols, indices in together:
        encoder.encode(symbols, indices)
    streams = encoder.finish()
    for groups, stream in zip(alone, streams, strict=True):
        single = SymbolEncoder(CODER)
        for symbols, indices in groups:
            single.encode(symbols, indices)
        assert single.finish() == [stream]
    decoder = SymbolDecoder(CODER, streams)
    for symbols, indices in together:
        assert np.array_equal(decoder.decode(indices), symbols)
    decoder.finish()


def test_estimates_are_what_it_takes() -> None:
    symbols, indices = group(50_000, 1)
    encoder = SymbolEncoder(CODER)
    encoder.encode(symbols, indices)
    ((words, escapes),) = encoder.finish()
    assert CODER.cost_bits(symbols, indices)[0] == pytest.approx(8 * (len(words) + len(escapes)), rel=2e-3)


def test_silent_tables_cost_nothing() -> None:
    indices = np.full((1, 10_000), SILENT - 1, np.uint8)
    encoder = SymbolEncoder(CODER)
    encoder.encode(np.zeros((1, 10_000), np.int16), indices)
    ((words, escapes),) = encoder.finish()
    assert len(words) + len(escapes) <= 4
    assert not SymbolDecoder(CODER, [(words, escapes)]).decode(indices).any()


@given(junk=st.binary(max_size=64), escapes=st.binary(max_size=8), seed=st.integers(0, 9))
def test_junk_decodes_to_something_or_says_why_not(junk: bytes, escapes: bytes, seed: int) -> None:
    _, indices = group(400, seed)
    try:
        decoder = SymbolDecoder(CODER, [(junk, escapes)])
        symbols = decoder.decode(indices)
        decoder.finish()
    except BitstreamError:
        return
    assert symbols.shape == indices.shape


@pytest.mark.parametrize(
    ("escapes", "message"),
    [
        (b"\x80", "cut short"),
        (b"\x80\x80\x80\x01", "longer than any symbol"),
        (b"\xff\xff\x7f", "escaped symbols up to 32767"),
        (b"\x82\x80\x00", "written longer than it is"),
        (b"\x02", "left over"),
    ],
    ids=["truncated", "too long", "too large", "not the shortest", "too many"],
)
def test_escapes_that_cannot_be_are_refused(escapes: bytes, message: str) -> None:
    with pytest.raises(BitstreamError, match=message):
        SymbolDecoder(CODER, [(b"", escapes)]).finish()


@pytest.mark.parametrize(
    ("escapes", "message"),
    [
        (b"", "expected 1 more escaped symbols, got 0"),
        (b"\x02", "expected an escaped symbol beyond 2, got 1"),
    ],
    ids=["missing", "within reach"],
)
def test_escapes_that_do_not_fit_their_symbols_are_refused(escapes: bytes, message: str) -> None:
    symbols, indices = np.array([[SYMBOL_LIMIT]], np.int16), np.array([[10]], np.uint8)
    encoder = SymbolEncoder(CODER)
    encoder.encode(symbols, indices)
    ((words, _),) = encoder.finish()
    with pytest.raises(BitstreamError, match=message):
        SymbolDecoder(CODER, [(words, escapes)]).decode(indices)


def test_words_that_nobody_reads_are_refused() -> None:
    symbols, indices = group(500, 4)
    encoder = SymbolEncoder(CODER)
    encoder.encode(symbols, indices)
    ((words, escapes),) = encoder.finish()
    decoder = SymbolDecoder(CODER, [(words + bytes(range(40)), escapes)])
    assert np.array_equal(decoder.decode(indices), symbols)
    with pytest.raises(BitstreamError, match="words are left over"):
        decoder.finish()


def decoded_by_the_page(words: bytes, indices: Indices, tables: FrequencyTables) -> list[int]:
    """A group whose symbols are all within reach, by nothing but what docs/formats/hyper-1.md says of the coder."""
    stream = [int(word) for word in np.frombuffer(words, "<u4")]
    stream += [0] * (2 + len(indices))
    lower, span = 0, 2**64 - 1
    point = stream[0] << 32 | stream[1]
    used = 2
    found = [0] * len(indices)
    for place in np.argsort(indices, kind="stable"):
        k = int(indices[place])
        if k < SILENT:
            continue
        counts = [int(count) for count in tables.table(k)]
        edges, before = [], 0
        for number in range(len(counts) + 1):
            edges.append(before * (2**24 - len(counts)) // 2**20 + number)
            before += counts[number] if number < len(counts) else 0
        edges[-1] = 2**24
        share = span >> 24
        target = min((point - lower) % 2**64 // share, 2**24 - 1)
        entry = max(number for number in range(len(counts)) if edges[number] <= target)
        lower = (lower + edges[entry] * share) % 2**64
        span = (edges[entry + 1] - edges[entry]) * share
        if span < 2**32:
            lower, span = lower << 32 & 2**64 - 1, span << 32
            point = (point << 32 | stream[used]) & 2**64 - 1
            used += 1
        found[place] = entry - int(tables.reach[k])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_page_is_enough_to_decode(seed: int) -> None:
    symbols, indices = group(700, seed)
    reach = CODER.tables.reach[indices]
    symbols = np.clip(symbols, -reach, reach).astype(np.int16)
    encoder = SymbolEncoder(CODER)
    encoder.encode(symbols, indices)
    ((words, _),) = encoder.finish()
    assert decoded_by_the_page(words, indices[0], CODER.tables) == symbols[0].tolist()


def test_fitted_tables_follow_what_was_counted() -> None:
    tables = laplace_tables()
    histograms = [np.zeros(2 * int(reach) + 1) for reach in tables.reach]
    middle = int(tables.reach[20])
    histograms[20][[middle - 1, middle, middle + 1]] = [200_000, 700_000, 100_000]
    fitted = fitted_tables(histograms)
    shares = fitted.table(20) / TOTAL
    assert shares[middle] == pytest.approx(0.7, abs=0.01)
    assert shares[middle - 1] == pytest.approx(shares[middle + 1], rel=1e-3), "zero-mean by design"
    assert np.array_equal(fitted.table(30), tables.table(30)), "nothing counted, nothing changed"


def test_tables_that_are_none_are_refused() -> None:
    tables = laplace_tables()
    counts = tables.counts.copy()
    counts[7] += 1
    with pytest.raises(WeightsError, match=f"sum to {TOTAL}"):
        FrequencyTables(reach=tables.reach, counts=counts)
    with pytest.raises(WeightsError, match="64 tables"):
        FrequencyTables(reach=tables.reach[:-1], counts=tables.counts)
