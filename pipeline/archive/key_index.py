"""From keys to what the catalogue says of them."""

from __future__ import annotations

import difflib
from threading import RLock
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.schema import rows_of
from pipeline.errors import UnknownKeyError
from pipeline.types import CatalogueRow

_ROWS_PER_LOOKUP: Final = 20_000
"""Looking up one key costs about as much as reading so many rows: after enough look-ups, all are read."""
_HELD_ROWS: Final = 200_000
"""Larger catalogues are never held in memory whole (100 MB); the rows looked up are, a tenth as many."""
_MAX_CANDIDATES: Final = 2000


class KeyIndex:
    """The rows of one version of a catalogue by key; those that were looked up are held. Safe to share by threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Take the catalogue as it is seen until `refresh`; nothing is contacted yet."""
        self._catalogue = catalogue
        self._lock = RLock()
        self._found: dict[str, CatalogueRow] = {}
        self._lookups = 0
        self._whole: tuple[pa.Table, dict[str, int]] | None = None

    def find(self, key: str) -> CatalogueRow | None:
        """The row of a key; None when the archive has no such image."""
        with self._lock:
            if self._whole is None and key not in self._found:
                self._look_up(key)
            if self._whole is None:
                return self._found.get(key)
            table, number_of = self._whole
            return rows_of(table.slice(number_of[key], 1), CatalogueRow)[0] if key in number_of else None

    def row(self, key: str) -> CatalogueRow:
        """The row of a key. For one that does not exist, all keys are read to name those that resemble it.

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
            self._found.clear()
            self._whole = None

    def _look_up(self, key: str) -> None:
        self._lookups += 1
        if self._catalogue.count() <= min(_HELD_ROWS, _ROWS_PER_LOOKUP * self._lookups):
            table = self._catalogue.table().combine_chunks()
            self._whole = table, {name: number for number, name in enumerate(table["key"].to_pylist())}
            self._found.clear()
        else:
            if len(self._found) >= _HELD_ROWS // 10:
                self._found.clear()
            self._found.update({row.key: row for row in self._catalogue.lookup([key])})

    def _nearest(self, key: str) -> list[str]:
        """Keys that resemble one that does not exist: those in its folder or of its name come first."""
        folder, _, name = key.rpartition("/")
        likely: list[str] = []
        others: list[str] = []
        for batch in self._catalogue.scan(["key"]):
            keys = batch["key"]
            alike = pc.or_(
                pc.starts_with(keys, f"{folder}/"), pc.match_substring(keys, name, ignore_case=True)
            )
            likely += keys.filter(alike)[: _MAX_CANDIDATES - len(likely)].to_pylist()
            others += keys[: _MAX_CANDIDATES - len(others)].to_pylist()
        return difflib.get_close_matches(key, dict.fromkeys(likely + others), n=3)
