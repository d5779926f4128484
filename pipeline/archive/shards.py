"""Shards: immutable Parquet files of images, built in memory, published by one PUT, read by byte ranges.

Rows are sorted by key, in row groups of 16 MiB: each costs a description of 40 columns, so that 256 thumbnails to a
group would take a third more for what is told of them.

Any Parquet reader opens a shard; to fetch one image none is needed:

- `payload` is PLAIN, uncompressed, without dictionary or statistics: each payload is one byte run.
  A payload that an earlier row of the shard has too lies there alone: `same_as_row` says which.
- `exif`, `icc`, `xmp`, `alpha`, `carried` and `preview` are dictionary-encoded and uncompressed: each distinct value
  lies once per row group in the dictionary page, as one byte run, and the rows that share it (a colour profile, an
  opaque alpha plane) point at it. So the previews of neighbours lie side by side, apart from the payloads.

Where these runs lie goes into the catalogue. So an image without metadata costs one range read, each kind of metadata
one more, of exactly its bytes, and the previews of a page of neighbours one for all. Compressing those columns would
save a little room, but a reader would have to fetch the footer and up to 16 MiB of column chunk for one EXIF block.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.layout import parse_shard_path, sha16, shard_path
from pipeline.archive.lost_reason import with_legacy_lost_shard
from pipeline.archive.range_reads import ATTACHMENTS
from pipeline.archive.schema import SHARD_SCHEMA, columns_of, rows_of
from pipeline.archive.shard_spans import BYTE_RUNS, catalogue_columns, with_shard
from pipeline.archive.shared_payloads import PayloadHolders, as_written, sharing, with_payloads
from pipeline.archive.unreadable import unreadable_shard
from pipeline.errors import DamagedError, NewerFormatError, UnreadableError
from pipeline.store.storage import Storage
from pipeline.types import ShardRow

SHARD_FORMAT = 2
"""Written into every shard as `tenfold.format`; what raises it is told at `ARCHIVE_FORMAT`."""
_ROW_GROUP_ROWS = 8192
_ROW_GROUP_BYTES = 16 * 2**20
_ZSTD_LEVEL = 9
_MAX_ROW_BYTES = 2**31 - 2**20  # a Parquet page has a signed 32-bit size
_REPETITIVE = ["source_format", "mode", "status", "reason", "codec", "run", *ATTACHMENTS]
_FRAME = 8
"""Bytes at the end of a Parquet file: the footer's length, and PAR1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shard:
    """A finished shard, not yet published."""

    data: bytes
    """The Parquet file."""
    sha256: str
    """Of `data`, hexadecimal."""
    catalogue: pa.Table
    """CATALOGUE_SCHEMA without `shard`, in row order."""

    def named(self, path: str) -> pa.Table:
        """The catalogue rows, once it is known where the shard lies."""
        return with_shard(self.catalogue, path)


def why_too_large(row: ShardRow) -> str | None:
    """Why a shard cannot hold a row; None where it can."""
    found = _heavy_bytes(row)
    return (
        None
        if found <= _MAX_ROW_BYTES
        else f"expected an image that is stored in under 2 GiB, got {found:,} bytes"
    )


def build_shard(rows: Sequence[ShardRow], *, metadata: Mapping[str, str]) -> Shard:
    """Write rows as a Parquet file in memory and find where every payload lies in it.

    Equal input gives equal bytes (under one version of pyarrow). Every offset is checked by comparing bytes.

    Args:
        rows: at least one, with distinct keys, in any order.
        metadata: written as the file's key-value metadata.
    Raises:
        ValueError: no row, a key twice, a payload whose CRC differs from its row, or a row over 2 GiB.
    """
    ordered = sharing(sorted(rows, key=lambda row: row.key))
    _check_rows(ordered)
    data = _write(ordered, {"tenfold.format": str(SHARD_FORMAT), **metadata})
    return Shard(
        data=data, sha256=hashlib.sha256(data).hexdigest(), catalogue=catalogue_columns(data, ordered)
    )


