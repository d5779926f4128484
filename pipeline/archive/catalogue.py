"""The catalogue: one Delta Lake table, one row per image key. What is committed in it is in the archive.

DuckDB, Polars, Spark and pandas read the table without us. We read it through SQL alone: files that MERGE rewrote hold
string views, which break pyarrow's own dataset filters.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, QueryBuilder
from deltalake.exceptions import CommitFailedError

from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.layout import CATALOGUE_FOLDER
from pipeline.archive.lost_reason import LOST_SHARD, with_legacy_lost_shard
from pipeline.archive.schema import CATALOGUE_SCHEMA, rows_of
from pipeline.archive.versions import CHANGE_COLUMNS, AsOf, Change, Version, changes_of
from pipeline.errors import ArchiveError, NoArchiveError
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

_COMMIT_ATTEMPTS = 24
_LONGEST_PAUSE_S = 4.0
_KEYS_PER_LOOKUP = 1000
_NEWER = (
    "s.status <> 'failed' AND s.encoded_at >= t.encoded_at AND ("
    "(t.source_size IS DISTINCT FROM s.source_size)"
    " OR (t.source_etag IS DISTINCT FROM s.source_etag)"
    " OR (s.source_etag IS NULL AND (t.source_mtime IS DISTINCT FROM s.source_mtime))"
    " OR (t.source_sha256 IS DISTINCT FROM s.source_sha256))"
)
"""The row comes from another version of the source than the one the catalogue holds, could be read, and is no older
one: a killed run, resumed after another has been there, has such."""
_RETRIED = "(t.status = 'failed' AND (s.status <> 'failed' OR t.run <> s.run))"
"""What failed is replaced by whatever came of trying again; not by a second driver of the same run."""


def literal(text: str) -> str:
    """A text as an SQL literal, for `where` of `Catalogue.scan`."""
    return "'" + text.replace("'", "''") + "'"


class Catalogue:
    """The catalogue of one archive. Sees the table as it was when first used, until `refresh` or `commit`."""

    def __init__(self, storage: Storage, *, as_of: AsOf | None = None) -> None:
        """Take the archive's root; nothing is contacted yet.

        Args:
            as_of: look at this version, for reading only, whatever is committed later.
        """
        self._table = DeltaCatalogueTable(storage, as_of=as_of)

    def exists(self) -> bool:
        """Whether the root is a Tenfold archive.

        Raises:
            ArchiveError: it is one, of a newer format.
        """
        try:
            self._table.opened()
        except NoArchiveError:
            return False
        return True

    def create(self, *, over_lost: bool = False) -> None:
        """Make an empty catalogue unless there is one. Two that create at once end up with the same table.

        Args:
            over_lost: also where a catalogue was lost: all that the shards hold is to be committed to it.
        Raises:
            LostCatalogueError: it was lost, and nobody said so: what is in the shards alone would be forgotten.
            ArchiveError: the folder holds another Delta table, or an archive of a newer format.
        """
        self._table.create(over_lost=over_lost)

    def refresh(self) -> None:
        """See what others have committed since."""
        self._table.refresh()

    def version(self) -> int:
        """Version of the Delta table as seen now; grows by one with every commit."""
        return int(self._table.opened().version())

    def versions(self) -> list[Version]:
        """All versions that can still be read, up to the one seen now; the newest first."""
        return self._table.versions()

    def changes_since(self, older: Catalogue) -> Iterator[Change]:
        """The images that this version holds otherwise than an older one, streamed, sorted by key."""
        columns = ", ".join(
            f'{side}."{name}" AS {side}_{name}' for side in ("before", "after") for name in CHANGE_COLUMNS
        )
        sql = (
            f"SELECT {columns} FROM before FULL OUTER JOIN after ON before.key = after.key"
            " WHERE (before.shard IS DISTINCT FROM after.shard) OR (before.row IS DISTINCT FROM after.row)"
            " ORDER BY coalesce(before.key, after.key)"
        )
        with self._table.translated():
            before, after = older._table.opened(), self._table.opened()
            both = QueryBuilder().register("before", before).register("after", after)
            for batch in pa.RecordBatchReader.from_stream(both.execute(sql)):
                yield from changes_of(batch.to_pylist())

    def beside(self, other: Catalogue, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The images that another archive holds too, streamed: each column as `this_NAME` and as `other_NAME`."""
        _check_columns(columns)
        sides = [(side, name) for side in ("this", "other") for name in columns]
        schema = pa.schema([CATALOGUE_SCHEMA.field(name).with_name(f"{side}_{name}") for side, name in sides])
        named = ", ".join(f'{side}."{name}" AS {side}_{name}' for side, name in sides)
        sql = f"SELECT {named} FROM this JOIN other ON this.key = other.key"
        with self._table.translated():
            mine, theirs = self._table.opened(), other._table.opened()
            both = QueryBuilder().register("this", mine).register("other", theirs)
            for batch in pa.RecordBatchReader.from_stream(both.execute(sql)):
                yield _as_schema(batch, schema)

    def commit(
        self,
        rows: pa.Table,
        *,
        run: str,
        info: Mapping[str, str] | None = None,
        over: Collection[str] = (),
    ) -> int:
        """Make rows part of the archive, all of them or none, and return how many were new or changed.

        A key that is new is added. A key that is there is replaced when the row comes from another version of
        the source, or when it failed before; else the row is left as it is. A failed row never replaces one
        that has a payload. So committing twice, or by two drivers of the same run, changes nothing the second
        time.

        Args:
            rows: CATALOGUE_SCHEMA, each key once.
            run: written into the commit, with `info`.
            over: shards that are lost or damaged: a row that lies in one of them is replaced whatever the new one
                is, also by a failed one.
        Raises:
            ValueError: a key twice.
            ArchiveError: other writers kept getting in between, or the table refused the rows.
            StorageError: the store did not answer as it should.
        """
        if rows.num_rows == 0:
            return 0
        if pc.count_distinct(rows["key"]).as_py() != rows.num_rows:
            counts = pc.value_counts(rows["key"].combine_chunks()).to_pylist()
            twice = next(entry["values"] for entry in counts if entry["counts"] > 1)
            raise ValueError(f"Expected each key once in a commit, got {twice!r} again.")
        return self._outlasting_others(
            lambda properties: self._merge(rows, properties, frozenset(over)),
            f"commit {rows.num_rows} rows to",
            run,
            info,
        )

    def remove(self, rows: pa.Table, *, run: str, info: Mapping[str, str] | None = None) -> int:
        """Take images out of the archive, all of them or none, and return how many; older versions keep them.

        Args:
            rows: `key`, `shard` and `row`: only images that are still encoded as these say.
            run, info: as for `commit`.
        Raises:
            ArchiveError, StorageError: as `commit`.
        """
        if rows.num_rows == 0:
            return 0
        return self._outlasting_others(
            lambda properties: self._delete(rows, properties),
            f"remove {rows.num_rows} images from",
            run,
            info,
        )

    def _outlasting_others(
        self,
        change: Callable[[CommitProperties], int],
        what: str,
        run: str,
        info: Mapping[str, str] | None,
    ) -> int:
        if self._table.as_of is not None:
            raise ValueError(f"Expected the newest version to commit to, got version {self._table.as_of}.")
        properties = CommitProperties(custom_metadata={**(info or {}), "tenfold.run": run})
        for attempt in range(_COMMIT_ATTEMPTS):
            self.refresh()
            try:
                with self._table.translated():
                    return change(properties)
            except CommitFailedError:
                pass  # another writer was faster: look what it wrote, and merge with that
            time.sleep(random.uniform(0.2, 1) * min(_LONGEST_PAUSE_S, 0.05 * 2**attempt))
        raise ArchiveError(
            f"Expected to {what} {self._table.storage.url}, got {_COMMIT_ATTEMPTS} conflicts with other writers. Are "
            "many runs writing to this archive? Run the same command again."
        )

    def _merge(self, rows: pa.Table, properties: CommitProperties, over: frozenset[str]) -> int:
        replaced = f"({_NEWER}) OR {_RETRIED}"
        if over:  # of maybe very many, only those that these rows can lie in
            shards = over & self._shards(where=_within(rows, "key"))
            if shards:
                replaced += f" OR t.shard IN ({', '.join(map(literal, sorted(shards)))})"
        done = (
            self._table.opened()
            .merge(
                rows.cast(CATALOGUE_SCHEMA),
                predicate=f"t.key = s.key AND {_within(rows)}",
                source_alias="s",
                target_alias="t",
                merge_schema=True,
                commit_properties=properties,
            )
            .when_matched_update_all(predicate=replaced)
            .when_not_matched_insert_all()
            .execute()
        )
        return int(done["num_target_rows_inserted"]) + int(done["num_target_rows_updated"])

    def _delete(self, rows: pa.Table, properties: CommitProperties) -> int:
        done = (
            self._table.opened()
            .merge(
                rows.select(["key", "shard", "row"]),
                predicate=f"t.key = s.key AND t.shard = s.shard AND t.row = s.row AND {_within(rows)}",
                source_alias="s",
                target_alias="t",
                commit_properties=properties,
            )
            .when_matched_delete()
            .execute()
        )
        return int(done["num_target_rows_deleted"])

    def scan(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        run: str | None = None,
        order: Sequence[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """Stream rows, in memory that does not grow with the table.

        Args:
            columns: names, or None for all; batches have the types of CATALOGUE_SCHEMA.
            where: an SQL condition on the columns, as `psnr_db < 30 AND status = 'coded'`.
            run: only rows that this run committed.
            order: columns to sort by, which costs a sort of the whole table.
        Raises:
            ValueError: no such column.
            ArchiveError: `where` is not a condition.
        """
        names = list(columns) if columns is not None else CATALOGUE_SCHEMA.names
        _check_columns(names)
        is_legacy_read = LOST_SHARD in names
        read = [*names, "reason"] if is_legacy_read and "reason" not in names else names
        schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in read])
        table = self._table.opened()
        present = {field.name for field in table.schema().fields}
        conditions = [f"({where})"] if where is not None else []
        if run is not None:
            conditions.append(f"run = {literal(run)}")
        sql = f"SELECT {', '.join(_quoted(name) for name in read if name in present) or 'key'} FROM t"
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        if order:
            sql += f" ORDER BY {', '.join(_quoted(name) for name in order)}"
        with self._table.translated(where):
            rows = QueryBuilder().register("t", table).execute(sql)
            for batch in pa.RecordBatchReader.from_stream(rows):
                found = _as_schema(batch, schema)
                yield with_legacy_lost_shard(found).select(names) if is_legacy_read else found

    def lookup(self, keys: Collection[str]) -> list[CatalogueRow]:
        """The rows of those keys that are in the archive, sorted by key."""
        found: list[CatalogueRow] = []
        ordered = sorted(set(keys))
        for start in range(0, len(ordered), _KEYS_PER_LOOKUP):
            part = ordered[start : start + _KEYS_PER_LOOKUP]
            where = (
                f"key >= {literal(part[0])} AND key <= {literal(part[-1])}"
                f" AND key IN ({', '.join(map(literal, part))})"
            )
            for batch in self.scan(where=where):
                found += rows_of(batch, CatalogueRow)
        return sorted(found, key=lambda row: row.key)

    def table(self, columns: Sequence[str] | None = None, *, where: str | None = None) -> pa.Table:
        """The rows as one table sorted by key."""
        names = list(columns) if columns is not None else CATALOGUE_SCHEMA.names
        batches = list(self.scan(names, where=where, order=["key"]))
        return pa.Table.from_batches(batches, pa.schema([CATALOGUE_SCHEMA.field(name) for name in names]))

    def count(self) -> int:
        """Number of images, the failed ones included."""
        with self._table.translated():
            return int(self._table.opened().count())

    def files(self) -> dict[str, int]:
        """The Parquet files that this version consists of, as paths below the archive, and their sizes."""
        with self._table.translated():
            actions = pa.table(self._table.opened().get_add_actions(flatten=True))
        paths = (f"{CATALOGUE_FOLDER}/{unquote(path)}" for path in actions["path"].to_pylist())
        return dict(zip(paths, actions["size_bytes"].to_pylist(), strict=True))

    def reader_version(self) -> int:
        """What Delta demands of readers: above 1, files are not all that they seem."""
        return int(self._table.opened().protocol().min_reader_version)

    def repeated_keys(self) -> dict[str, int]:
        """Keys that have more than one row, and how many: there must be none."""
        sql = "SELECT key, count(*) AS rows FROM t GROUP BY key HAVING count(*) > 1"
        with self._table.translated():
            found = QueryBuilder().register("t", self._table.opened()).execute(sql)
            return {
                row["key"]: row["rows"]
                for batch in pa.RecordBatchReader.from_stream(found)
                for row in batch.to_pylist()
            }

    def run_shards(self, run: str) -> set[str]:
        """Paths of the shards of which a run has committed at least one row that is still current."""
        return self._shards(run=run)

    def _shards(self, *, where: str | None = None, run: str | None = None) -> set[str]:
        shards: set[str] = set()
        for batch in self.scan(["shard"], where=where, run=run):
            shards.update(pc.unique(batch["shard"]).to_pylist())
        return shards


def _within(rows: pa.Table, key: str = "t.key") -> str:
    """A condition that lets Delta's statistics skip the files that cannot hold one of these keys."""
    extent = pc.min_max(rows["key"])
    return f"{key} >= {literal(extent['min'].as_py())} AND {key} <= {literal(extent['max'].as_py())}"


def _quoted(name: str) -> str:
    return '"' + name + '"'


def _check_columns(names: Collection[str]) -> None:
    unknown = [name for name in names if name not in CATALOGUE_SCHEMA.names]
    if unknown:
        raise ValueError(
            f"Expected columns of the catalogue, got {', '.join(unknown)}; "
            f"there are {', '.join(CATALOGUE_SCHEMA.names)}."
        )


def _as_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Plain types instead of views, and nulls for columns that an older catalogue does not have."""
    held = set(batch.schema.names)
    columns = [
        batch.column(field.name).cast(field.type) if field.name in held else pa.nulls(len(batch), field.type)
        for field in schema
    ]
    return pa.record_batch(columns, schema=schema)
