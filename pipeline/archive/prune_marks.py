"""What `tenfold prune` has marked for removal; everybody can see it before anything is removed.

    prune/<utc time>-<sha16>.json      {"marked_at": "2026-11-20T03:00:00+00:00", "paths": ["shards/...", ...]}

A mark never changes. A later prune removes what it names, at least `SHORTEST_GRACE` after the mark was made, unless a
kept version refers to it. Nobody may begin to refer to it in between, so whoever puts shards into the catalogue looks
here first: a killed run's marked shards are encoded again, and a run does not commit a shard that was removed, or that
has been marked for `_COMMITTABLE`. The rest of the grace is for slow commits and for clocks that differ.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.archive.layout import (
    MARKS_FOLDER,
    entry_path,
    is_mark_path,
    is_whole_mark,
    log_number,
    mark_path,
    shard_of_companion,
)
from pipeline.errors import ArchiveError, UnreadableError
from pipeline.store.storage import Storage

SHORTEST_GRACE: Final = timedelta(hours=1)
_COMMITTABLE: Final = SHORTEST_GRACE / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneMark:
    """What one prune has marked."""

    path: str
    marked_at: datetime
    paths: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneMarks:
    """All that is marked."""

    sound: tuple[PruneMark, ...]
    since: Mapping[str, datetime]
    """Path -> when it was first marked."""
    broken: tuple[str, ...]
    """Paths of marks whose bytes are not those that their names promise: they do not count."""
    unknown: tuple[str, ...]
    """Paths of other objects in the folder."""

    def covers(self, path: str) -> bool:
        """Whether an object may have been removed on purpose."""
        return any(name in self.since for name in marked_with(path))


def marked_with(path: str) -> tuple[str, ...]:
    """The objects whose mark is one of this object, too: a checkpoint goes with the log entry of its version, an album
    or a file of labels with its shard."""
    number, shard = log_number(path), shard_of_companion(path)
    if number is not None:
        return path, entry_path(number)
    return (path,) if shard is None else (path, shard)


class PruneMarkReader:
    """Reads each mark once, however often it looks for new ones."""

    def __init__(self, archive: Storage) -> None:
        """Contact nothing yet."""
        self._archive = archive
        self._read_before: dict[str, PruneMark | None] = {}

    def read(self) -> PruneMarks:
        """All marks there are now: one listing, and one read for each new mark."""
        read: dict[str, PruneMark | None] = {}
        unknown: list[str] = []
        for info in self._archive.list(MARKS_FOLDER):
            if not is_mark_path(info.path):
                unknown.append(info.path)
                continue
            try:
                read[info.path] = self._read_before.get(info.path) or _read(self._archive, info.path)
            except FileNotFoundError:
                continue  # a prune has just removed it
        self._read_before = read
        sound = tuple(mark for mark in read.values() if mark is not None)
        since: dict[str, datetime] = {}
        for mark in sorted(sound, key=lambda mark: mark.marked_at, reverse=True):
            since.update(dict.fromkeys(mark.paths, mark.marked_at))
        broken = tuple(path for path, mark in read.items() if mark is None)
        return PruneMarks(sound=sound, since=since, broken=broken, unknown=tuple(unknown))

    def check_committable(self, shards: Collection[str]) -> None:
        """See that a run may commit shards that it has published.

        Raises:
            ArchiveError: a prune marked some so long ago that another may be removing them now, or has removed them.
        """
        since = self.read().since
        latest = datetime.now(UTC) - _COMMITTABLE
        # in this order: a prune ends its marks after it has removed what they name
        late = [shard for shard in shards if shard in since and since[shard] <= latest]
        late = late or [shard for shard in shards if not self._archive.exists(shard)]
        if late:
            what = f"marked at {since[late[0]]:%Y-%m-%d %H:%M} UTC" if late[0] in since else "removed"
            raise ArchiveError(
                f"Expected shards that nobody removes, got {len(late)} that a prune of {self._archive.url} {what} "
                f"before this run committed them ({late[0]}, ...); was it suspended? Run the same command again: it "
                "encodes them anew."
            )


def _read(archive: Storage, path: str) -> PruneMark | None:
    """A mark; None when its bytes are not those that its name promises, or cannot be had."""
    try:
        data = archive.read(path)
    except UnreadableError:
        return None
    if not is_whole_mark(path, data):
        return None
    record = json.loads(data)
    return PruneMark(
        path=path, marked_at=datetime.fromisoformat(record["marked_at"]), paths=frozenset(record["paths"])
    )


def write_mark(archive: Storage, paths: Iterable[str], marked_at: datetime) -> PruneMark:
    """Mark paths for removal, at least one."""
    record = {"marked_at": marked_at.isoformat(), "paths": sorted(paths)}
    data = json.dumps(record, indent=0).encode()
    path = mark_path(marked_at, data)
    archive.create(path, data)
    return PruneMark(path=path, marked_at=marked_at, paths=frozenset(record["paths"]))
