"""The catalogue: one Delta Lake table, one row per image key. What is committed in it is in the archive.

DuckDB, Polars, Spark and pandas read the table without us.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from pipeline.archive import commits, compaction, key_order, queries
from pipeline.archive.delta_table import FEWEST_ENTRIES, DeltaCatalogueTable
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.rows_by_shard import ShardContent, rows_by_shard
from pipeline.archive.schema import rows_of, schema_of_columns
from pipeline.archive.sql_text import holds_in_order, one_of
from pipeline.archive.table_format import FORMAT_KEY
from pipeline.archive.versions import CHANGE_COLUMNS, TELLS_ENCODINGS, AsOf, Change, Version, changes_of
from pipeline.errors import NoArchiveError
from pipeline.globs import key_matcher, literal_texts
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, Status


class _Select(Protocol):
    """Reads rows of a table: as they lie, or in order."""

    def __call__(
        self,
        table: DeltaCatalogueTable,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        keys: KeyRanges | None = None,
    ) -> Iterator[pa.RecordBatch]: ...


class Catalogue:
    """The catalogue of one archive. Sees the table as it was when first used, until `refresh` or `commit`."""

    def __init__(self, storage: Storage, *, as_of: AsOf | None = None) -> None:
        """Take the archive's root; nothing is contacted yet.

        Args:
            as_of: look at this version, for reading only, whatever is committed later.
        """
        self._table = DeltaCatalogueTable(storage, as_of=as_of)

    @property
    def url(self) -> str:
        """Root of the archive."""
        return self._table.storage.url

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

    def create(self, *, replaces_lost: bool = False) -> None:
        """Make an empty catalogue unless there is one. Two that create at once end up with the same table.

        Args:
            replaces_lost: also where a catalogue was lost: all that the shards hold is to be committed to it.
        Raises:
            LostCatalogueError: it was lost, and is not to be replaced: what only the shards hold would be forgotten.
            ArchiveError: the folder holds another Delta table, or an archive of a newer format.
        """
        self._table.create(replaces_lost=replaces_lost)

    def refresh(self) -> None:
        """See what others have committed since."""
        self._table.refresh()

    def version(self) -> int:
        """Version of the Delta table as seen now; grows by one with every commit."""
        return int(self._table.opened().version())

    def versions(self, limit: int | None = None) -> list[Version]:
        """The versions that can still be read, up to the one seen now; the newest first.

        Args:
            limit: only so many of the newest; None for all. Each costs the reading of its entry in the log.
        """
        return self._table.versions(limit)

    def count_versions(self) -> int:
        """How many versions can still be read, up to the one seen now."""
        return self._table.count_versions()

    def commit(
        self,
        rows: pa.Table,
        *,
        run: str,
        info: Mapping[str, str] | None = None,
        lost_shards: Collection[str] = (),
        displaced: dict[str, str] | None = None,
    ) -> int:
        """Make rows part of the archive, all of them or none, and return how many were new or changed.

        A key that is new is added. A key that is there is replaced when the row comes from another version of
        the source, of its importance map or of its words, or when it failed before; else the row is left as it is. A
        failed row never replaces one that has a payload. So committing twice, or by two drivers of the same run,
        changes nothing the second time.

        Args:
            rows: CATALOGUE_SCHEMA, each key once.
            run: written into the commit, with `info`.
            lost_shards: shards that are lost or damaged: a row that lies in one of them is replaced whatever the new
                one is, also by a failed one.
            displaced: is filled with the images of other sources whose place rows took: key -> their URL.
        Raises:
            ValueError: a key twice.
            ArchiveError: other writers kept getting in between, or the table refused the rows.
            StorageError: the store did not answer as it should.
        """
        author = commits.Author(run=run, info=info or {})
        return commits.merge(self._table, rows, author, lost_shards=lost_shards, displaced=displaced)

    def add(self, parts: Sequence[pa.Table], *, run: str) -> list[pa.Table]:
        """Make those parts of the archive whose images are all new to it, and return the others.

        New images cost what they are; changed ones cost the writing anew of every file of the catalogue in which one
        of them lies, so many of them are best committed at once.

        Args:
            parts: CATALOGUE_SCHEMA, each key once; a part is added whole or not at all.
            run: written into the commit.
        Raises:
            ValueError, ArchiveError, StorageError: as `commit`.
        """
        return commits.add(self._table, parts, commits.Author(run=run))

    def settle(self, *, run: str) -> int:
        """Leave the table as readers want it, and return how many of its files were put in order (compaction.py).

        Raises:
            ArchiveError, StorageError: as `commit`.
        """
        self._table.refresh()
        moved = compaction.compact(self._table, commits.Author(run=run))
        self._table.sum_up(least=FEWEST_ENTRIES)
        return moved

    def remove(self, rows: pa.Table, *, run: str, info: Mapping[str, str] | None = None) -> int:
        """Take images out of the archive, all of them or none, and return how many; older versions keep them.

        Args:
            rows: `key`, `shard` and `row`: only images that are still encoded as these say.
            run, info: as for `commit`.
        Raises:
            ArchiveError, StorageError: as `commit`.
        """
        return commits.remove(self._table, rows, commits.Author(run=run, info=info or {}))

    def scan(
        self, columns: Sequence[str] | None = None, *, where: str | None = None, glob: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Stream rows in no particular order, in memory that does not grow with the table.

        Args:
            columns: names, or None for all; batches have the types of CATALOGUE_SCHEMA.
            where: a user's SQL condition on the columns, as `psnr_db < 30 AND status = 'coded'`.
            glob: only keys that match (pipeline/globs.py). What it says before its first wildcard keeps all else from
                being read.
        Raises:
            ValueError: no such column.
            ArchiveError: `where` is not a condition.
            ConfigError: the glob cannot be one.
        """
        return self._asked(queries.select, columns, where, glob)

    def in_key_order(
        self, columns: Sequence[str] | None = None, *, where: str | None = None, glob: str | None = None
    ) -> Iterator[pa.RecordBatch]:
        """As `scan`, sorted by key: of the version that is seen now, whatever is committed meanwhile.

        Memory grows with the files that overlap, not with the table (key_order.py).
        """
        return self._asked(key_order.select_by_key, columns, where, glob)

    def _asked(
        self, select: _Select, columns: Sequence[str] | None, where: str | None, glob: str | None
    ) -> Iterator[pa.RecordBatch]:
        if glob is None:
            return select(self._table, columns, where=where)
        nearly = holds_in_order("key", literal_texts(glob))
        names = schema_of_columns(columns).names
        found = select(
            self._table,
            list(dict.fromkeys([*names, "key"])),
            where=nearly if where is None else f"{nearly} AND ({where})",
            keys=KeyRanges.with_prefix(literal_texts(glob)[0]),
        )
        return (batch.filter(_which(key_matcher(glob), batch["key"])).select(names) for batch in found)

    def table(self, columns: Sequence[str] | None = None, *, where: str | None = None) -> pa.Table:
        """The rows of `scan` as one table sorted by key."""
        schema = schema_of_columns(columns)
        return pa.Table.from_batches(self.in_key_order(schema.names, where=where), schema)

    def failed(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the images that have a reason and nothing stored, sorted by key."""
        return self.in_key_order(columns, where=queries.IS_FAILED)

    def of_run(
        self, run: str, columns: Sequence[str] | None = None, *, status: Status | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Stream the images that a run committed and no later one has replaced."""
        where = one_of("run", [run])
        if status is not None:
            where += f" AND {one_of('status', [status])}"
        return self.scan(columns, where=where)

    def with_prefix(self, prefix: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the images whose keys start so, sorted by key."""
        return key_order.select_by_key(self._table, columns, keys=KeyRanges.with_prefix(prefix))

    def of_keys(self, keys: KeyRanges, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the images of some keys, in no particular order: little is read for few."""
        return queries.select_keys(self._table, keys, columns)

    def by_shard(self, shards: Collection[str] | None = None) -> Iterator[tuple[str, pa.Table]]:
        """One shard after the other, with its rows in their order, in memory that does not grow with the table.

        Args:
            shards: only these; None for all.
        """
        if shards is None:
            return rows_by_shard(self.scan(), self.count())
        return rows_by_shard(queries.select_shards(self._table, shards), self.count())

    def shard_contents(self) -> list[ShardContent]:
        """What is said of each shard in all, sorted by shard."""
        return queries.shard_contents(self._table)

    def lookup(self, keys: Collection[str]) -> list[CatalogueRow]:
        """The rows of those keys that are in the archive, sorted by key."""
        found = (rows_of(batch, CatalogueRow) for batch in self.of_keys(KeyRanges.of_keys(keys)))
        return sorted(itertools.chain.from_iterable(found), key=lambda row: row.key)

    def changes_since(self, older: Catalogue) -> Iterator[Change]:
        """The images that this version holds otherwise than an older one, streamed, sorted by key."""
        is_other = " OR ".join(f"(before.{name} IS DISTINCT FROM after.{name})" for name in TELLS_ENCODINGS)
        rest = f"WHERE {is_other} ORDER BY coalesce(before.key, after.key)"
        sides = {"before": older._table, "after": self._table}
        for batch in queries.join(sides, CHANGE_COLUMNS, how="FULL OUTER JOIN", rest=rest):
            yield from changes_of(batch.to_pylist())

    def joined_with(self, other: Catalogue, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The images that another archive holds too, streamed: each column as `this_NAME` and as `other_NAME`."""
        return queries.join({"this": self._table, "other": other._table}, columns, how="JOIN")

    def shards(self, *, run: str | None = None) -> set[str]:
        """Paths of the shards in which rows lie; of one run: rows that it has committed and that are still current."""
        return queries.shards_in(self._table, where=None if run is None else one_of("run", [run]))

    def count(self) -> int:
        """Number of images, the failed ones included."""
        return queries.count(self._table)

    def count_failed(self) -> int:
        """Number of images that have a reason and nothing stored."""
        return sum(len(batch) for batch in self.scan(["status"], where=queries.IS_FAILED))

    def repeated_keys(self) -> dict[str, int]:
        """Keys that have more than one row, and how many: there must be none."""
        return queries.repeated_keys(self._table)

    def files(self) -> dict[str, int]:
        """The Parquet files that this version consists of, as paths below the archive, and their sizes."""
        return {file.path: file.size for file in self._table.files()}

    def format(self) -> int:
        """Of the archive: which releases can read it."""
        return int(self._table.opened().metadata().configuration[FORMAT_KEY])

    def table_id(self) -> str:
        """What no other table has, also none that is made in the place of this one."""
        return str(self._table.opened().metadata().id)

    def edition(self) -> str:
        """The version seen now, and what tells it from the version of that number that another copy of the archive has
        made since they parted: a restored one, say. The table's id is the same in both."""
        return self._table.edition()

    def reader_version(self) -> int:
        """What Delta demands of readers: above 1, files are not all that they seem."""
        return int(self._table.opened().protocol().min_reader_version)


def _which(matches: Callable[[str], bool], keys: pa.Array) -> pa.Array:
    return pa.array(map(matches, keys.to_pylist()), pa.bool_())
