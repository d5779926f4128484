"""From keys to what the catalogue says of them.

The first look-ups ask the catalogue, whose statistics lead to the row groups that can hold the key: some 15 ms of CPU
each, however large it is. Who looks up many gets an index file (index_file.py) and pays a tenth of a millisecond. A
catalogue of no more rows than one such question costs is held in memory.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection
from contextlib import suppress
from threading import RLock
from typing import Final

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.index_file import (
    MOST_BYTES,
    default_folder,
    in_memory,
    open_index,
    to_bytes,
    write_index,
)
from pipeline.archive.sorted_rows import SortedRows
from pipeline.errors import UnknownKeyError
from pipeline.types import CatalogueRow

_FEW_LOOKUPS: Final = 20
"""Before so many no index is opened: its checksum is compared first."""
_ROWS_PER_LOOKUP: Final = 5_000
"""Asking the catalogue for one key costs about as much as making an index of so many rows. An index is made when the
questions so far have cost as much as it does: so nobody ever pays more than twice what would have been best."""
_BYTES_PER_ROW: Final = 250
_MOST_HELD: Final = 20_000
"""Keys whose answer is remembered without an index."""
_MOST_CANDIDATES: Final = 2_000


class KeyIndex:
    """The rows of one version of a catalogue by key. Safe to share by threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Take the catalogue as it is seen until `refresh`; nothing is contacted yet."""
        self._catalogue = catalogue
        self._lock = RLock()
        self._cached: dict[str, CatalogueRow | None] = {}
        self._lookups = 0
        self._enough_lookups: int | None = None
        """After how many an index is made; None for a catalogue that is too large for one."""
        self._rows: SortedRows | None = None

    def find(self, key: str) -> CatalogueRow | None:
        """The row of a key; None when the archive has no such image, which costs no more."""
        return self.find_many([key]).get(key)

    def find_many(self, keys: Collection[str]) -> dict[str, CatalogueRow]:
        """The rows of those keys that the archive has: one question to the catalogue, where it is asked."""
        with self._lock:
            if self._rows is None and any(key not in self._cached for key in keys):
                self._look_up(keys)
            found = map(self._cached.get if self._rows is None else self._rows.find, keys)
            return {row.key: row for row in found if row is not None}

    def has_prefix(self, prefix: str) -> bool:
        """Whether keys start so."""
        with self._lock:
            if self._rows is not None:
                return bool(self._rows.with_prefix(prefix))
            return any(map(len, self._catalogue.with_prefix(prefix, ["key"])))

    def rows(self) -> SortedRows:
        """All rows, as `all_rows` has them."""
        with self._lock:
            if self._rows is None:
                self._rows = all_rows(self._catalogue)
                self._cached.clear()
            return self._rows

    def row(self, key: str) -> CatalogueRow:
        """The row of a key. For one that does not exist, some keys are read to name those that resemble it.

        Raises:
            UnknownKeyError: the archive has no such image.
        """
        row = self.find(key)
        if row is None:
            near = "".join(f" {name!r}" for name in self._nearest(key))
            raise UnknownKeyError(
                f"Expected a key of the archive at {self._catalogue.url}, got {key!r}; "
                + (f"the nearest:{near}. " if near else "")
                + f"`tenfold ls {self._catalogue.url}` lists them all."
            )
        return row

    def refresh(self) -> None:
        """See what has been committed since."""
        with self._lock:
            self._catalogue.refresh()
            self._cached.clear()
            self._lookups = 0
            self._rows = None

    def _look_up(self, keys: Collection[str]) -> None:
        self._lookups += 1
        if self._lookups == 1:
            self._begin(self._catalogue.count())
        elif self._lookups in (_FEW_LOOKUPS, self._enough_lookups):
            self._open(makes=self._lookups == self._enough_lookups)
        if self._rows is None:
            if len(self._cached) >= _MOST_HELD:
                self._cached.clear()
            self._cached |= dict.fromkeys(keys) | {row.key: row for row in self._catalogue.lookup(keys)}

    def _begin(self, rows: int) -> None:
        """Hold a small catalogue; for a larger one, settle when its index pays."""
        if rows <= _ROWS_PER_LOOKUP:
            self._rows = _held(self._catalogue)
        fits = rows * _BYTES_PER_ROW <= MOST_BYTES
        self._enough_lookups = max(_FEW_LOOKUPS, rows // _ROWS_PER_LOOKUP) if fits else None

    def _open(self, *, makes: bool) -> None:
        """Open the index of this version, if there is one; a cache that cannot be written is none."""
        self._rows = _indexed(self._catalogue, makes=makes)
        if self._rows is not None:
            self._cached.clear()

    def _nearest(self, key: str) -> list[str]:
        """Keys that resemble one that does not exist, of those in its folder and of the archive's first ones."""
        folder = key.rpartition("/")[0]
        near: dict[str, None] = {}
        for prefix in dict.fromkeys([f"{folder}/" if folder else "", ""]):
            batches = self._catalogue.with_prefix(prefix, ["key"])
            keys = (name for batch in batches for name in batch["key"].to_pylist())
            near |= dict.fromkeys(itertools.islice(keys, _MOST_CANDIDATES))
        return difflib.get_close_matches(key, near, n=3)


def all_rows(catalogue: Catalogue) -> SortedRows:
    """All rows of the version that is seen now, for who looks up keys for hours: mapped from the index file of that
    version, which is made where there is none; in memory where they are few, or no file can be written."""
    rows = _filed(catalogue)
    return _held(catalogue) if rows is None else rows


def rows_for_another(catalogue: Catalogue) -> bytes | None:
    """All rows of the version that is seen now, for another process: `from_bytes` takes them; None where that process
    can open the index file of that version, which is made where there is none."""
    return to_bytes(catalogue.in_key_order()) if _filed(catalogue) is None else None


def _filed(catalogue: Catalogue) -> SortedRows | None:
    return None if catalogue.count() <= _ROWS_PER_LOOKUP else _indexed(catalogue, makes=True)


def _held(catalogue: Catalogue) -> SortedRows:
    return in_memory(catalogue.in_key_order())


def _indexed(catalogue: Catalogue, *, makes: bool) -> SortedRows | None:
    table_id, edition, folder = catalogue.table_id(), catalogue.edition(), default_folder()
    rows = open_index(folder, table_id, edition)
    if rows is None and makes:
        with suppress(OSError):
            write_index(folder, table_id, edition, catalogue.in_key_order())
            rows = open_index(folder, table_id, edition)
    return rows
