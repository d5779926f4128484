"""The worker that makes companions. Plain Python; Ray only wraps it (ray_pool.py)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from pipeline.archive.companions import CompanionKind
from pipeline.archive.schema import rows_of
from pipeline.archive.shards import iter_rows
from pipeline.companions.tasks import CompanionResult, CompanionTask
from pipeline.errors import DamagedError, StorageError
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow
from pipeline.workers.pool import Worker


class Entry(Protocol):
    """What a companion holds of one image."""

    @property
    def row(self) -> int:
        """Of the image in the shard."""
        ...

    @property
    def is_seen(self) -> bool:
        """Whether there was something to see."""
        ...


EntryT = TypeVar("EntryT", bound=Entry)


class CompanionMaker(Protocol[EntryT]):
    """What one kind of companion is, and how an image comes into it."""

    kind: CompanionKind
    nothing_to_see: tuple[type[Exception], ...]
    """What `look` raises of an image that is damaged, or of a kind that nothing here opens."""

    def can_see(self, row: CatalogueRow) -> bool:
        """Whether images like this one, and so all of its shard, can be looked at."""
        ...

    def held(self, shard: str) -> Sequence[EntryT]:
        """What the companion of a shard holds that need not be made again.

        Raises:
            DamagedError: it is not what was written.
            NewerFormatError: it was written by a release that is too new.
        """
        ...

    def look(self, number: int, row: ShardRow) -> EntryT:
        """Look at one image.

        Raises:
            StorageError: the store does not answer.
            Any of `nothing_to_see`.
        """
        ...

    def unseen(self, number: int, row: ShardRow) -> EntryT:
        """What comes into the companion where there is nothing to see, so that nobody looks again."""
        ...

    def write(self, shard: str, entries: Sequence[EntryT]) -> int:
        """Put the companion of a shard into the archive, whole; give its length in bytes."""
        ...


class CompanionWorker(Worker[CompanionTask, CompanionResult], Generic[EntryT]):
    """Holds what its maker holds, and one shard at a time."""

    def __init__(self, archive: Storage, maker: CompanionMaker[EntryT]) -> None:
        """Take the archive, and what is made beside its shards."""
        self._archive = archive
        self._maker = maker

    def run(self, task: CompanionTask) -> CompanionResult:
        """Do one task. A companion that is whole and lacks nothing is only read.

        Raises:
            StorageError: the store does not answer.
            NewerFormatError: the shard or its companion was written by a release that is too new.
        """
        rows = rows_of(task.rows, CatalogueRow)
        if not self._maker.can_see(rows[0]):
            return CompanionResult(unseen=len(rows))
        held, mended = self._held(task.shard)
        is_seen = {entry.row: entry.is_seen for entry in held}
        missing = [row.row for row in rows if row.row not in is_seen]
        there = sum(is_seen.get(row.row, False) for row in rows)
        unseen = len(rows) - len(missing) - there
        if not missing:
            return CompanionResult(there=there, unseen=unseen)
        try:
            made = [self._looked(*found) for found in iter_rows(self._archive, task.shard, only=missing)]
        except DamagedError as error:
            return CompanionResult(problem=str(error))
        seen = sum(entry.is_seen for entry in made)
        return CompanionResult(
            made=seen,
            there=there,
            unseen=unseen + len(made) - seen,
            mended=mended,
            num_bytes=self._write(task.shard, sorted([*held, *made], key=lambda entry: entry.row)),
        )

    def _held(self, shard: str) -> tuple[Sequence[EntryT], bool]:
        """What is there, and whether it is to be made again because it is damaged."""
        try:
            return self._maker.held(shard), False
        except DamagedError:
            return [], True

    def _looked(self, number: int, row: ShardRow) -> EntryT:
        try:
            return self._maker.look(number, row)
        except StorageError:
            raise
        except self._maker.nothing_to_see:
            return self._maker.unseen(number, row)

    def _write(self, shard: str, entries: Sequence[EntryT]) -> int:
        """Put the companion there, unless its shard is gone: what was removed must not come back in part."""
        num_bytes = self._maker.write(shard, entries)
        if self._archive.exists(shard):
            return num_bytes
        with contextlib.suppress(FileNotFoundError):
            self._archive.delete(self._maker.kind.path_of(shard))
        return 0
