"""What is served: all rows of the newest version that was seen, at hand by key."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.key_index import all_rows
from pipeline.archive.listing import Listing
from pipeline.archive.sorted_rows import SortedRows
from pipeline.archive.versions import AsOf
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow


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
        self._catalogue = Catalogue(archive, as_of=as_of)
        self._lock = Lock()
        self.now = self._indexed()

    def find(self, key: str) -> CatalogueRow | None:
        """The row of a key; None when the archive has no such image."""
        return self.now.rows.find(key)

    def refresh(self) -> bool:
        """Go to the newest version; False when that is the one at hand. It waits for the store.

        Raises:
            ArchiveError, StorageError: it cannot be read; what is at hand stays.
        """
        with self._lock:
            self._catalogue.refresh()
            is_newer = self._catalogue.version() != self.now.version
            if is_newer:
                self.now = self._indexed()
            return is_newer

    def _indexed(self) -> IndexedVersion:
        version, rows = self._catalogue.version(), all_rows(self._catalogue)
        return IndexedVersion(
            version=version,
            images=len(rows),
            rows=rows,
            listing=Listing(rows),
            edition=f"{self._catalogue.table_id()[:8]}.{version}",
        )
