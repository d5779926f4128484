"""The columns of a listing: what `SourceImage` and its `Prior` say of each image, for millions of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC
from typing import Final

import pyarrow as pa

from pipeline.types import Prior, SourceImage

LISTING: Final = pa.schema(
    [
        ("key", pa.string()),
        ("url", pa.string()),
        ("size", pa.int64()),
        ("etag", pa.string()),
        ("mtime", pa.timestamp("us", tz="UTC")),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("shard", pa.string()),
        ("sha256", pa.string()),
        ("quality", pa.int64()),
        ("kept", pa.string()),
        ("lossless", pa.string()),
    ]
)
_PRIOR: Final = tuple(field.name for field in fields(Prior))
_FACTS: Final = tuple(name for name in LISTING.names if name not in _PRIOR)
_NO_PRIOR: Final = Prior()


def batch_of(images: Sequence[SourceImage]) -> pa.RecordBatch:
    """Images as a batch of LISTING."""
    columns = [
        [getattr(image.prior if name in _PRIOR else image, name) for image in images]
        for name in LISTING.names
    ]
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(columns, LISTING, strict=True)], schema=LISTING
    )


def images_of(batch: pa.RecordBatch) -> list[SourceImage]:
    """Undo `batch_of`."""
    facts = (batch[name].to_pylist() for name in _FACTS)
    return [
        SourceImage(
            key=key,
            url=url,
            size=size,
            etag=etag,
            mtime=None if mtime is None else mtime.astimezone(UTC),
            offset=offset,
            length=length,
            prior=prior,
        )
        for key, url, size, etag, mtime, offset, length, prior in zip(*facts, _priors_of(batch), strict=True)
    ]


def _priors_of(batch: pa.RecordBatch) -> list[Prior]:
    if all(batch[name].null_count == len(batch) for name in _PRIOR):
        return [_NO_PRIOR] * len(batch)
    columns = (batch[name].to_pylist() for name in _PRIOR)
    return [Prior(**dict(zip(_PRIOR, values, strict=True))) for values in zip(*columns, strict=True)]
