"""What a prune would do now: what no kept version needs, and what of it has been marked for long enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import (
    CATALOGUE_FOLDER,
    COMPANION_FOLDERS,
    LAST_CHECKPOINT,
    LOG_FOLDER,
    SHARDS_FOLDER,
    entry_path,
    is_data_file,
    is_shard_path,
    log_number,
    shard_of_companion,
)
from pipeline.archive.prune_marks import PruneMarkReader, PruneMarks, marked_with
from pipeline.archive.seals import Sealed, read_seals
from pipeline.errors import ArchiveError, DamagedError
from pipeline.events import Listener, StepAdvanced
from pipeline.prune.references import ReferenceReader, References
from pipeline.prune.retention import Retention
from pipeline.store.backend import ObjectInfo
from pipeline.store.storage import Storage

_STEP: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """One look at an archive; nothing is changed by it."""

    oldest: int
    newest: int
    kept_from: int
    """The oldest version that is to stay."""
    floor: int
    """The oldest version that would be left if what is due were removed now: the rest has to wait."""
    references: References
    """Of the versions that are to stay."""
    sealed: Sealed
    """Checksums of the catalogue's files."""
    unneeded: Mapping[str, int]
    """Path -> bytes of all that no kept version needs."""
    to_mark: Mapping[str, int]
    due: Mapping[str, int]
    waiting: Mapping[str, int]
    """Marked, but not for long enough."""
    prune_marks: PruneMarks
    next_due: datetime | None
    """When the first of what is waiting becomes due."""
    held: frozenset[str]
    """All that lies in the catalogue's folder."""
    unknown: tuple[str, ...]
    """Objects whose names say nothing to us: they stay."""


def plan_prune(archive: Storage, retention: Retention, now: datetime, listen: Listener) -> PrunePlan:
    """See what there is, what is needed, and what is not.

    Raises:
        NoArchiveError: there is none.
        DamagedError: something that a kept version needs is lost or damaged: then nothing may be removed.
        ArchiveError: another tool has made the catalogue one that Tenfold does not fully understand.
        StorageError: the store does not answer.
    """
    catalogue = Catalogue(archive)
    newest = catalogue.version()
    _check_understood(catalogue, archive.url)
    versions = catalogue.versions()
    kept_from = retention.oldest_kept(versions, now)
    sealed = read_seals(archive)
    if sealed.broken:
        raise DamagedError(
            f"Expected the checksums that its name promises, got others at {sealed.broken[0]}: without them the "
            "catalogue cannot be checked. Nothing was removed: restore the file from a copy, then prune."
        )
    prune_marks = PruneMarkReader(archive).read()
    is_due = _Due(prune_marks, retention, now)
    log = {path: number for path, number in _numbered(archive) if number < kept_from}
    lasting = (number for path, number in log.items() if path == entry_path(number) and not is_due(path))
    # what a killed prune has left below the oldest version is none any more, and does not hold up the rest
    floor = max(min(lasting, default=kept_from), versions[-1].version)
    is_cut = any(number < floor and is_due(path) for path, number in log.items())
    reader = ReferenceReader(archive, sealed, listen)
    references = reader.read(kept_from, newest, chain_of=floor if is_cut else kept_from)
    listing = _Listing.of(archive, references, listen)
    # the log is cut at its end, oldest first, and what is not due in it holds up what comes after
    held_up = {
        path
        for path in listing.unneeded
        if (number := log_number(path)) is not None and floor <= number <= kept_from
    }
    fresh, waiting, due = _by_age(listing.unneeded, prune_marks, is_due, held_up)
    return PrunePlan(
        oldest=versions[-1].version,
        newest=newest,
        kept_from=kept_from,
        floor=floor,
        references=references,
        sealed=sealed,
        unneeded=listing.unneeded,
        to_mark=fresh,
        waiting=waiting,
        due=due,
        prune_marks=prune_marks,
        next_due=is_due.when(waiting),
        held=listing.held,
        unknown=(*listing.unknown, *prune_marks.unknown),
    )


