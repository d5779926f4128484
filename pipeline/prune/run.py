"""Removes what no kept version of an archive refers to, in two phases with a grace period between them.

    mark      what nothing refers to now is named in `prune/`, for all to see
    remove    ... and goes when it has been marked for the grace period, and nothing refers to it still

Order of removal, so that a kill anywhere leaves a sound archive and the same command finishes:

    a checkpoint of the oldest version that stays, proven and sealed    (checkpoint.py)
    the log before it, oldest first: what `history` lists can be read, at every moment; then checkpoints after it that
    later ones have superseded
    the catalogue's Parquet files, then the shards and their companions
    the seals, without what is gone: until then `verify` knows from the marks that it went on purpose
    the marks that are done with
    what adaptations left that nobody went on with, and files that writers were killed over

Runs need not stop meanwhile: see prune_marks.py for why none of them refers to what is being removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from pipeline.archive.attempts import abandoned_objects
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.checkpoint import ensure_checkpoint
from pipeline.archive.layout import (
    CATALOGUE_FOLDER,
    LABELS_FOLDER,
    LAST_CHECKPOINT,
    LOG_FOLDER,
    PREVIEWS_FOLDER,
    log_number,
)
from pipeline.archive.lease import Lease
from pipeline.archive.prune_marks import write_mark
from pipeline.archive.seals import reseal
from pipeline.events import Listener, RunBegan, RunEnded, StepAdvanced, ignore
from pipeline.prune.plan import PrunePlan, plan_prune
from pipeline.prune.references import ReferenceReader, References
from pipeline.prune.retention import Retention
from pipeline.store.storage import Storage

_DELETIONS: Final = 16
"""Requests under way at once."""
_NAMED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCounts:
    """Objects of an archive, counted."""

    shards: int
    catalogue_files: int
    log_files: int
    """Log entries and checkpoints."""
    albums: int
    """Files of previews, made after their shards."""
    labels: int
    """Files of labels."""
    bytes: int

    @classmethod
    def of(cls, sizes: Mapping[str, int]) -> Self:
        """Count paths."""
        log = sum(path.startswith(f"{LOG_FOLDER}/") for path in sizes)
        catalogue = sum(path.startswith(f"{CATALOGUE_FOLDER}/") for path in sizes)
        albums, labels = (
            sum(path.startswith(f"{folder}/") for path in sizes)
            for folder in (PREVIEWS_FOLDER, LABELS_FOLDER)
        )
        return cls(
            shards=len(sizes) - catalogue - albums - labels,
            catalogue_files=catalogue - log,
            log_files=log,
            albums=albums,
            labels=labels,
            bytes=sum(sizes.values()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneSummary:
    """What `tenfold prune --json` prints. Of a dry run: what would be done."""

    applied: bool
    newest_version: int
    oldest_version: int
    """Before."""
    kept_from: int
    """The oldest version that the rules keep: those below it go, when their time has come."""
    readable_from: int
    """The oldest version afterwards."""
    marked: ObjectCounts
    removed: ObjectCounts
    waiting: ObjectCounts
    """Marked earlier, but not for as long as the grace period."""
    next_due: str | None
    """When the first of what is marked can be removed; UTC, ISO 8601."""
    abandoned_bytes: int
    """Of adaptations that were not gone on with for the grace period: they go as well."""
    unfinished_bytes: int
    """Of files whose writer was killed longer ago than that: so do they."""
    unknown: int
    """Objects whose names say nothing to us. They stay."""
    unknown_names: list[str]
    """The first of them."""
    seconds: float


class PruneRun:
    """One pruning. Use once."""

    def __init__(
        self,
        archive: Storage,
        retention: Retention,
        *,
        listen: Listener = ignore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Contact nothing yet."""
        self._archive = archive
        self._retention = retention
        self._listen = listen
        self._clock = clock
        self._started = time.monotonic()

    def plan(self) -> PruneSummary:
        """Say what `apply` would do. Nothing is changed.

        Raises:
            As `pipeline.prune.plan.plan_prune`.
        """
        self._listen(RunBegan(verb="prune", archive=self._archive.url, is_dry_run=True))
        plan = plan_prune(self._archive, self._retention, self._clock(), self._listen)
        self._listen(RunEnded())
        return self._summary(
            plan,
            applied=False,
            removed=plan.due,
            abandoned=self._abandoned(),
            unfinished=self._unfinished(),
            next_due=plan.next_due,
        )

    def apply(self) -> PruneSummary:
        """Mark, and remove what is due.

        Raises:
            LockedError: somebody else is changing the archive, or took over because we were out of reach.
            As `plan_prune`, and then nothing was marked or removed.
        """
        self._listen(RunBegan(verb="prune", archive=self._archive.url))
        Catalogue(self._archive).version()  # where no archive is, nothing is written
        self._archive.check_writable()
        with Lease(self._archive, verb="prune") as lease:
            plan = plan_prune(self._archive, self._retention, self._clock(), self._listen)
            marked_at = self._mark(plan)
            needed = self._needed_now(plan)
            removed = self._remove(plan, needed, lease)
            self._tidy(plan, needed, removed, lease)
            abandoned, unfinished = self._abandoned(), self._unfinished()
            self._delete([*abandoned, *unfinished], lease, together=_DELETIONS)
        self._listen(RunEnded())
        own = None if marked_at is None else marked_at + self._retention.grace
        next_due = min((moment for moment in (plan.next_due, own) if moment is not None), default=None)
        return self._summary(
            plan,
            applied=True,
            removed=removed,
            abandoned=abandoned,
            unfinished=unfinished,
            next_due=next_due,
        )

    def _abandoned(self) -> dict[str, int]:
        return abandoned_objects(self._archive, self._clock() - self._retention.grace)

    def _unfinished(self) -> dict[str, int]:
        latest = self._clock() - self._retention.grace
        found = self._archive.unfinished()
        return {info.path: info.size for info in found if info.mtime is not None and info.mtime < latest}

    def _mark(self, plan: PrunePlan) -> datetime | None:
        if not plan.to_mark:
            return None
        marked_at = self._clock()  # not that of the look, which may have taken hours: nobody could see it yet
        write_mark(self._archive, plan.to_mark, marked_at)
        return marked_at

    def _needed_now(self, plan: PrunePlan) -> References:
        """What the versions that stay refer to, those that were committed since we looked among them."""
        if not plan.due:
            return plan.references
        reader = ReferenceReader(self._archive, plan.sealed, self._listen)
        return reader.extended(plan.references, Catalogue(self._archive).version())

    def _remove(self, plan: PrunePlan, needed: References, lease: Lease) -> dict[str, int]:
        """Remove what is due, and return it with the sizes."""
        due = {path: size for path, size in plan.due.items() if not needed.needs(path)}
        log = sorted((number, path) for path in due if (number := log_number(path)) is not None)
        # the checkpoint of a version goes before its entry: names sort so
        ordered = [path for _, path in log]
        files = [path for path in due if path.startswith(f"{CATALOGUE_FOLDER}/") and log_number(path) is None]
        shards = [path for path in due if not path.startswith(f"{CATALOGUE_FOLDER}/")]
        if any(number < plan.floor for number, _ in log):
            ensure_checkpoint(self._archive, plan.floor)
        self._delete(ordered, lease, together=1)
        self._delete(files, lease, together=_DELETIONS)
        self._delete(shards, lease, together=_DELETIONS)
        return due

    def _delete(self, paths: list[str], lease: Lease, *, together: int) -> None:
        def delete(path: str) -> None:
            lease.check()
            with suppress(FileNotFoundError):
                self._archive.delete(path)

        with ThreadPoolExecutor(together, thread_name_prefix="prune") as pool:
            for number, _ in enumerate(pool.map(delete, paths), 1):
                self._listen(StepAdvanced(words="objects removed", done=number, total=len(paths)))

    def _tidy(self, plan: PrunePlan, needed: References, removed: Iterable[str], lease: Lease) -> None:
        """Seal anew without what is gone, and end the marks that have nothing left to wait for."""
        lease.check()
        there = plan.held.difference(removed)
        prune_marks = plan.prune_marks

        def is_gone(path: str) -> bool:
            # a mark that is broken may have named it
            was_marked = prune_marks.covers(path) or bool(prune_marks.broken)
            return was_marked and path not in there and path != LAST_CHECKPOINT and not needed.needs(path)

        if prune_marks.sound or prune_marks.broken:
            reseal(self._archive, is_gone)
        left = plan.unneeded.keys() - set(removed)
        for mark in prune_marks.sound:
            waiting = mark.paths & left
            if any(needed.needs(path) for path in mark.paths) and waiting:
                # what is referred to again must wait anew, should it ever be let go again
                write_mark(self._archive, waiting, mark.marked_at)
            elif waiting:
                continue
            self._archive.delete(mark.path)
        for path in prune_marks.broken:
            self._archive.delete(path)  # names nothing that can be trusted; what it meant is marked again

    def _summary(
        self,
        plan: PrunePlan,
        *,
        applied: bool,
        removed: Mapping[str, int],
        abandoned: Mapping[str, int],
        unfinished: Mapping[str, int],
        next_due: datetime | None,
    ) -> PruneSummary:
        cut = any((number := log_number(path)) is not None and number < plan.floor for path in removed)
        return PruneSummary(
            applied=applied,
            newest_version=plan.newest,
            oldest_version=plan.oldest,
            kept_from=plan.kept_from,
            readable_from=plan.floor if cut else plan.oldest,
            marked=ObjectCounts.of(plan.to_mark),
            removed=ObjectCounts.of(removed),
            waiting=ObjectCounts.of(plan.waiting),
            next_due=None if next_due is None else next_due.isoformat(timespec="seconds"),
            abandoned_bytes=sum(abandoned.values()),
            unfinished_bytes=sum(unfinished.values()),
            unknown=len(plan.unknown),
            unknown_names=sorted(plan.unknown)[:_NAMED],
            seconds=round(time.monotonic() - self._started, 3),
        )
