"""Sums over the rows of a catalogue, of a few narrow columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.totals import own_payload_bytes

_BY: Final = ("status", "source_format", "codec", "weights")
_OTHERS: Final = ("shard", "damaged", "source_size", "payload_length", "same_as_row", "preview_length")
COLUMNS: Final = (*_BY, *_OTHERS)
"""The columns that are read: a few bytes of each row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusInfo:
    """The images of one status."""

    images: int = 0
    source_bytes: int = 0
    """Of their files."""
    payload_bytes: int = 0
    """In the shards; a payload that images share counts once."""

    def __add__(self, other: StatusInfo) -> StatusInfo:
        return StatusInfo(
            images=self.images + other.images,
            source_bytes=self.source_bytes + other.source_bytes,
            payload_bytes=self.payload_bytes + other.payload_bytes,
        )


@dataclass(slots=True, kw_only=True)
class RowSums:
    """What the rows so far come to. Of a failed image nothing is stored, and no byte is counted."""

    by_status: dict[str, StatusInfo] = field(default_factory=dict)
    damaged: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    """Images by the format of their file."""
    codecs: Counter[str] = field(default_factory=Counter)
    """Coded images."""
    weights: Counter[str] = field(default_factory=Counter)
    """Coded images by the digest of the weights file that they need."""
    shards: set[str] = field(default_factory=set)
    previews: int = 0
    """Images with a preview in their shard."""

    def add(self, rows: pa.RecordBatch) -> None:
        """Rows that have `COLUMNS`."""
        self.damaged += int(pc.sum(rows["damaged"]).as_py() or 0)
        self.previews += len(rows) - rows["preview_length"].null_count
        self.shards.update(filter(None, pc.unique(rows["shard"]).to_pylist()))
        own = own_payload_bytes(rows)
        table = pa.table([*(rows[name] for name in (*_BY, "source_size")), own], [*_BY, "source_size", "own"])
        sums = table.group_by(list(_BY)).aggregate(
            [("source_size", "sum"), ("own", "sum"), ([], "count_all")]
        )
        for group in sums.to_pylist():
            self._add_group(group["count_all"], group["source_size_sum"], group["own_sum"], group)

    def _add_group(self, images: int, source: int | None, own: int | None, by: dict[str, str | None]) -> None:
        status = by["status"] or ""
        is_stored = status != "failed"
        self.by_status[status] = self.by_status.get(status, StatusInfo()) + StatusInfo(
            images=images,
            source_bytes=(source or 0) if is_stored else 0,
            payload_bytes=(own or 0) if is_stored else 0,
        )
        if is_stored:
            self.formats[by["source_format"] or "unknown"] += images
        if status == "coded":
            self.codecs[by["codec"] or ""] += images
            if by["weights"] is not None:
                self.weights[by["weights"]] += images
