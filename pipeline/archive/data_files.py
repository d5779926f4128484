"""The Parquet files in which the catalogue's rows lie: what the log says of them, how they are read and written.

Rows are sorted by key in small row groups, so that a look-up opens one of them. Encodings are those that every reader
of Parquet knows, Spark's too: keys as what they add to the one before, numbers as differences, all of it under zstd.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.layout import CATALOGUE_FOLDER
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.store.storage import Storage

SKIPPED_BY: Final = ("key", "run", "status")
"""Columns whose statistics the log and the files hold: those that we look up by."""
_ROWS_PER_GROUP: Final = 2_048
_ROWS_PER_BATCH: Final = 16_384
_OF_FEW_VALUES: Final = (
    *("source_format", "mode", "status", "reason", "damaged", "packing", "codec", "weights", "run", "shard"),
    *(
        "width",
        "height",
        "bit_depth",
        "orientation",
        "quality",
        "effort",
        "importance",
        "words",
        "latent_shape.list.element",
    ),
)
_FRONT_CODED: Final = ("key", "source_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file of a version, as the log tells of it."""

    name: str
    """As the log writes it."""
    size: int
    """Bytes."""
    rows: int
    first: str
    """No key in it is smaller."""
    last: str | None
    """No key in it is greater; None where the log does not say."""

    @property
    def path(self) -> str:
        """Where it lies below the archive."""
        return f"{CATALOGUE_FOLDER}/{unquote(self.name)}"

    def removed(self, *, moves_rows: bool) -> RemoveAction:
        """What the log says when it goes; `moves_rows` when its rows only lie elsewhere from then on."""
        return RemoveAction(self.name, not moves_rows, _now_ms(), self.size, {})


Read = Callable[[DataFile], bytes]
"""Gives the bytes of a file, which are what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file that lies there, and that no version refers to yet."""

    facts: DataFile
    statistics: str
    """As Delta wants them: JSON."""

    def added(self, *, moves_rows: bool) -> AddAction:
        """What the log says when it comes; `moves_rows` when its rows lay elsewhere before."""
        facts = self.facts
        return AddAction(facts.name, facts.size, {}, _now_ms(), not moves_rows, self.statistics)


def publish(archive: Storage, rows: pa.Table) -> NewFile:
    """Write rows that are sorted by key, at least one, where no reader looks for them before a version names them.

    Under a name that no file had before: a prune may be removing one of the same rows.
    """
    data = _parquet_of(rows)
    extents = {name: pc.min_max(rows[name]).as_py() for name in SKIPPED_BY}
    statistics = {
        "numRecords": rows.num_rows,
        "minValues": {name: extent["min"] for name, extent in extents.items()},
        "maxValues": {name: extent["max"] for name, extent in extents.items()},
        "nullCount": dict.fromkeys(SKIPPED_BY, 0),
    }
    facts = DataFile(
        name=f"part-00000-{uuid4()}-c000.zstd.parquet",
        size=len(data),
        rows=rows.num_rows,
        first=extents["key"]["min"],
        last=extents["key"]["max"],
    )
    archive.write(facts.path, data)
    # escaped, characters beyond the first 65,536 would reach deltalake as others
    text = json.dumps(statistics, separators=(",", ":"), ensure_ascii=False)
    return NewFile(facts=facts, statistics=text)


@dataclass(frozen=True, kw_only=True)
class VersionFiles:
    """The files that a version consists of."""

    version: int
    files: Sequence[DataFile]

    @classmethod
    def of(cls, table: DeltaTable) -> Self:
        """Those of the version that a table is at."""
        return cls(version=table.version(), files=_files_in(table))

    @cached_property
    def edition(self) -> str:
        """As `Catalogue.edition` has it."""
        names = "\n".join(sorted(file.path for file in self.files))
        return f"{self.version}.{hashlib.sha256(names.encode()).hexdigest()[:8]}"


def _files_in(table: DeltaTable) -> list[DataFile]:
    listed = table.get_add_actions(flatten=True)
    actions = pa.RecordBatchReader.from_stream(listed).read_all()  # `pa.table` would load pandas to look
    unknown = [None] * actions.num_rows
    first, last = (
        actions[name].to_pylist() if name in actions.column_names else unknown
        for name in ("min.key", "max.key")
    )
    counts = actions["num_records"].to_pylist() if "num_records" in actions.column_names else unknown
    facts = zip(
        actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), counts, first, last, strict=True
    )
    return [
        DataFile(name=name, size=size, rows=rows or 0, first=low or "", last=high)
        for name, size, rows, low, high in facts
    ]


def touched_by(keys: KeyRanges, files: Sequence[DataFile]) -> list[DataFile]:
    """The files in which some keys can lie, by what the log says."""
    return [file for file in files if keys.touches(file.first, file.last)]


def batches_in(data: bytes, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a file in the types of CATALOGUE_SCHEMA, in memory that does not grow with the file.

    Args:
        columns: names, or None for all; what a file of an older release lacks is null.
    """
    from pyarrow.parquet import ParquetFile  # looking up needs none

    wanted = CATALOGUE_SCHEMA if columns is None else pa.schema(map(CATALOGUE_SCHEMA.field, columns))
    with ParquetFile(pa.BufferReader(data)) as file:
        held = [name for name in wanted.names if name in file.schema_arrow.names]
        for batch in file.iter_batches(_ROWS_PER_BATCH, columns=held):
            yield in_types_of(wanted, batch)


def in_types_of(schema: pa.Schema, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Plain types instead of views, and nulls for columns that an older catalogue does not have."""
    held = set(batch.schema.names)
    columns = [
        batch.column(field.name).cast(field.type) if field.name in held else pa.nulls(len(batch), field.type)
        for field in schema
    ]
    return pa.record_batch(columns, schema=schema)


def total_rows(files: Collection[DataFile]) -> int:
    """Rows in files together."""
    return sum(file.rows for file in files)


def _parquet_of(rows: pa.Table) -> bytes:
    from pyarrow.parquet import ParquetWriter

    numbers = [
        field.name
        for field in rows.schema
        if (pa.types.is_int64(field.type) or pa.types.is_timestamp(field.type))
        and field.name not in _OF_FEW_VALUES
    ]
    sink = pa.BufferOutputStream()
    with ParquetWriter(
        sink,
        rows.schema,
        compression="zstd",
        use_dictionary=list(_OF_FEW_VALUES),
        column_encoding={
            **dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
            **dict.fromkeys(_FRONT_CODED, "DELTA_BYTE_ARRAY"),
        },
        write_statistics=list(SKIPPED_BY),
        write_page_checksum=True,
    ) as writer:
        writer.write_table(rows, row_group_size=_ROWS_PER_GROUP)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
