"""Images out of a shard, by range reads of their bytes; no Parquet reader, no footer."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import google_crc32c

from pipeline.archive.unreadable import unreadable_shard
from pipeline.errors import ArchiveError, DamagedError, StorageError, UnreadableError
from pipeline.parts import parts
from pipeline.store.shared_threads import shared_threads
from pipeline.store.storage import Storage
from pipeline.types import WITH_PIXELS, CatalogueRow, ShardRow

EXTRAS: Final = ("exif", "icc", "xmp", "alpha", "carried")
"""The metadata columns, in the order in which `extras_crc32c` runs over them."""
ATTACHMENTS: Final = (*EXTRAS, "preview")
"""What a shard may hold of an image beside its payload, each in a byte run of its own."""
_SHARED: Final = [
    field.name for field in fields(ShardRow) if field.name not in (*ATTACHMENTS, "payload", "same_as_row")
]
_GAP: Final = 64 * 1024
"""So many bytes between two images cost less than another request would."""

_MOST_HELD: Final = 32 * 2**20

ByteSpan = tuple[int, int]
"""(offset, length) in a shard."""


def spans_of(row: CatalogueRow, names: Iterable[str]) -> dict[str, ByteSpan]:
    """Where in the shard those of `payload` and `ATTACHMENTS` lie that an image has."""
    spans: dict[str, ByteSpan] = {}
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
    span = _spans_to_read(row)["payload"]
    data = _read(storage, row.shard, *span)
    _check(row, "payload", data, row.payload_crc32c, offset=span[0])
    return data


def read_row(storage: Storage, row: CatalogueRow, *, first_bytes: int | None = None) -> ShardRow:
    """One image as its shard holds it: the payload, and at the same time one range read for each kind of metadata.

    A kept or bounded file holds its metadata inside its payload: the columns of metadata stay None then.

    Args:
        first_bytes: at most so many of the payload, whose checksum is then not compared.
    Raises:
        ArchiveError, DamagedError: as `read_payload`.
    """
    spans = _spans_to_read(row)
    offset, length = spans.pop("payload")
    payload = (offset, length if first_bytes is None else min(first_bytes, length))
    coming = {name: shared_threads().submit(_read, storage, row.shard, *span) for name, span in spans.items()}
    parts = {"payload": _read(storage, row.shard, *payload)}
    parts |= {name: future.result() for name, future in coming.items()}
    return _checked(row, parts, is_whole=payload[1] == length)


def read_rows(
    storage: Storage, rows: Sequence[CatalogueRow]
) -> Iterator[tuple[CatalogueRow, ShardRow | str]]:
    """Images as their shards hold them, or why one cannot be had, in the order of `rows`; neighbours in a shard come in
    one range read.

    A damaged shard costs the images whose own bytes are damaged: of every image the catalogue has a checksum.

    Args:
        rows: with payloads, of any shards. What is read is held until the last image is given.
    Raises:
        StorageError: the store does not answer.
    """
    spans = [_spans_to_read(row) for row in rows]
    wanted: dict[str, list[ByteSpan]] = defaultdict(list)
    for row, of_row in zip(rows, spans, strict=True):
        wanted[row.shard] += of_row.values()
    held = HeldSpans(storage, wanted)
    for row, of_row in zip(rows, spans, strict=True):
        try:
            yield row, _checked(row, {name: held.bytes_at(row.shard, *span) for name, span in of_row.items()})
        except DamagedError:
            yield row, _read_again(storage, row)


def read_all(storage: Storage, rows: Iterable[CatalogueRow]) -> Iterator[tuple[CatalogueRow, ShardRow | str]]:
    """As `read_rows`, any number of images, in the order in which they lie: 32 MiB of them are held at once."""
    ordered = sorted(rows, key=lambda row: (row.shard, row.payload_offset))
    for part in parts(ordered, _bytes_to_read, most=_MOST_HELD):
        yield from read_rows(storage, part)


def joined(spans: Iterable[ByteSpan]) -> list[ByteSpan]:
    """What to read to have all of some spans: those with little between them are one."""
    reads: list[ByteSpan] = []
    for offset, length in sorted(spans):
        end = sum(reads[-1]) if reads else 0
        if reads and offset <= end + _GAP:
            reads[-1] = (reads[-1][0], max(end, offset + length) - reads[-1][0])
        else:
            reads.append((offset, length))
    return reads


def row_in(row: CatalogueRow, data: bytes) -> ShardRow:
    """One image out of the bytes of its shard, with all that lies there of it; nothing is checked.

    But a preview that is damaged is left out: the image does without, and `tenfold preview` makes another.
    """
    spans = spans_of(row, ("payload", *ATTACHMENTS))
    parts = {name: data[offset : offset + length] for name, (offset, length) in spans.items()}
    if "preview" in parts and google_crc32c.value(parts["preview"]) != row.preview_crc32c:
        del parts["preview"]
    return _shard_row(row, **parts)


class HeldSpans:
    """Some bytes of some shards, read at the same time, in few reads; those that are not there are empty."""

    def __init__(self, storage: Storage, spans: Mapping[str, Iterable[ByteSpan]]) -> None:
        """Begin to read; `spans` are of the shards that they are named by."""
        reads = {shard: joined(of_shard) for shard, of_shard in spans.items()}
        self._starts = {shard: [start for start, _ in of_shard] for shard, of_shard in reads.items()}
        self._parts = {
            shard: [shared_threads().submit(_read_if_there, storage, shard, *read) for read in of_shard]
            for shard, of_shard in reads.items()
        }

    def bytes_at(self, shard: str, offset: int, length: int) -> bytes:
        """The bytes of one of the spans, once they have come.

        Raises:
            StorageError: the store does not answer.
        """
        number = bisect_right(self._starts[shard], offset) - 1
        start = offset - self._starts[shard][number]
        return self._parts[shard][number].result()[start : start + length]


def _spans_to_read(row: CatalogueRow) -> dict[str, ByteSpan]:
    """Of the payload, and of the metadata that is not in it.

    Raises:
        ArchiveError: the image failed, so nothing is stored.
    """
    spans = spans_of(row, ("payload", *(EXTRAS if row.status in WITH_PIXELS else ())))
    if "payload" not in spans:
        raise ArchiveError(
            f"Expected a stored image under key {row.key!r}, got one that failed: {row.reason} "
            f"Correct {row.source_url} and compress again."
        )
    return spans


def _bytes_to_read(row: CatalogueRow) -> int:
    return sum(length for _, length in _spans_to_read(row).values())


def _checked(row: CatalogueRow, parts: Mapping[str, bytes], *, is_whole: bool = True) -> ShardRow:
    if is_whole:
        _check(row, "payload", parts["payload"], row.payload_crc32c, offset=row.payload_offset or 0)
    extras = {name: parts[name] for name in EXTRAS if name in parts}
    if extras:
        start, _ = spans_of(row, extras)[next(iter(extras))]
        _check(row, " + ".join(extras), b"".join(extras.values()), row.extras_crc32c, offset=start)
    return _shard_row(row, **parts)


def _shard_row(row: CatalogueRow, **parts: Any) -> ShardRow:
    return ShardRow(**{name: getattr(row, name) for name in _SHARED}, **parts)


def _read_again(storage: Storage, row: CatalogueRow) -> ShardRow | str:
    """An image that was damaged: perhaps on the way alone."""
    try:
        return read_row(storage, row)
    except DamagedError as error:
        return str(error)


def _read_if_there(storage: Storage, shard: str, offset: int, length: int) -> bytes:
    try:
        return _read(storage, shard, offset, length)
    except DamagedError:
        return b""


def _read(storage: Storage, shard: str, offset: int, length: int) -> bytes:
    try:
        return storage.read_range(shard, offset, length)
    except FileNotFoundError as error:
        raise DamagedError(
            f"Expected the shard {shard} at {storage.url}, got nothing there. Restore it from a copy, or open the "
            "archive again if it was pruned since."
        ) from error
    except UnreadableError as error:
        raise unreadable_shard(storage, shard, error) from error
    except StorageError as error:
        size = storage.size(shard)
        if offset + length <= size:
            raise
        raise DamagedError(
            f"Expected the shard {shard} at {storage.url} to reach byte {offset + length:,}, got one of {size:,}: it "
            "was truncated. Restore it from a copy."
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
