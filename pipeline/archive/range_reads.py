"""One image out of a shard, by range reads of exactly its bytes; no Parquet reader, no footer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

import google_crc32c

from pipeline.errors import ArchiveError, DamagedError
from pipeline.store.shared_threads import shared_threads
from pipeline.store.storage import Storage
from pipeline.types import WITH_PIXELS, CatalogueRow, ShardRow

EXTRAS: Final = ("exif", "icc", "xmp", "alpha", "carried")
"""The metadata columns, in the order in which `extras_crc32c` runs over them."""
_SHARED: Final = [
    field.name for field in fields(ShardRow) if field.name not in (*EXTRAS, "payload", "same_as_row")
]


def spans_of(row: CatalogueRow, names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(offset, length) in the shard of those of `payload` and the metadata that an image has."""
    spans: dict[str, tuple[int, int]] = {}
    for name in names:
        offset, length = getattr(row, f"{name}_offset"), getattr(row, f"{name}_length")
        if offset is not None and length is not None:
            spans[name] = (offset, length)
    return spans


def read_payload(storage: Storage, row: CatalogueRow) -> bytes:
    """One image's payload: one range read of exactly these bytes, checked against their CRC32C.

    Raises:
        ArchiveError: the image failed, so there is none.
        DamagedError: the shard is missing, or the bytes are not those that were written.
    """
    if row.payload_offset is None or row.payload_length is None:
        raise ArchiveError(
            f"Expected a stored image under key {row.key!r}, got one that failed: {row.reason} "
            f"Correct {row.source_url} and compress again."
        )
    data = _read(storage, row, row.payload_offset, row.payload_length)
    _check(row, "payload", data, row.payload_crc32c, offset=row.payload_offset)
    return data


def read_row(storage: Storage, row: CatalogueRow) -> ShardRow:
    """One image as its shard holds it: the payload, and at the same time one range read for each kind of metadata.

    A kept or bounded file holds its metadata inside its payload: the columns of metadata stay None then.

    Raises:
        ArchiveError, DamagedError: as `read_payload`.
    """
    spans = spans_of(row, EXTRAS) if row.status in WITH_PIXELS else {}
    coming = [shared_threads().submit(_read, storage, row, *span) for span in spans.values()]
    payload = read_payload(storage, row)
    extras = {name: future.result() for name, future in zip(spans, coming, strict=True)}
    if extras:
        start, _ = next(iter(spans.values()))
        _check(row, " + ".join(extras), b"".join(extras.values()), row.extras_crc32c, offset=start)
    return _shard_row(row, **extras, payload=payload)


def row_in(row: CatalogueRow, data: bytes) -> ShardRow:
    """One image out of the bytes of its shard, with all the metadata it has; nothing is checked."""
    spans = spans_of(row, ("payload", *EXTRAS))
    parts = {name: data[offset : offset + length] for name, (offset, length) in spans.items()}
    return _shard_row(row, **parts)


def _shard_row(row: CatalogueRow, **parts: Any) -> ShardRow:
    return ShardRow(**{name: getattr(row, name) for name in _SHARED}, **parts)


def _read(storage: Storage, row: CatalogueRow, offset: int, length: int) -> bytes:
    try:
        return storage.read_range(row.shard, offset, length)
    except FileNotFoundError as error:
        raise DamagedError(
            f"Expected the image {row.key!r} in {row.shard} at {storage.url}, got no such shard. "
            "Restore it from a copy, or open the archive again if it was pruned since."
        ) from error


def _check(row: CatalogueRow, what: str, data: bytes, expected: int | None, *, offset: int) -> None:
    crc = google_crc32c.value(data)
    if crc != expected:
        wanted = "none" if expected is None else f"{expected:08x}"
        raise DamagedError(
            f"Expected CRC32C {wanted} for the {what} of {row.key!r}, got {crc:08x}, in {row.shard} at byte "
            f"{offset}: the bytes are not those that were written. Restore the shard from a copy, or compress "
            f"{row.source_url} again into a new archive."
        )
