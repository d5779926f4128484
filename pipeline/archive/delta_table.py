"""The Delta table of one archive: where it is, how it is made, and how it is kept open."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from threading import RLock

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import DeltaError

from pipeline.archive.catalogue_guard import CatalogueGuard
from pipeline.archive.data_files import DataFile, NewFile, Read, VersionFiles, touched_by
from pipeline.archive.delta_access import delta_options, delta_url
from pipeline.archive.delta_errors import translated
from pipeline.archive.delta_log import hinted_version, oldest_readable
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.layout import CATALOGUE_FOLDER, LAST_CHECKPOINT, LOG_FOLDER, entry_path
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.archive.table_format import ARCHIVE_FORMAT, FORMAT_KEY, check_format, first_entry
from pipeline.archive.versions import AsOf, Version, check_as_of, number_of, version_of
from pipeline.errors import LostCatalogueError, NoArchiveError
from pipeline.store.storage import Storage

_REOPEN_S = 600.0
"""A table opened longer ago than this is opened anew when refreshed: its credentials may be about to expire."""
_LONGEST_PAUSE_S = 4.0
FEWEST_ENTRIES = 10
"""Log entries that are worth a checkpoint: less are read as fast one by one."""
_MOST_ENTRIES = 100
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


class DeltaCatalogueTable:
    """Sees the table as it was when first opened, until `refresh`. Safe to use from several threads."""

    def __init__(self, storage: Storage, *, as_of: AsOf | None = None) -> None:
        """Take the archive's root; nothing is contacted yet.

        Args:
            as_of: look at this version, whatever is committed later.
        Raises:
            StorageError: no Delta table can be at such a place (delta_access.py).
            ConfigError: `as_of` names no version.
        """
        if as_of is not None:
            check_as_of(as_of)
        self._root = delta_url(storage).rstrip("/")
        self.storage = storage
        self.as_of = as_of
        self._guard = CatalogueGuard(storage)
        self._table: DeltaTable | None = None
        self._opened_at = 0.0
        self._is_stale = False
        self._lock = RLock()
        self._secrets: list[str] = []
        self._files: VersionFiles | None = None
        self._committed: int | None = None
        self._last_checkpoint: int | None = None

    def refresh(self) -> None:
        """See what others have committed since, from the next `opened` on."""
        self._is_stale = True

    def opened(self) -> DeltaTable:
        """The table.

        Raises:
            NoArchiveError: there is none, or it is of something else.
            NewerFormatError: it is an archive of a newer format.
            DamagedError: its log is not what was written.
            StorageError: the store did not answer as it should.
        """
        with self._lock:
            now = time.monotonic()
            is_old = now - self._opened_at >= _REOPEN_S
            if self.as_of is not None and self._table is not None:
                self._is_stale = is_old  # the past does not change
            if self._table is None or (self._is_stale and (is_old or not self._has_followed(self._table))):
                with self.translated():
                    self._guard.check_log()
                    table = DeltaTable(self._url(), storage_options=self._options())
                    check_format(table.metadata().configuration, url=self.storage.url)
                    if self.as_of is not None:
                        self._load_past(table, self.as_of)
                self._table, self._opened_at = table, now
                self._files = self._last_checkpoint = None
            self._is_stale = False
            return self._table

    def _has_followed(self, table: DeltaTable) -> bool:
        """Read the log's new entries; False where another table lies there by now: a rebuilt one, or a copy."""
        with self.translated():
            if not self._guard.check_log(since=table.version() + 1):
                return False
            table.update_incremental()
            return True

    def opened_for(self, keys: KeyRanges | None = None) -> DeltaTable:
        """The table, to read rows from: the files in which they lie are what was written.

        Args:
            keys: those that matter; None for all.
        Raises:
            As `opened`.
        """
        with self._lock:
            files = self.files()
            self.check(files if keys is None else touched_by(keys, files))
            return self.opened()

    def files(self) -> Sequence[DataFile]:
        """The Parquet files that the version seen now consists of.

        Raises:
            As `opened`.
        """
        return self._seen_files().files

    def edition(self) -> str:
        """As `Catalogue.edition` has it.

        Raises:
            As `opened`.
        """
        return self._seen_files().edition

    def _seen_files(self) -> VersionFiles:
        with self._lock, self.translated():
            table = self.opened()
            if self._files is None or self._files.version != table.version():
                self._files = VersionFiles.of(table)
            return self._files

    def is_plain(self) -> bool:
        """Whether files hold the rows of a version, each of them: what Delta demands of readers above 1 may leave out
        some, or call columns otherwise.

        Raises:
            As `opened`.
        """
        return int(self.opened().protocol().min_reader_version) == 1

    def reader_of(self, files: Collection[DataFile]) -> Read:
        """What reads some of the files, which are what was written.

        Raises:
            As `opened`.
        """
        with self._lock:
            self.check(file for file in files if not self._guard.has_seal(file.path))
        return lambda file: self._guard.read(file.path)

    def check(self, files: Iterable[DataFile]) -> None:
        """See that some files of the version seen now are what was written.

        Raises:
            As `opened`.
        """
        with self.translated():
            self._guard.check_data({file.path: file.size for file in files}, self.opened().version())

    def replace(
        self,
        removed: Collection[DataFile],
        added: Collection[NewFile],
        properties: CommitProperties,
        *,
        moves_rows: bool = False,
    ) -> None:
        """Make the next version, of which this process takes what it wrote for what was written.

        Args:
            properties: they allow no retries: what was decided holds for the version that is seen.
            moves_rows: it holds the same rows as the one before.
        Raises:
            CommitFailedError: another writer was faster.
        """
        with self._lock, self.translated():
            table = self.opened()
            table.create_write_transaction(
                [
                    *(file.removed(moves_rows=moves_rows) for file in removed),
                    *(file.added(moves_rows=moves_rows) for file in added),
                ],
                "append",
                table.schema(),
                commit_properties=properties,
                post_commithook_properties=_NO_HOOKS,
            )
            self._committed = table.version() + 1
            self._guard.trust_commit(self._committed, [file.facts.path for file in added])
            self.refresh()
            self.sum_up(least=_entries_between_checkpoints(len(self.files())))

    def sum_up(self, *, least: int) -> None:
        """Write a checkpoint of the version that this process has just committed, if that many came since the last.

        Only who made a version writes its checkpoint: two who did might write other bytes for the same rows.
        """
        with self._lock, self.translated():
            table = self.opened()
            if self._committed == table.version() and self._committed - self._summed_up() >= least:
                table.create_checkpoint()
                self._last_checkpoint = self._committed
                self._guard.trust_checkpoint(self._committed)

    def _summed_up(self) -> int:
        """The version of the last checkpoint, as far as it is known; -1 when there is none."""
        if self._last_checkpoint is None:
            with suppress(FileNotFoundError):
                self._last_checkpoint = hinted_version(self.storage.read(LAST_CHECKPOINT))
        return -1 if self._last_checkpoint is None else self._last_checkpoint

    def create(self, *, replaces_lost: bool = False) -> None:
        """Make an empty table unless there is one. Two that create at once end up with the same table.

        Args:
            replaces_lost: also where a table was lost: all that the shards hold is to be committed to it.
        Raises:
            LostCatalogueError: it was lost, and is not to be replaced: what only the shards hold would be forgotten.
            ArchiveError: the folder holds another Delta table, or an archive of a newer format.
        """
        try:
            self.opened()
        except NoArchiveError as error:
            if isinstance(error, LostCatalogueError) and not replaces_lost:
                raise
            with self.translated():
                if DeltaTable.is_deltatable(self._url(), self._options()):
                    raise  # a table, but not one of ours
            if self.storage.create(entry_path(0), first_entry()):
                self._guard.trust_commit(0)
            self._open_when_listed()

    def _open_when_listed(self) -> None:
        """Wait for the first entry: another creator's can exist a moment before the store lists it."""
        pause = 0.1
        while True:
            try:
                self.opened()
            except NoArchiveError:
                if pause > _LONGEST_PAUSE_S:
                    raise
            else:
                return
            time.sleep(pause)
            pause *= 2

    def versions(self, limit: int | None = None) -> list[Version]:
        """The newest versions that can still be read, up to the one seen now; the newest first.

        Args:
            limit: how many; None for all. Each costs the reading of its entry in the log.
        """
        return self._versions(self.opened().version(), limit)

    def _versions(self, newest: int, limit: int | None = None) -> list[Version]:
        oldest = self._oldest_readable()
        first = oldest if limit is None else max(oldest, newest - limit + 1)
        with self.translated():
            entries = self._guard.entries(range(newest, first - 1, -1))
        return [version_of(number, entry) for number, entry in entries.items()]

    def _oldest_readable(self) -> int:
        return oldest_readable(info.path for info in self.storage.list(LOG_FOLDER))

    def count_versions(self) -> int:
        """How many versions can still be read, up to the one seen now."""
        return self.opened().version() + 1 - self._oldest_readable()

    def translated(self, where: str | None = None) -> AbstractContextManager[None]:
        """Turn what deltalake raises inside into our errors, without secrets; `where` is the caller's SQL condition."""
        return translated(self.storage, CATALOGUE_FOLDER, self._secrets, where=where)

    def _url(self) -> str:
        return f"{self._root}/{CATALOGUE_FOLDER}"

    def _options(self) -> dict[str, str]:
        """Options for deltalake, made anew each time: credentials may be short-lived."""
        options = delta_options(self.storage)
        self._secrets = [
            value
            for name, value in options.items()
            if any(word in name for word in ("KEY", "TOKEN")) and value
        ]
        return options

    def _load_past(self, table: DeltaTable, as_of: AsOf) -> None:
        newest = table.version()
        if not isinstance(as_of, int) or as_of > newest:
            as_of = number_of(as_of, self._versions(newest), url=self.storage.url)
        try:
            self._guard.check_log(upto=as_of)
            table.load_as_version(as_of)
        except (DeltaError, OSError):
            number_of(as_of, self._versions(newest), url=self.storage.url)  # says so if it was pruned
            raise
        self.as_of = as_of

    def prepare(self, properties: CommitProperties) -> None:
        """See that the table has all columns, and that releases that would misread what is to come leave it alone.

        Raises:
            CommitFailedError: another writer was faster.
        """
        opened = self.opened()
        if opened.metadata().configuration.get(FORMAT_KEY) != str(ARCHIVE_FORMAT):
            opened.alter.set_table_properties(
                {FORMAT_KEY: str(ARCHIVE_FORMAT)}, raise_if_not_exists=False, commit_properties=properties
            )
            self.refresh()
        held = {field.name for field in self.opened().schema().fields}
        missing = [field.with_nullable(True) for field in CATALOGUE_SCHEMA if field.name not in held]
        if missing:
            columns = DeltaSchema.from_arrow(pa.schema(missing)).fields
            self.opened().alter.add_columns(columns, commit_properties=properties)
            self.refresh()


def _entries_between_checkpoints(files: int) -> int:
    """How many commits are made before one is summed up.

    A checkpoint names every file, 370 bytes each, and whoever opens the table reads each entry since the last: so that
    what is written for a commit does not grow with the table, checkpoints become rarer as it grows.
    """
    return max(FEWEST_ENTRIES, min(_MOST_ENTRIES, files // 20))
