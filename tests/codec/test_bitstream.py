"""The envelope: whatever is packed comes back, and whatever is not whole is refused."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codec.bitstream import HEAD_BYTES, Envelope, is_envelope, pack_envelope, parse_envelope, parse_head
from codec.errors import BitstreamError

SIDE = st.integers(1, 1 << 20)
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
ENVELOPES = st.builds(
    Envelope,
    family=st.lists(WORD, min_size=1, max_size=6).map("-".join),
    weights_digest=st.binary(min_size=8, max_size=8),
    width=SIDE,
    height=st.integers(1, 1 << 10),
    sixteenths=st.integers(0, 63 * 16),
    symbols_crc32=st.integers(0, 2**32 - 1),
    body=st.binary(max_size=80),
)
PLAIN = Envelope(
    family="blocks-1",
    weights_digest=b"01234567",
    width=768,
    height=512,
    sixteenths=34 * 16,
    symbols_crc32=0xDEADBEEF,
    body=b"body",
)


@given(envelope=ENVELOPES)
@example(envelope=replace(PLAIN, family="a" * 63, width=1 << 20, height=1 << 10, sixteenths=1008, body=b""))
def test_what_is_packed_comes_back(envelope: Envelope) -> None:
    payload = pack_envelope(envelope)
    assert is_envelope(payload)
    assert parse_envelope(payload) == envelope
    head, at = parse_head(payload[:HEAD_BYTES])
    assert (head, payload[at:]) == (replace(envelope, body=b""), envelope.body)


def test_a_header_is_as_long_as_documented() -> None:
    thumbnail = replace(PLAIN, family="hyper-2", width=120, height=90, body=b"")
    assert len(pack_envelope(thumbnail)) == 30
    assert len(pack_envelope(replace(thumbnail, width=16383, height=16383))) == 32
    largest = replace(PLAIN, family="a" * 63, width=1 << 20, height=1 << 10, body=b"")
    assert len(pack_envelope(largest)) <= HEAD_BYTES


def test_fields_lie_where_the_document_says() -> None:
    payload = pack_envelope(PLAIN)
    assert payload[:5] == b"TF\x01" + struct.pack("<H", 34 * 16 << 6 | 8)
    assert payload[5:13] == b"01234567"
    assert payload[13:17] == bytes.fromhex("efbeadde")
    assert payload[21:] == b"blocks-1" + b"\x80\x06" + b"\x80\x04" + b"body"


@given(envelope=ENVELOPES)
def test_every_truncation_is_refused(envelope: Envelope) -> None:
    payload = pack_envelope(envelope)
    for length in range(len(payload)):
        with pytest.raises(BitstreamError, match=r"truncated|damaged"):
            parse_envelope(payload[:length])


@given(envelope=ENVELOPES, data=st.data())
def test_every_flipped_bit_is_refused(envelope: Envelope, data: st.DataObject) -> None:
    payload = bytearray(pack_envelope(envelope))
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    payload[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BitstreamError, match=r"truncated|damaged"):
        parse_envelope(bytes(payload))


@given(junk=st.binary(max_size=120), begun=st.booleans())
def test_junk_is_refused(junk: bytes, begun: bool) -> None:
    with pytest.raises(BitstreamError, match=r"truncated|damaged"):
        parse_envelope(b"TF\x01" + junk if begun else junk)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"TFH1", "begins with b'TF' and a version, got b'TFH1'"),
        (b"RIFF", "begins with b'TF' and a version, got b'RIFF'"),
        (b"TF\x02\x00", "envelope version 1, got 2: damaged, or written by a newer tenfold"),
    ],
    ids=["older", "foreign", "newer"],
)
def test_other_kinds_are_named(start: bytes, message: str) -> None:
    with pytest.raises(BitstreamError, match=message):
        parse_envelope(start + bytes(60))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "Blocks"}, "lower-case letters"),
        ({"family": ""}, "lower-case letters"),
        ({"family": "a" * 64}, "lower-case letters"),
        ({"weights_digest": b"short"}, "digest of 8 bytes, got 5"),
        ({"sixteenths": 1009}, "quality up to 63, got 63.0625"),
        ({"width": 0}, "got 0 x 512"),
        ({"width": 1 << 20, "height": 1 << 20}, "1073741824 pixels"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_no_header_can_say_is_refused_before_it_is_written(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **change)  # type: ignore[arg-type]
