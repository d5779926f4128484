"""The columns of a listing: what `SourceImage` says of each image, for millions of them."""

from __future__ import annotations

from datetime import UTC

import pyarrow as pa

from pipeline.types import Prior, SourceImage

LISTING = pa.schema(
    [
        ("key", pa.string()),
        ("url", pa.string()),
        ("size", pa.int64()),
        ("etag", pa.string()),
        ("mtime", pa.timestamp("us", tz="UTC")),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("kept", pa.string()),  # of `prior`: why the file is to be kept as it is
    ]
)
_NO_PRIOR = Prior()


def images_of(batch: pa.RecordBatch) -> list[SourceImage]:
    """The images of a batch of LISTING."""
    columns = (batch[name].to_pylist() for name in LISTING.names)
    return [
        SourceImage(
            key=key,
            url=url,
            size=size,
            etag=etag,
            mtime=None if mtime is None else mtime.astimezone(UTC),
            offset=offset,
            length=length,
            prior=_NO_PRIOR if kept is None else Prior(kept=kept),
        )
        for key, url, size, etag, mtime, offset, length, kept in zip(*columns, strict=True)
    ]