def publish(storage: Storage, shard: Shard, run: str, number: int) -> str:
    """Put a shard into the archive with one PUT and return its path.

    The name holds the hash of the content: a shard of that name and size is this one, and nothing is written. A prune
    cannot be about to remove it: the content holds the moments at which its rows were made (`encoded_at`), so only
    this very shard, made just now, has the name.
    """
    path = shard_path(run, number, shard.sha256)
    try:
        if storage.size(path) == len(shard.data):
            return path
    except FileNotFoundError:
        pass
    storage.write(path, shard.data)
    return path


def iter_rows(
    storage: Storage, path: str, *, only: Collection[int] | None = None
) -> Iterator[tuple[int, ShardRow]]:
    """(row number, row) of a shard, in row order, for bulk decoding.

    One GET of the whole shard; holds its bytes and one row group of rows.

    Args:
        only: row numbers wanted, or None for all; row groups without one of them are skipped.
    Raises:
        DamagedError: the shard is missing, or its bytes are not those its name promises.
    """
    yield from rows_in(_read_checked(storage, path), path, only=only)


def rows_in(data: bytes, path: str, *, only: Collection[int] | None = None) -> Iterator[tuple[int, ShardRow]]:
    """`iter_rows` of a shard's bytes, which are not checked again."""
    wanted = None if only is None else frozenset(only)
    start = 0
    with _open(data, path) as file:
        holders = PayloadHolders(file, path)
        for group in range(file.num_row_groups):
            numbers = range(start, start + file.metadata.row_group(group).num_rows)
            start = numbers.stop
            chosen = [number for number in numbers if wanted is None or number in wanted]
            if chosen:
                table = file.read_row_group(group)
                if len(chosen) < len(numbers):
                    table = table.take([number - numbers.start for number in chosen])
                rows = (holders.completed(row) for row in _rows_of_group(table))
                yield from zip(chosen, rows, strict=True)


def check_frame(storage: Storage, path: str, last: int) -> None:
    """See that a shard ends as it must, by one read of its last bytes: a truncated or overgrown one does not.

    Args:
        last: where the last payload or metadata that the catalogue knows of ends.
    Raises:
        DamagedError: it is missing, or ends otherwise.
    """
    try:
        size = storage.size(path)
        end = storage.read_range(path, max(0, size - _FRAME), min(size, _FRAME))
    except FileNotFoundError as error:
        raise _missing(storage, path) from error
    except UnreadableError as error:
        raise unreadable_shard(storage, path, error) from error
    footer = int.from_bytes(end[:4], "little")
    if end[4:] != b"PAR1" or last > size - _FRAME - footer:
        raise DamagedError(
            f"Expected the shard {path} to end as a Parquet file does, behind byte {last:,}, got something else in "
            f"its {size:,} bytes: it is truncated, or not the file that was written. Restore it from a copy."
        )


def catalogue_rows(data: bytes, path: str) -> pa.Table:
    """The catalogue rows of a published shard, from its bytes: CATALOGUE_SCHEMA, in row order.

    Raises:
        DamagedError: the bytes are not those the shard's name promises.
        NewerFormatError: they are, and of a format that is not known here.
    """
    _check_sha256(data, path)
    with _open(data, path) as file:
        _check_format(file, path)
        rows = [
            row for group in range(file.num_row_groups) for row in _rows_of_group(file.read_row_group(group))
        ]
    try:
        rows = with_payloads(rows)
        _check_rows(rows)
        catalogue = catalogue_columns(data, rows)
    except ValueError as error:
        raise DamagedError(
            f"Expected a Tenfold shard at {path}, got: {error} Its bytes are as they were written: was it "
            "written by something else?"
        ) from error
    return with_shard(catalogue, path)


def _rows_of_group(table: pa.Table) -> list[ShardRow]:
    return rows_of(with_legacy_lost_shard(table), ShardRow)


