"""ZFP as a bit-plane coder: exact on any symbols, sound against any bytes."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.errors import BitstreamError
from codec.families.ae_zfp import zfp
from codec.families.ae_zfp.zfp import MAX_SYMBOL, Symbols, decode_symbols, encode_symbols


def laplace(positions: int, channels: int, scale: float, seed: int = 0) -> Symbols:
    """Symbols as a trained model makes them: large first, mostly zero."""
    fade = np.exp(-np.arange(channels) / 25.0)
    values = np.random.default_rng(seed).laplace(size=(positions, channels)) * fade * scale
    return np.clip(np.rint(values), -MAX_SYMBOL, MAX_SYMBOL).astype(np.int16)


@settings(max_examples=40)
@given(
    positions=st.integers(1, 40),
    channels=st.integers(1, 600),
    scale=st.sampled_from([0.0, 0.2, 2.0, 50.0, 1000.0, 30_000.0]),
    seed=st.integers(0, 99),
)
def test_symbols_come_back_exactly(positions: int, channels: int, scale: float, seed: int) -> None:
    symbols = laplace(positions, channels, scale, seed)
    assert np.array_equal(decode_symbols(encode_symbols(symbols), positions, channels), symbols)


@pytest.mark.parametrize("value", [MAX_SYMBOL, -MAX_SYMBOL, 1, -1])
def test_extreme_symbols_come_back_exactly(value: int) -> None:
    for symbols in (np.full((3, 256), value, np.int16), np.eye(256, dtype=np.int16) * np.int16(value)):
        assert np.array_equal(decode_symbols(encode_symbols(symbols), len(symbols), 256), symbols)


def test_alternating_extremes_come_back_exactly() -> None:
    signs = np.random.default_rng(0).choice([-1, 1], (64, 256))
    symbols = (signs * MAX_SYMBOL).astype(np.int16)
    assert np.array_equal(decode_symbols(encode_symbols(symbols), 64, 256), symbols)


def test_segments_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zfp, "SEGMENT_POSITIONS", 7)
    symbols = laplace(40, 300, 9.0)
    assert np.array_equal(decode_symbols(encode_symbols(symbols), 40, 300), symbols)


def test_laying_symbols_out_for_zfp_beats_handing_them_over() -> None:
    import zfpy

    symbols = laplace(1536, 256, 6.0)
    plain = np.ascontiguousarray(symbols.T.reshape(256, 32, 48).astype(np.float32))
    assert len(encode_symbols(symbols)) < 0.6 * len(zfpy.compress_numpy(plain, tolerance=0.49))


@settings(max_examples=150)
@given(
    data=st.binary(max_size=400),
    mode=st.integers(0, 4),
    planes=st.integers(0, 40),
    positions=st.integers(1, 64),
)
def test_hostile_bytes_give_symbols_or_an_error(data: bytes, mode: int, planes: int, positions: int) -> None:
    stream = struct.pack("<BBI", mode, planes, len(data)) + data
    try:
        symbols = decode_symbols(stream, positions, 256)
    except BitstreamError:
        return
    assert symbols.shape == (positions, 256)
    assert np.abs(symbols).max() <= MAX_SYMBOL


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "end inside a band header"),
        (struct.pack("<BBI", 1, 8, 100), "runs past the end"),
        (struct.pack("<BBI", 9, 8, 1) + b"x", "unknown band mode 9"),
        (struct.pack("<BBI", 1, 99, 1) + b"x", "99 bit planes"),
        (struct.pack("<BBI", 1, 8, 0), "band of 0 bytes"),
        (struct.pack("<BBI", 0, 0, 1) + b"x", "an empty band with 1 bytes"),
        (struct.pack("<BBI", 0, 0, 0) + b"x", "1 bytes left over"),
    ],
    ids=["empty", "past-end", "mode", "planes", "no-bytes", "full-empty", "left-over"],
)
def test_malformed_streams_are_named(stream: bytes, message: str) -> None:
    with pytest.raises(BitstreamError, match=message):
        decode_symbols(stream, 4, 256)


def test_symbols_beyond_the_channels_are_refused() -> None:
    stream = encode_symbols(np.ones((2, 256), np.int16))
    with pytest.raises(BitstreamError, match="beyond its 10 channels"):
        decode_symbols(stream, 2, 10)
