"""What is served: all rows of the newest version that was seen, at hand by key."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Final

from pipeline.archive.index_file import default_folder, from_bytes, open_index
from pipeline.archive.layout import entry_path
from pipeline.archive.listing import Listing
from pipeline.archive.sorted_rows import SortedRows
from pipeline.archive.versions import AsOf
from pipeline.errors import ArchiveError
from pipeline.serve.catalogue_process import read_version
from pipeline.store.backend import ObjectInfo
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

_TRIES: Final = 2
"""A process that serves another version may put its index file in the place of ours before we have opened it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndexedVersion:
    """One version of the catalogue; what is read from it fits together, whatever is committed meanwhile."""

    version: int
    images: int
    """Rows, those of failed images included."""
    rows: SortedRows
    listing: Listing
    edition: str
    """Names the version among those of all archives that may ever be served at one address."""


class ServedIndex:
    """Answers from memory or a mapped file: a key that does not exist costs what one that does costs.

    Safe to use from several threads.
    """

    def __init__(self, archive: Storage, *, as_of: AsOf | None = None) -> None:
        """Read the catalogue, and make its index file where there is none: a few seconds for a million images.

        Args:
            as_of: serve this version, whatever is committed later.
        Raises:
            NoArchiveError: nothing there is an archive.
            ArchiveError, StorageError: it cannot be read.
        """
        self._archive, self._as_of = archive, as_of
        self._lock = Lock()
        self.now = self._indexed()
        self._entry = self._entry_of(self.now.version)

    def find(self, key: str) -> CatalogueRow | None:
        """The row of a key; None when the archive has no such image."""
        return self.now.rows.find(key)

    def refresh(self) -> bool:
        """Go to the newest version; False when that is the one at hand. It waits for the store.

        Raises:
            ArchiveError, StorageError: it cannot be read; what is at hand stays.
        """
        with self._lock:
            if self._as_of is not None or not self._has_newer():
                return False
            newest = self._indexed()
            is_newer = newest.edition != self.now.edition
            if is_newer:
                self.now = newest
            self._entry = self._entry_of(newest.version)
            return is_newer

    def _has_newer(self) -> bool:
        """Whether a commit followed the version at hand, or another archive took the place of this one."""
        version = self.now.version
        return self._archive.exists(entry_path(version + 1)) or self._entry_of(version) != self._entry

    def _entry_of(self, version: int) -> ObjectInfo | None:
        try:
            return self._archive.info(entry_path(version))
        except FileNotFoundError:
            return None

    def _indexed(self) -> IndexedVersion:
        for _ in range(_TRIES):
            read = read_version(self._archive, self._as_of)
            rows = (
                open_index(default_folder(), read.table_id, read.edition)
                if read.rows is None
                else from_bytes(read.rows)
            )
            if rows is not None:
                return IndexedVersion(
                    version=read.version,
                    images=len(rows),
                    rows=rows,
                    listing=Listing(rows),
                    edition=f"{read.table_id[:8]}.{read.edition}",
                )
        raise ArchiveError(
            f"Expected the index file of version {read.version} in {default_folder()}, got none or a damaged one: "
            "something removes files there. Start the server again, or set XDG_CACHE_HOME to a folder of its own."
        )
