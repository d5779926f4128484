"""A walk through a local folder: every file in the order of the paths, and every link followed, so that it ends.

A real folder is walked under its own path. Where a link leads to it as well, it is walked once more under the link's
path, and its files then say that they are the same (`ObjectInfo.same_as`); a further link adds nothing. So folders
that link to each other give at most two names to a file, however many ways lead there.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pipeline.store.backend import Notice, ObjectInfo, Oddity, Page, microseconds_of, moment_of
from pipeline.store.local_failures import explained
from pipeline.store.local_files import is_temporary

_PAGE = 4096
_FIRST_US, _LAST_US = (
    microseconds_of(extreme.replace(tzinfo=UTC)) for extreme in (datetime.min, datetime.max)
)
_LEADS_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """A name that the walk has come to."""

    key: str
    file: str
    real: str | None = None
    """Its path without any link in it, where a link led here."""
    twin: str | None = None
    """Key under which the walk gives the same file or folder as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenFolder:
    """A folder that the walk is in."""

    place: _Reached
    names: list[str]
    """Still to visit, last first; folders end in '/'."""
    links: frozenset[str]
    """Those of `names` that are links."""
    above: frozenset[tuple[int, int]]
    """Identities of this folder and those above it."""


class LocalWalk:
    """One walk. It holds the names of one folder per level, and what it met behind links; nothing more."""

    def __init__(
        self, top: str, prefix: str, *, recursive: bool, exclude: frozenset[str], notice: Notice | None
    ) -> None:
        """Look at nothing yet.

        Args:
            top: the folder, which has the key `prefix`; '' for the root of the store.
            exclude: keys, and real paths, that are passed over with everything below them.
            notice: is told of every oddity. Without it, a folder whose names cannot be had ends the walk.
        """
        self._top = _Reached(key=prefix, file=top)
        self._real_top = os.path.realpath(top).rstrip("/")
        self._recursive = recursive
        self._exclude = exclude
        self._notice = notice
        self._linked: dict[str, str] = {}
        """Keys of what lies elsewhere, by real path: linked files, and the folders below linked ones."""
        self._again: set[str] = set()
        """Real paths of folders that were walked under a second key."""

    def pages(self) -> Iterator[Page]:
        """The files.

        Raises:
            StorageError: a folder cannot be listed: the first one always, others if nobody takes notice.
        """
        page, full = Page(), 1  # whoever wants to see one file need not wait for a thousand folders
        levels = [self._open(self._top, frozenset())]
        while levels:
            level = levels[-1]
            if not level.names:
                levels.pop()
                continue
            name = level.names.pop()
            if not self._add_plain(name, level, page):
                below = self._visit(name, level, page)
                levels += [] if below is None else [below]
            if len(page) >= full:
                yield page
                page, full = Page(), min(2 * full, _PAGE)
        if len(page):
            yield page

    def _visit(self, name: str, level: _OpenFolder, page: Page) -> _OpenFolder | None:
        """Append any other file if it is one to give; open a folder that is to be walked."""
        place = self._place(level, name.removesuffix("/"))
        if self._is_hidden(place):
            return None
        if name.endswith("/"):
            is_to_walk = self._recursive and self._is_to_walk(place, level)
            return self._open(place, level.above) if is_to_walk else None
        info = self._describe(place)
        if info is not None:
            page.add(info)
        return None

    def _add_plain(self, name: str, level: _OpenFolder, page: Page) -> bool:
        """Append a regular file that no link has to do with, in a third of the time that others take; else False."""
        folder = level.place
        if name.endswith("/") or folder.real is not None or name in level.links:
            return False
        key = f"{folder.key}/{name}" if folder.key else name
        try:
            status = os.stat(f"{folder.file}/{name}")  # noqa: PTH116 as for scandir: no Path per file
        except OSError:
            return False
        mtime_us = status.st_mtime_ns // 1000
        if key in self._exclude or not stat.S_ISREG(status.st_mode) or not _FIRST_US <= mtime_us <= _LAST_US:
            return False
        page.paths.append(key)
        page.sizes.append(status.st_size)
        page.etags.append(None)
        page.mtimes_us.append(mtime_us)
        return True

    def _place(self, level: _OpenFolder, name: str) -> _Reached:
        folder = level.place
        key = f"{folder.key}/{name}" if folder.key else name
        file = os.path.join(folder.file, name)  # noqa: PTH118 a Path per file is slow
        if name in level.links:
            real = os.path.realpath(file)
        elif folder.real is not None:
            real = f"{folder.real}/{name}"
        else:
            return _Reached(key=key, file=file)
        twin = self._first_key(real, key)
        return _Reached(key=key, file=file, real=real, twin=None if twin == key else twin)

    def _first_key(self, real: str, key: str) -> str:
        """The key that counts for what a link led to: its own below the top, else the first it is met under."""
        if real.startswith(f"{self._real_top}/"):
            below = real[len(self._real_top) + 1 :]
            return f"{self._top.key}/{below}" if self._top.key else below
        first = self._linked.get(real)
        if first is not None:
            return first
        folder, _, name = real.rpartition("/")
        if folder in self._linked:
            return f"{self._linked[folder]}/{name}"
        self._linked[real] = key
        return key

    def _is_hidden(self, place: _Reached) -> bool:
        if not self._exclude:
            return False
        behind = (place.twin, place.real)
        return place.key in self._exclude or any(
            path is not None and (path == out or path.startswith(f"{out}/"))
            for path in behind
            for out in self._exclude
        )

    def _is_to_walk(self, place: _Reached, level: _OpenFolder) -> bool:
        if _identity(place.file) in level.above:  # a loop: what is in there is met further up
            return False
        if place.real is None:
            return True
        if place.twin is None:
            self._linked[place.real] = place.key
            return True
        is_new = place.real not in self._again
        self._again.add(place.real)
        return is_new

    def _open(self, place: _Reached, above: frozenset[tuple[int, int]]) -> _OpenFolder:
        """With the '/' in the comparison, and on bytes, a walk visits whole paths in the order in which S3 lists
        keys: `a.png` before `a/b.png`.
        """
        names: list[str] = []
        links: set[str] = set()
        try:
            with os.scandir(place.file) as entries:
                for entry in entries:
                    if is_temporary(entry.name):
                        continue
                    names.append(f"{entry.name}/" if _is_folder(entry) else entry.name)
                    if entry.is_symlink():
                        links.add(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            pass  # no such prefix, or removed while the walk was on its way: then it holds no object
        except OSError as error:
            worded = explained(error, place.file, reading_folder=True)
            if self._notice is None or place is self._top:
                raise worded from error
            self._notice(Oddity(path=place.key, kind="closed", reason=str(worded)))
        names.sort(key=os.fsencode, reverse=True)
        identity = _identity(place.file)
        return _OpenFolder(
            place=place,
            names=names,
            links=frozenset(links),
            above=above if identity is None else above | {identity},
        )

    def _describe(self, place: _Reached) -> ObjectInfo | None:
        """Size and time of a regular file; None for sockets, pipes and what has vanished.

        A link to nothing, and a file of which nothing can be known, have size 0: reading them fails and says why. As
        long as the link leads to that place, and nothing is there, it is the same object.
        """
        try:
            status = os.stat(place.file)  # noqa: PTH116 as for scandir: no Path per file
        except OSError as error:
            is_link = os.path.islink(place.file)  # noqa: PTH114
            if error.errno in _LEADS_NOWHERE and not is_link:
                return None
            if error.errno not in _LEADS_NOWHERE:
                return ObjectInfo(path=place.key, size=0, etag=None, mtime=None)
            link = f"a link to {os.readlink(place.file)}"  # noqa: PTH115
            self._tell(place, "dangling", f"{link}, where nothing is")
            etag = link.encode("utf-8", "backslashreplace").decode()
            return ObjectInfo(path=place.key, size=0, etag=etag, mtime=None)
        if not stat.S_ISREG(status.st_mode):
            self._tell(place, "special", "a pipe, socket or device")
            return None
        return describe(place.key, status, same_as=place.twin)

    def _tell(self, place: _Reached, kind: Literal["dangling", "special"], reason: str) -> None:
        if self._notice is not None:
            self._notice(Oddity(path=place.key, kind=kind, reason=reason))


def describe(path: str, status: os.stat_result, *, same_as: str | None = None) -> ObjectInfo:
    """A file as its status says. A time that no calendar has is still told from another: in place of an ETag."""
    try:
        mtime = moment_of(status.st_mtime_ns // 1000)
    except OverflowError:
        return ObjectInfo(
            path=path,
            size=status.st_size,
            etag=f"mtime-ns {status.st_mtime_ns}",
            mtime=None,
            same_as=same_as,
        )
    return ObjectInfo(path=path, size=status.st_size, etag=None, mtime=mtime, same_as=same_as)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that points at itself: reading it will say so
        return False


def _identity(folder: str) -> tuple[int, int] | None:
    """None where nothing can be known: listing the folder says what is wrong; or where all have the same number."""
    try:
        status = os.stat(folder)  # noqa: PTH116 as for scandir: no Path per file
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
