"""Columns that somebody wants of the catalogue, and what an older release wrote in place of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from pipeline.archive.data_files import in_types_of
from pipeline.archive.lost_reason import LOST_SHARD, with_legacy_lost_shard
from pipeline.archive.schema import schema_of_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedColumns:
    """By their names, and what is read for them."""

    names: Sequence[str]
    read: pa.Schema
    """Those columns, and the reason where it may hold one of them."""

    @classmethod
    def of(cls, columns: Sequence[str] | None) -> Self:
        """By their names; None for all.

        Raises:
            ValueError: no such column.
        """
        names = schema_of_columns(columns).names
        needs_reason = LOST_SHARD in names and "reason" not in names
        return cls(names=names, read=schema_of_columns([*names, "reason"] if needs_reason else names))

    def of_rows(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The columns, in the types of CATALOGUE_SCHEMA, of rows that have what was read."""
        typed = in_types_of(self.read, rows)
        return with_legacy_lost_shard(typed).select(self.names) if LOST_SHARD in self.names else typed
