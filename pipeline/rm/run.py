"""Takes images out of an archive, so that a prune can take their bytes.

Prune removes a shard when no kept version refers to it. So an image whose shard holds others too would stay for as long
as they do, and so would what it was before it changed; here those others move into a new shard first, as repair moves
what is whole in a damaged one:

    shards without the images that go           published under a run of their own
    the rows of the images that stay            committed, from the old shards to the new ones
    the images that go                          removed from the newest version
    what reports measured on them               removed
    the catalogue's new files                   sealed

Killed anywhere, the archive is sound and the same command finishes: what was published and not committed goes with the
next prune. Older versions show the images until they are pruned, and only then their bytes are gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.delta_log import oldest_readable
from pipeline.archive.layout import COMPARISONS_FOLDER, LOG_FOLDER, new_run_id
from pipeline.archive.lease import Lease
from pipeline.archive.seals import seal
from pipeline.archive.shards import build_shard, iter_rows, publish
from pipeline.errors import ArchiveError
from pipeline.rm.choice import Choice
from pipeline.store.storage import Storage
from pipeline.words import counted

_ROWS_A_COMMIT: Final = 100_000
_NAMED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RmSummary:
    """What `tenfold rm --json` prints. Of a dry run: what would be done."""

    applied: bool
    images: int
    """Taken out of the newest version."""
    payload_bytes: int
    first_keys: list[str]
    """Of these images, the first ones in order."""
    unknown: list[str]
    """Keys that were named and are not in the newest version."""
    rewritten_shards: int
    """Shards that hold something of these images, and other images, which move."""
    moved_images: int
    version: int
    """The newest one, afterwards."""
    oldest_version: int
    """The first that can be read. From it to the one before `version` all show the images, until they are pruned."""


class RmRun:
    """One removal."""

    def __init__(self, archive: Storage, *, keys: Collection[str] = (), glob: str | None = None) -> None:
        """Take the archive, and which of its images are to go. Nothing is contacted yet.

        Raises:
            ConfigError: the glob cannot be one.
        """
        self._archive = archive
        self._choice = Choice(keys, glob)
        self._catalogue = Catalogue(archive)

    def plan(self) -> RmSummary:
        """Find out what would be done, and change nothing.

        Raises:
            NoArchiveError, ArchiveError, StorageError: there is no archive, or it cannot be read.
        """
        rows = self._choice.rows(self._catalogue)
        counts = [table.num_rows for _, table in self._staying()]
        return self._summary(rows, applied=False, rewritten=len(counts), moved=sum(counts))

    def apply(self) -> RmSummary:
        """Take the images out.

        Raises:
            LockedError: another nightly, adapt, prune, repair or rm is under way.
            DamagedError: a shard that other images are to move out of is damaged: repair the archive first.
            ArchiveError: a run stored some of these images anew meanwhile; the others were taken out.
            NoArchiveError, StorageError: as `plan`, or it cannot be written.
        """
        run = new_run_id()
        self._archive.check_writable()
        with Lease(self._archive, verb="rm") as lease:
            rows = self._choice.rows(self._catalogue)
            rewritten, moved = self._move_others(run, lease)
            lease.check()
            info = {"tenfold.rm": str(rows.num_rows)}
            self._catalogue.remove(rows.select(["key", "shard", "row"]), run=run, info=info)
            self._catalogue.refresh()
            self._forget_measurements(rows)
            seal(self._archive, self._catalogue.version())
            self._check_gone()
            return self._summary(rows, applied=True, rewritten=rewritten, moved=moved)

    def _check_gone(self) -> None:
        left = self._choice.rows(self._catalogue)["key"].to_pylist()
        if left:
            raise ArchiveError(
                f"Expected no run that writes to {self._archive.url} while images are taken out of it, got one that "
                f"stored {counted(len(left), 'image')} of them anew ({min(left)!r}, ...). Let it end, then run the "
                "same command again."
            )

    def _staying(self) -> Iterator[tuple[str, pa.Table]]:
        """The shards that hold something of what goes beside images that stay, and those images' rows."""
        for shard, held in self._catalogue.by_shard(self._choice.shards(self._archive, self._catalogue)):
            is_going = pa.array([self._choice.means(key) for key in held["key"].to_pylist()], pa.bool_())
            stay = held.filter(pc.invert(is_going))
            if stay.num_rows:
                yield shard, stay

    def _move_others(self, run: str, lease: Lease) -> tuple[int, int]:
        """Put what stays into shards of its own; give the number of shards left, and of images moved."""
        waiting: list[pa.Table] = []
        left: set[str] = set()
        moved = 0
        for number, (shard, stay) in enumerate(list(self._staying())):
            lease.check()
            kept = [row for _, row in iter_rows(self._archive, shard, only=stay["row"].to_pylist())]
            fresh = build_shard(kept, metadata={"run": run, "unit": str(number)})
            waiting.append(fresh.named(publish(self._archive, fresh, run, number)))
            left.add(shard)
            moved += stay.num_rows
            if sum(table.num_rows for table in waiting) >= _ROWS_A_COMMIT:
                self._catalogue.commit(pa.concat_tables(waiting), run=run, lost_shards=left)
                waiting = []
        if waiting:
            self._catalogue.commit(pa.concat_tables(waiting), run=run, lost_shards=left)
        return len(left), moved

    def _forget_measurements(self, rows: pa.Table) -> None:
        """Remove what reports keep (sizes, small pictures) of source files that no image of the newest version has."""
        lying = self._archive.list(COMPARISONS_FOLDER)
        hashes = pc.unique(rows["source_sha256"].drop_null())
        if not lying or not len(hashes):
            return
        gone = set(hashes.to_pylist())
        for batch in self._catalogue.scan(["source_sha256"]):
            gone.difference_update(batch["source_sha256"].to_pylist())
        for info in lying:
            if info.path.split("/")[1] in gone:
                self._archive.delete(info.path)

    def _summary(self, rows: pa.Table, *, applied: bool, rewritten: int, moved: int) -> RmSummary:
        keys = sorted(rows["key"].to_pylist())
        return RmSummary(
            applied=applied,
            images=rows.num_rows,
            payload_bytes=pc.sum(rows["payload_length"]).as_py() or 0,
            first_keys=keys[:_NAMED],
            unknown=sorted(self._choice.keys.difference(keys)),
            rewritten_shards=rewritten,
            moved_images=moved,
            version=self._catalogue.version(),
            oldest_version=oldest_readable(info.path for info in self._archive.list(LOG_FOLDER)),
        )
