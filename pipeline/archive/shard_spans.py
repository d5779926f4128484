"""Where the payloads and metadata of a shard's rows lie in its bytes, as the catalogue tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.parquet_pages import spans_in_dictionary, spans_in_pages
from pipeline.archive.range_reads import ATTACHMENTS, EXTRAS
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.archive.shared_payloads import as_written
from pipeline.types import ShardRow

BYTE_RUNS: Final = ("payload", *ATTACHMENTS)
"""Columns of a shard of which each value is one byte run."""


def catalogue_columns(data: bytes, ordered: Sequence[ShardRow]) -> pa.Table:
    """The catalogue columns of a shard's rows, `shard` left out."""
    written = [as_written(row) for row in ordered]
    spans = {name: _locate(data, name, [getattr(row, name) for row in written]) for name in BYTE_RUNS}
    payloads = spans["payload"]
    spans["payload"] = [
        payloads[number if row.same_as_row is None else row.same_as_row] for number, row in enumerate(ordered)
    ]
    found: dict[str, list[int | None]] = {"row": list(range(len(ordered)))}
    for name, of_rows in spans.items():
        found[f"{name}_offset"] = [None if span is None else span[0] for span in of_rows]
        found[f"{name}_length"] = [None if span is None else span[1] for span in of_rows]
    found["extras_crc32c"] = [_extras_crc32c(row) for row in ordered]
    found["preview_crc32c"] = [
        None if row.preview is None else google_crc32c.value(row.preview) for row in ordered
    ]
    schema = CATALOGUE_SCHEMA.remove(CATALOGUE_SCHEMA.get_field_index("shard"))
    columns = [
        pa.array(found.get(field.name) or [getattr(row, field.name) for row in ordered], field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def with_shard(catalogue: pa.Table, path: str) -> pa.Table:
    """The same with the column `shard`, once it is known where the shard lies."""
    shard = pa.repeat(pa.scalar(path, pa.string()), catalogue.num_rows)
    position = CATALOGUE_SCHEMA.get_field_index("shard")
    return catalogue.add_column(position, CATALOGUE_SCHEMA.field(position), shard)


def _extras_crc32c(row: ShardRow) -> int | None:
    values = [value for name in EXTRAS if (value := getattr(row, name)) is not None]
    return google_crc32c.value(b"".join(values)) if values else None


def _locate(data: bytes, column: str, values: Sequence[bytes | None]) -> list[tuple[int, int] | None]:
    """(offset, length) of each value of an uncompressed column, None for nulls.

    Raises:
        ValueError: the file is not laid out so that every value is one byte run, or holds other values.
    """
    metadata = pq.read_metadata(pa.BufferReader(data))
    if column not in metadata.schema.names:  # a shard of a release that did not have it
        return [None] * len(values)
    spans: list[tuple[int, int] | None] = []
    start = 0
    for group in range(metadata.num_row_groups):
        stop = start + metadata.row_group(group).num_rows
        chunk = _chunk(metadata.row_group(group), column)
        find = spans_in_dictionary if column in ATTACHMENTS else spans_in_pages
        spans += find(data, chunk, values[start:stop])
        start = stop
    for value, span in zip(values, spans, strict=True):
        if (value is None) != (span is None) or (span and data[span[0] : sum(span)] != value):
            raise ValueError(f"Expected every value of column {column} where the pages say, got others.")
    return spans


def _chunk(group: pq.RowGroupMetaData, column: str) -> range:
    """Where the column's pages lie in the file."""
    chunk = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == column)
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    return range(start, start + chunk.total_compressed_size)