def _numbered(archive: Storage) -> Iterator[tuple[str, int]]:
    """Log entries and checkpoints, and their versions."""
    for info in archive.list(LOG_FOLDER):
        number = log_number(info.path)
        if number is not None:
            yield info.path, number


def _check_understood(catalogue: Catalogue, url: str) -> None:
    if catalogue.reader_version() > 1:
        raise ArchiveError(
            f"Expected a catalogue of Delta reader version 1 at {url}, got {catalogue.reader_version()}: another tool "
            "has switched on features with which Tenfold cannot tell what is needed. Nothing was removed."
        )


class _Due:
    """Whether an object has been marked for the whole grace period; a mark from the future is not due."""

    def __init__(self, prune_marks: PruneMarks, retention: Retention, now: datetime) -> None:
        self._since = prune_marks.since
        self._latest = now - retention.grace
        self._grace = retention.grace

    def __call__(self, path: str) -> bool:
        moment = self.since(path)
        return moment is not None and moment <= self._latest

    def since(self, path: str) -> datetime | None:
        """When it was marked."""
        return min((self._since[name] for name in marked_with(path) if name in self._since), default=None)

    def when(self, paths: Iterable[str]) -> datetime | None:
        """The first moment at which one of them is due."""
        moments = (since for path in paths if (since := self.since(path)) is not None)
        first = min(moments, default=None)
        return None if first is None else first + self._grace


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    unneeded: dict[str, int]
    held: frozenset[str]
    unknown: tuple[str, ...]

    @classmethod
    def of(cls, archive: Storage, references: References, listen: Listener) -> _Listing:
        """Everything below `shards/`, `previews/`, `labels/` and `catalogue/`, listed after it is known what is needed.

        A shard that is published and committed in between is unneeded here: it may be marked for a while, but cannot
        have been marked long ago.
        """
        unneeded: dict[str, int] = {}
        unknown: list[str] = []
        missing = set(references.shards)
        for info in _counted(archive.list(SHARDS_FOLDER), "shards listed", listen):
            if not is_shard_path(info.path):
                unknown.append(info.path)
            elif info.path in references.shards:
                missing.discard(info.path)
            else:
                unneeded[info.path] = info.size
        if missing:
            raise DamagedError(
                f"Expected every shard that a kept version refers to, got nothing at {min(missing)} and "
                f"{len(missing) - 1} others. Nothing was removed: run `tenfold verify`, restore them from a copy, or "
                "let the versions go that refer to them, then prune."
            )
        for folder in COMPANION_FOLDERS:
            for info in _counted(archive.list(folder), f"objects of {folder} listed", listen):
                if shard_of_companion(info.path) is None:
                    unknown.append(info.path)
                elif not references.needs(info.path):
                    unneeded[info.path] = info.size
        held = list(_counted(archive.list(CATALOGUE_FOLDER), "catalogue files listed", listen))
        for info in held:
            if log_number(info.path) is None and not is_data_file(info.path):
                if info.path != LAST_CHECKPOINT and not references.needs(info.path):
                    unknown.append(info.path)
            elif not references.needs(info.path):
                unneeded[info.path] = info.size
        return cls(unneeded=unneeded, held=frozenset(info.path for info in held), unknown=tuple(unknown))


def _counted(infos: Iterable[ObjectInfo], words: str, listen: Listener) -> Iterator[ObjectInfo]:
    number = 0
    for number, info in enumerate(infos, 1):
        if number % _STEP == 0:
            listen(StepAdvanced(words=words, done=number))
        yield info
    listen(StepAdvanced(words=words, done=number))


def _by_age(
    unneeded: Mapping[str, int], prune_marks: PruneMarks, is_due: _Due, held_up: Set[str]
) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """What is unneeded, as: not marked yet, waiting, due; what is held up waits for others, however long it has."""
    fresh: dict[str, int] = {}
    waiting: dict[str, int] = {}
    due: dict[str, int] = {}
    for path, size in unneeded.items():
        if not prune_marks.covers(path):
            fresh[path] = size
        elif is_due(path) and path not in held_up:
            due[path] = size
        else:
            waiting[path] = size
    return fresh, waiting, due
