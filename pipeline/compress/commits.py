"""Rows of finished units on their way into the catalogue.

    all new        committed every few seconds: they come in files of their own
    some changed   gathered, and committed at the end: each commit of changed rows writes anew every file of the
                   catalogue in which one of them lies, which for rows spread over all keys is the whole of it

A unit is committed whole, so that a resumed run knows it by any of its rows; and what waits is lost to nobody, because
its shards are published: a killed run takes them up.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.keyed_rows import share_a_key
from pipeline.archive.prune_marks import PruneMarkReader
from pipeline.events import ImagesCommitted, Listener, waiting
from pipeline.store.storage import Storage

_NAMED: Final = 10
_SHARE: Final = 20
"""Changed rows wait so many times as long as their commit takes: so it takes a twentieth of the time at most."""
_LONGEST_WAIT_S: Final = 1200.0
"""Well before a prune that has marked their shards meanwhile would forbid to commit them."""
_MOST_WAITING: Final = 32_768
"""Changed rows that are held at most: about 30 MB."""
_MERGE_S_PER_ROW: Final = 8e-6
"""Of the whole catalogue; measured. It stands for what a commit of changed rows takes until there was one."""


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
        self._prune_marks = PruneMarkReader(archive)
        self._run = run
        self._lost_shards = lost_shards
        self._every_s = every_s
        self._listen = listen
        self._waiting: list[pa.Table] = []
        self._changed: list[pa.Table] = []
        self._last = self._last_merge = time.monotonic()
        self._merge_s: float | None = None
        self.held_back: list[HeldBack] = []
        self.displaced = 0
        """Images of other sources whose place rows of this run took, under the same keys."""
        self.first_displaced: dict[str, str] = {}
        """Key -> URL of some of them."""

    def add(self, rows: pa.Table) -> None:
        """Take the rows of a unit whose shards are published, one an image.

        Raises:
            As `commit`, where an image comes that waits already: two drivers have planned it.
        """
        if share_a_key(rows, [*self._waiting, *self._changed]):
            self.commit()
        self._waiting.append(rows)

    def commit_if_due(self) -> None:
        """Commit what has waited for long enough.

        Raises:
            As `commit`.
        """
        if time.monotonic() - self._last >= self._every_s:
            self._commit_new()
        if self._changed and self._is_merge_due():
            self._commit_changed()

    def commit(self) -> None:
        """Commit all that waits.

        Raises:
            ArchiveError: a prune is about to remove a shard of these rows.
            StorageError: the archive cannot be written.
        """
        self._commit_new()
        self._commit_changed()

    def _is_merge_due(self) -> bool:
        if sum(part.num_rows for part in self._changed) >= _MOST_WAITING:
            return True
        if self._merge_s is None:
            self._merge_s = self._catalogue.count() * _MERGE_S_PER_ROW
        wait_s = min(_LONGEST_WAIT_S, max(self._every_s, _SHARE * self._merge_s))
        return time.monotonic() - self._last_merge >= wait_s

    def _commit_new(self) -> None:
        if self._waiting:
            with waiting(self._listen, "committing"):
                self._check_committable(self._waiting)
                began = time.monotonic()
                changed = self._catalogue.add(self._waiting, run=self._run)
                seconds = time.monotonic() - began
            committed = [part for part in self._waiting if not any(part is other for other in changed)]
            self._note(committed, seconds)
            self._changed += changed
            self._waiting = []
        self._last = time.monotonic()

    def _commit_changed(self) -> None:
        if self._changed:
            rows = pa.concat_tables(self._changed)
            displaced: dict[str, str] = {}
            with waiting(self._listen, "committing"):
                self._check_committable(self._changed)
                began = time.monotonic()
                self._catalogue.commit(
                    rows, run=self._run, lost_shards=self._lost_shards, displaced=displaced
                )
                self._merge_s = time.monotonic() - began
            self.displaced += len(displaced)
            self.first_displaced |= dict(islice(displaced.items(), _NAMED - len(self.first_displaced)))
            self._note(self._changed, self._merge_s)
            self._changed = []
        self._last_merge = time.monotonic()

    def _check_committable(self, parts: Sequence[pa.Table]) -> None:
        self._prune_marks.check_committable(pc.unique(pa.concat_tables(parts)["shard"]).to_pylist())

    def _note(self, parts: Sequence[pa.Table], seconds: float) -> None:
        if parts:
            rows = pa.concat_tables(parts)
            self._note_held_back(rows)
            self._listen(ImagesCommitted(images=rows.num_rows, seconds=seconds))

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
