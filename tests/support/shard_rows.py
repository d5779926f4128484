"""Shard rows for tests: one that is plain, and any that Hypothesis thinks of."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import google_crc32c
from hypothesis import strategies as st

from pipeline.archive.shards import iter_rows
from pipeline.store.storage import Storage
from pipeline.types import ShardRow

MOMENT = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)

_PLAIN = ShardRow(
    key="a.jpg",
    source_url="/photos/a.jpg",
    source_size=90_000,
    source_etag="etag-1",
    source_mtime=MOMENT,
    source_sha256="0" * 64,
    source_format="JPEG",
    width=48,
    height=32,
    mode="RGB",
    bit_depth=8,
    orientation=None,
    exif=None,
    icc=None,
    xmp=None,
    alpha=None,
    status="coded",
    reason=None,
    codec="ae-zfp-1",
    quality=20,
    latent_shape=(8, 2, 3),
    payload=None,
    payload_crc32c=None,
    symbols_crc32=7,
    bpp=0.5,
    psnr_db=31.25,
    ms_ssim=0.95,
    zip_bytes=4000,
    zip_source_bytes=89_000,
    run="run-1",
    encoded_at=MOMENT,
)


def read_rows(storage: Storage, path: str) -> list[ShardRow]:
    """Every row of a shard, in row order."""
    return [row for _, row in iter_rows(storage, path)]


def make_row(key: str, payload: bytes | None = b"payload", **changes: Any) -> ShardRow:
    """A coded row; its CRC is that of `payload`, its status failed when that is None."""
    crc = None if payload is None else google_crc32c.value(payload)
    status = "failed" if payload is None else "coded"
    return replace(
        _PLAIN, **{"key": key, "payload": payload, "payload_crc32c": crc, "status": status, **changes}
    )


def kept_row(key: str, data: bytes = b"original", **changes: Any) -> ShardRow:
    """An original file, kept: bytes that need no weights."""
    none: dict[str, None] = dict.fromkeys(("codec", "quality", "latent_shape", "symbols_crc32"))
    more = {"status": "kept", "source_sha256": hashlib.sha256(data).hexdigest(), **none, **changes}
    return make_row(key, data, **more)


_KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_BITES = st.sampled_from([b"PAR1", b"\x00\x00\x00\x00", b"\x05\x00\x00\x00hello", b"\x15\x00\x15", b"hello"])
_PAYLOADS = st.one_of(st.binary(max_size=300), st.lists(_BITES, max_size=12).map(b"".join))
"""Also payloads that hold each other, and bytes that look like Parquet's own."""


@st.composite
def shard_rows(draw: st.DrawFn) -> ShardRow:
    """Any row whose CRC fits its payload."""
    blob = st.none() | _PAYLOADS
    text = st.none() | _KEYS
    number = st.none() | st.integers(-(2**63), 2**63 - 1)
    rate = st.none() | st.floats(allow_nan=False)
    moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
    return make_row(
        draw(_KEYS),
        draw(blob),
        source_url=draw(_KEYS),
        source_size=draw(number),
        source_etag=draw(text),
        source_mtime=draw(st.none() | moments),
        width=draw(number),
        exif=draw(blob),
        icc=draw(blob),
        xmp=draw(blob),
        alpha=draw(blob),
        thumbhash=draw(blob),
        preview=draw(blob),
        reason=draw(text),
        latent_shape=draw(st.none() | st.tuples(*[st.integers(0, 2**40)] * 3)),
        bpp=draw(rate),
        psnr_db=draw(rate),
        encoded_at=draw(moments),
    )