def _check_format(file: pq.ParquetFile, path: str) -> None:
    written = (file.metadata.metadata or {}).get(b"tenfold.format", b"").decode()
    if written.isdecimal() and int(written) > SHARD_FORMAT:
        raise NewerFormatError(
            f"Expected shards of format {SHARD_FORMAT} or older, got format {written} at {path}. Install a newer "
            "Tenfold to use the archive."
        )


def _check_rows(ordered: Sequence[ShardRow]) -> None:
    if not ordered:
        raise ValueError("Expected at least one row for a shard, got none.")
    for before, row in itertools.pairwise(ordered):
        if before.key >= row.key:
            raise ValueError(f"Expected each key once, in order, got {before.key!r} and then {row.key!r}.")
    for row in ordered:
        crc = None if row.payload is None else google_crc32c.value(row.payload)
        if crc != row.payload_crc32c:
            raise ValueError(f"Expected payload CRC32C {row.payload_crc32c} for key {row.key!r}, got {crc}.")
        if (reason := why_too_large(row)) is not None:
            raise ValueError(f"Key {row.key!r}: {reason}.")


def _heavy_bytes(row: ShardRow) -> int:
    return sum(len(getattr(row, name) or b"") for name in BYTE_RUNS) - len(_shared_payload(row))


def _shared_payload(row: ShardRow) -> bytes:
    return (row.payload or b"") if row.same_as_row is not None else b""


def _write(ordered: Sequence[ShardRow], metadata: Mapping[str, str]) -> bytes:
    schema = SHARD_SCHEMA.with_metadata(dict(sorted(metadata.items())))
    leaves = [f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name for f in schema]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        schema,
        version="2.6",
        data_page_version="1.0",
        use_dictionary=_REPETITIVE,
        dictionary_pagesize_limit=2**31 - 1,  # a dictionary that overflows would spread values over pages
        column_encoding={"payload": "PLAIN"},
        compression={leaf: "NONE" if leaf in BYTE_RUNS else "ZSTD" for leaf in leaves},
        compression_level={leaf: _ZSTD_LEVEL for leaf in leaves if leaf not in BYTE_RUNS},
        write_statistics=["key"],  # what is looked for by its columns is found in the catalogue
        write_page_checksum=True,
        sorting_columns=[pq.SortingColumn(schema.get_field_index("key"))],
    ) as writer:
        for numbers in _row_groups(ordered):
            group = [as_written(row) for row in ordered[numbers.start : numbers.stop]]
            columns = [*columns_of(group, schema.remove(len(schema) - 1)), pa.array(numbers, pa.int64())]
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=len(group))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _row_groups(ordered: Sequence[ShardRow]) -> Iterator[range]:
    start = group_bytes = 0
    for number, row in enumerate(ordered):
        row_bytes = _heavy_bytes(row)
        if number > start and (
            number - start == _ROW_GROUP_ROWS or group_bytes + row_bytes > _ROW_GROUP_BYTES
        ):
            yield range(start, number)
            start, group_bytes = number, 0
        group_bytes += row_bytes
    yield range(start, len(ordered))


def _read_checked(storage: Storage, path: str) -> bytes:
    try:
        data = storage.read(path)
    except FileNotFoundError as error:
        raise _missing(storage, path) from error
    except UnreadableError as error:
        raise unreadable_shard(storage, path, error) from error
    _check_sha256(data, path)
    return data


def _missing(storage: Storage, path: str) -> DamagedError:
    return DamagedError(
        f"Expected the shard {path} at {storage.url}, got nothing there. Restore it from a copy."
    )


def _check_sha256(data: bytes, path: str) -> None:
    named = parse_shard_path(path).sha16
    found = sha16(data)
    if found != named:
        raise DamagedError(
            f"Expected SHA-256 {named}... for the shard {path}, got {found}... ({len(data)} bytes): its "
            "bytes are not those that were written. Restore it from a copy, or compress its images again."
        )


def _open(data: bytes, path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(data))
    except pa.ArrowException as error:
        raise DamagedError(f"Expected a Parquet file at {path}, got: {error}") from error
