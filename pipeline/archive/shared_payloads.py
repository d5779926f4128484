"""A payload that several rows of a shard have lies with the first of them; the others say which row that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import DamagedError
from pipeline.types import ShardRow


def sharing(ordered: Sequence[ShardRow]) -> list[ShardRow]:
    """The rows, each with the number of the first one that has its payload, if that is not itself."""
    first: dict[bytes, int] = {}
    found: list[ShardRow] = []
    for number, row in enumerate(ordered):
        holder = number if row.payload is None else first.setdefault(row.payload, number)
        found.append(replace(row, same_as_row=None if holder == number else holder))
    return found


def as_written(row: ShardRow) -> ShardRow:
    """A row as its shard holds it: without the payload that lies with an earlier one."""
    return row if row.same_as_row is None else replace(row, payload=None)


def with_payloads(rows: Sequence[ShardRow]) -> list[ShardRow]:
    """The rows of a whole shard, with the payloads that they share.

    Raises:
        ValueError: a row names another than an earlier one that holds its payload itself.
    """
    found: list[ShardRow] = []
    for number, row in enumerate(rows):
        if row.same_as_row is None:
            found.append(row)
            continue
        if not 0 <= row.same_as_row < number or rows[row.same_as_row].same_as_row is not None:
            raise ValueError(
                f"Expected an earlier row that holds the payload of {row.key!r}, got {row.same_as_row}."
            )
        found.append(replace(row, payload=rows[row.same_as_row].payload))
    return found


class PayloadHolders:
    """The rows of a shard that hold a payload for others."""

    def __init__(self, file: pq.ParquetFile, path: str) -> None:
        """Nothing is read yet."""
        self._file, self._path = file, path
        self._group: int | None = None
        self._payloads: pa.ChunkedArray | None = None

    def completed(self, row: ShardRow) -> ShardRow:
        """A row with its payload.

        Raises:
            DamagedError: the row that is to hold it is not there.
        """
        if row.same_as_row is None:
            return row
        number = row.same_as_row
        for group in range(self._file.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            if 0 <= number < count:
                return replace(row, payload=self._of_group(group)[number].as_py(), same_as_row=None)
            number -= count
        raise DamagedError(
            f"Expected row {row.same_as_row} in {self._path} to hold the payload of {row.key!r}, got no such row."
        )

    def _of_group(self, group: int) -> pa.ChunkedArray:
        """The payloads of the row group asked for last stay in memory: neighbours ask for the same."""
        if self._payloads is None or group != self._group:
            self._group = group
            self._payloads = self._file.read_row_group(group, columns=["payload"])["payload"]
        return self._payloads
