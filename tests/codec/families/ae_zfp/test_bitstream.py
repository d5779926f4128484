"""The payload's header: packed, parsed strictly, with limits."""

from __future__ import annotations

import dataclasses
import math

import pytest

from codec.errors import BitstreamError
from codec.families.ae_zfp.bitstream import HEADER_BYTES, PayloadHeader, pack_payload, parse_payload

HEADER = PayloadHeader(
    preset=2,
    weights_digest=b"01234567",
    width=640,
    height=481,
    channels=256,
    step=0.25,
    symbols_crc32=0xDEADBEEF,
)


def test_header_and_body_come_back() -> None:
    header, body = parse_payload(pack_payload(HEADER, b"body"))
    assert header == HEADER
    assert bytes(body) == b"body"


def test_header_is_as_long_as_documented() -> None:
    assert HEADER_BYTES == len(pack_payload(HEADER, b"")) == 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "0 x 481 pixels"),
        ({"height": 2**32 - 1}, "pixels, outside what this build decodes"),
        ({"width": 2**20, "height": 2**20}, "pixels, outside"),
        ({"channels": 0}, "0 channels"),
        ({"step": math.nan}, "step of nan"),
        ({"step": math.inf}, "step of inf"),
        ({"step": 2.0**21}, "step of 2097152.0"),
        ({"step": -1.0}, "step of -1.0"),
        ({"step": 0.0}, "step of 0.0"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_impossible_headers_are_refused(change: dict[str, float], message: str) -> None:
    header = dataclasses.replace(HEADER, **change)  # type: ignore[arg-type]
    with pytest.raises(BitstreamError, match=message):
        parse_payload(pack_payload(header, b""))


def test_other_formats_are_named() -> None:
    with pytest.raises(BitstreamError, match="begins with b'TFZ1', got b'RIFF'"):
        parse_payload(b"RIFF" + bytes(100))
    newer = bytearray(pack_payload(HEADER, b""))
    newer[4] = 9
    with pytest.raises(BitstreamError, match="format 1, got 9"):
        parse_payload(bytes(newer))
