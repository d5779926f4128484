"""Rows of finished units on their way into the catalogue: one Delta commit every few seconds."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.prune_marks import PruneMarkReader
from pipeline.events import ImagesCommitted, Listener, waiting
from pipeline.store.storage import Storage

_NAMED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """An image whose new row did not enter the catalogue, because a sound version of it is there."""

    key: str
    reason: str
    damaged: bool
    """Whether the file is damaged; else it failed."""


class Commits:
    """The commits of one run."""

    def __init__(
        self,
        archive: Storage,
        catalogue: Catalogue,
        *,
        run: str,
        lost_shards: Collection[str],
        every_s: float,
        listen: Listener,
    ) -> None:
        """Commit nothing yet.

        Args:
            lost_shards: a row that lies in one of them is replaced, whatever the new one is (`Catalogue.commit`).
        """
        self._catalogue = catalogue
        self._marks = PruneMarkReader(archive)
        self._run = run
        self._lost_shards = lost_shards
        self._every_s = every_s
        self._listen = listen
        self._waiting: list[pa.Table] = []
        self._last = time.monotonic()
        self.held_back: list[HeldBack] = []
        self.displaced = 0
        """Images of other sources whose place rows of this run took, under the same keys."""
        self.first_displaced: dict[str, str] = {}
        """Key -> URL of some of them."""

    def add(self, rows: pa.Table) -> None:
        """Take rows whose shards are published, one an image."""
        self._waiting.append(rows)

    def commit_if_due(self) -> None:
        """Commit when the last one is long enough ago.

        Raises:
            As `commit`.
        """
        if time.monotonic() - self._last >= self._every_s:
            self.commit()

    def commit(self) -> None:
        """Commit what waits.

        Raises:
            ArchiveError: a prune is about to remove a shard of these rows.
            StorageError: the archive cannot be written.
        """
        if self._waiting:
            began = time.monotonic()
            rows = pa.concat_tables(self._waiting)
            with waiting(self._listen, "committing"):
                self._commit_rows(rows)
            self._listen(ImagesCommitted(images=rows.num_rows, seconds=time.monotonic() - began))
            self._waiting = []
        self._last = time.monotonic()

    def _commit_rows(self, rows: pa.Table) -> None:
        self._marks.check_committable(pc.unique(rows["shard"]).to_pylist())
        displaced: dict[str, str] = {}
        self._catalogue.commit(rows, run=self._run, lost_shards=self._lost_shards, displaced=displaced)
        self.displaced += len(displaced)
        self.first_displaced |= dict(islice(displaced.items(), _NAMED - len(self.first_displaced)))
        self._note_held_back(rows)

    def _note_held_back(self, rows: pa.Table) -> None:
        is_bad = pc.or_(pc.equal(rows["status"], "failed"), pc.fill_null(rows["damaged"], False))
        bad = {
            row["key"]: row for row in rows.filter(is_bad).select(["key", "reason", "damaged"]).to_pylist()
        }
        self.held_back += [
            HeldBack(key=row.key, reason=bad[row.key]["reason"], damaged=bool(bad[row.key]["damaged"]))
            for row in self._catalogue.lookup(bad)
            if row.status != "failed" and not row.damaged
        ]
