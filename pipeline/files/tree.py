"""Folders out of sorted keys: all that lies in a folder is one slice of them, and a folder in it is passed in one step.

So what a listing costs is what it lists, however many images lie below. A name that is empty, as in `a//b.jpg`, is no
folder: it counts to the name that follows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.archive.sorted_rows import SortedRows

_FEWEST_KEYS: Final = 64
_MOST_KEYS: Final = 65_536
_AFTER_SLASH: Final = chr(ord("/") + 1)
"""What lies below a folder sorts before the folder's path with this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRun:
    """Images that follow each other in a folder."""

    positions: range


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEntry:
    """A folder with something in it."""

    path: str


class Tree:
    """The keys of one version of an archive, as a tree of files and folders."""

    def __init__(self, rows: SortedRows) -> None:
        """Take all rows."""
        self._rows = rows

    def content(self, path: str) -> Iterator[FileRun | FolderEntry]:
        """What lies directly in a folder, in the order of the keys; nothing when there is no such folder."""
        prefix = f"{path}/" if path else ""
        inside = self._rows.with_prefix(prefix)
        window = _Window(self._rows, inside)
        first = at = inside.start
        while at < inside.stop:
            key = window.key(at)
            name_at = _name_at(key, len(prefix))
            cut = key.find("/", name_at)
            if name_at < len(key) and cut < 0:
                at += 1
                continue
            if first < at:
                yield FileRun(positions=range(first, at))
            if cut < 0:  # it ends in a slash, and has no name in this folder
                at += 1
            else:
                yield FolderEntry(path=key[:cut])
                at = window.position(key[:cut] + _AFTER_SLASH, after=at)
            first = at
        if first < at:
            yield FileRun(positions=range(first, at))

    def below(self, path: str, *, depth: int | None = None) -> Iterator[FileRun | FolderEntry]:
        """All that lies below a folder, each folder before what is in it.

        Args:
            depth: so many levels; None for all.
        """
        for found in self.content(path):
            yield found
            if isinstance(found, FolderEntry) and depth != 1:
                yield from self.below(found.path, depth=None if depth is None else depth - 1)


class _Window:
    """Keys from where they were last asked for: the more, the longer they are asked for one after another."""

    def __init__(self, rows: SortedRows, inside: range) -> None:
        self._rows = rows
        self._inside = inside
        self._start, self._keys, self._most = inside.start, list[str](), _FEWEST_KEYS

    def key(self, position: int) -> str:
        if position >= self._start + len(self._keys):
            goes_on = position == self._start + len(self._keys)
            self._most = min(2 * self._most, _MOST_KEYS) if goes_on else _FEWEST_KEYS
            here = range(position, min(position + self._most, self._inside.stop))
            self._start, self._keys = position, self._rows.read(here, ["key"])["key"].to_pylist()
        return self._keys[position - self._start]

    def position(self, key: str, *, after: int) -> int:
        """Of the first key that is not smaller."""
        number = bisect_left(self._keys, key, after - self._start)
        return self._start + number if number < len(self._keys) else self._rows.position(key)


def _name_at(key: str, start: int) -> int:
    while key.startswith("/", start):
        start += 1
    return start
