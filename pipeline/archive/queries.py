"""Reading the catalogue's table by SQL, streamed, in the types of CATALOGUE_SCHEMA.

SQL alone reads it: files that MERGE rewrote hold string views, which break pyarrow's own dataset filters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import QueryBuilder

from pipeline.archive.asked_columns import AskedColumns
from pipeline.archive.data_files import in_types_of
from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.range_reads import ATTACHMENTS
from pipeline.archive.rows_by_shard import ShardContent
from pipeline.archive.schema import schema_of_columns
from pipeline.archive.sql_text import one_of
from pipeline.archive.whole_files import all_rows, can_be_read_whole

IS_FAILED: Final = "status = 'failed'"
_RANGES_PER_QUERY: Final = 20
_SHARDS_PER_QUERY: Final = 1000
_ROWS_PER_RANGE: Final = 1000
"""Asking for one more range costs about as much as reading so many rows; beyond that, all are read."""


class Snapshot:
    """The rows of one version of a table, to be asked for in parts, whatever is committed meanwhile.

    The files in which they lie must have been found to be what was written: `DeltaCatalogueTable.check`.
    """

    def __init__(self, table: DeltaCatalogueTable, columns: Sequence[str] | None) -> None:
        """Take the table as it is seen now.

        Args:
            columns: names, or None for all.
        Raises:
            ValueError: no such column.
        """
        self._asked = AskedColumns.of(columns)
        self._table = table
        self._query = QueryBuilder().register("t", table.opened())
        present = columns_of(table)
        names = [quoted(name) for name in self._asked.read.names if name in present]
        self._sql = f"SELECT {', '.join(names) or 'key'} FROM t"

    def rows(
        self, *, where: str | None = None, order: Sequence[str] = (), keys: KeyRanges | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Stream some of them; as `select`."""
        sql = self._sql
        conditions = [
            f"({one})" for one in (None if keys is None else keys.condition(), where) if one is not None
        ]
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        if order:
            sql += f" ORDER BY {', '.join(map(quoted, order))}"
        with self._table.translated(where):
            for batch in pa.RecordBatchReader.from_stream(self._query.execute(sql)):
                yield self._asked.of_rows(batch)


def select(
    table: DeltaCatalogueTable,
    columns: Sequence[str] | None = None,
    *,
    where: str | None = None,
    keys: KeyRanges | None = None,
) -> Iterator[pa.RecordBatch]:
    """Stream rows, in memory that does not grow with the table; see `Catalogue.scan`.

    Args:
        keys: only these, in a few ranges; None for all.
    """
    if where is None and keys is None and can_be_read_whole(table):
        yield from all_rows(table, AskedColumns.of(columns))
        return
    snapshot = Snapshot(table, columns)
    table.opened_for(keys)
    yield from snapshot.rows(where=where, keys=keys)


def select_keys(
    table: DeltaCatalogueTable, keys: KeyRanges, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Stream the rows of some keys. Few ranges cost what they hold, many no more than one look at all rows."""
    names = schema_of_columns(columns).names
    if len(keys) * _ROWS_PER_RANGE <= count(table):
        for part in keys.cut(_RANGES_PER_QUERY):
            yield from select(table, names, keys=part)
    elif len(keys):
        for batch in select(table, list(dict.fromkeys([*names, "key"])), keys=keys.extent()):
            yield batch.filter(keys.hold(batch["key"])).select(names)


def count(table: DeltaCatalogueTable) -> int:
    """Number of rows, as the log tells it."""
    with table.translated():
        return int(table.opened().count())


def join(
    sides: Mapping[str, DeltaCatalogueTable], columns: Sequence[str], *, how: str, rest: str = ""
) -> Iterator[pa.RecordBatch]:
    """Stream what two tables say of the same keys: each column as `SIDE_NAME`, of one side and then of the other.

    Args:
        sides: the name of each table in SQL, and the table.
        how: the SQL join, as `JOIN` or `FULL OUTER JOIN`.
        rest: conditions and order.
    Raises:
        ValueError: no such column.
    """
    plain = schema_of_columns(columns)
    one, other = sides
    schema = pa.schema([field.with_name(f"{side}_{field.name}") for side in sides for field in plain])
    named = ", ".join(
        f"{side}.{quoted(name)} AS {side}_{name}"
        for side, table in sides.items()
        for name in columns
        if name in columns_of(table)
    )
    sql = f"SELECT {named} FROM {one} {how} {other} ON {one}.key = {other}.key {rest}"
    with sides[one].translated():
        query = QueryBuilder()
        for side, table in sides.items():
            query = query.register(side, table.opened_for())
        for batch in pa.RecordBatchReader.from_stream(query.execute(sql)):
            yield in_types_of(schema, batch)


def shards_in(
    table: DeltaCatalogueTable, *, where: str | None = None, keys: KeyRanges | None = None
) -> set[str]:
    """Paths of the shards in which rows lie that meet a condition; `keys` as for `select`."""
    shards: set[str] = set()
    for batch in select(table, ["shard"], where=where, keys=keys):
        shards.update(pc.unique(batch["shard"]).to_pylist())
    return shards


def select_shards(table: DeltaCatalogueTable, shards: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Stream the rows of some shards."""
    if not shards:
        return
    where = one_of("shard", sorted(shards)) if len(shards) <= _SHARDS_PER_QUERY else None
    wanted = pa.array(sorted(shards), pa.string())
    for batch in select(table, where=where):
        yield batch if where else batch.filter(pc.is_in(batch["shard"], value_set=wanted))


def shard_contents(table: DeltaCatalogueTable) -> list[ShardContent]:
    """What the rows of each shard say in all, sorted by shard."""
    present = columns_of(table)
    ends = [
        f"max({name}_offset + {name}_length)"
        for name in ("payload", *ATTACHMENTS)
        if f"{name}_offset" in present
    ]
    sql = (
        f"SELECT shard, count(*), count(*) FILTER (WHERE NOT ({IS_FAILED})), {', '.join(ends)} FROM t "
        "GROUP BY shard ORDER BY shard"
    )
    with table.translated():
        found = pa.RecordBatchReader.from_stream(
            QueryBuilder().register("t", table.opened_for()).execute(sql)
        )
        return [
            ShardContent(shard=shard, images=images, stored=stored, end=max(end or 0 for end in of_shard))
            for batch in found
            for shard, images, stored, *of_shard in zip(
                *(column.to_pylist() for column in batch), strict=True
            )
        ]


def repeated_keys(table: DeltaCatalogueTable) -> dict[str, int]:
    """Keys that have more than one row, and how many."""
    sql = "SELECT key, count(*) AS rows FROM t GROUP BY key HAVING count(*) > 1"
    with table.translated():
        found = QueryBuilder().register("t", table.opened_for()).execute(sql)
        return {
            row["key"]: row["rows"]
            for batch in pa.RecordBatchReader.from_stream(found)
            for row in batch.to_pylist()
        }


def columns_of(table: DeltaCatalogueTable) -> set[str]:
    """The columns that a table has: an older catalogue lacks some."""
    return {field.name for field in table.opened().schema().fields}


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name + '"'
