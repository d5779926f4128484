"""Repair copies what it takes out of an archive to a folder of that archive first: no evidence is destroyed.

    lost/<UTC stamp>/<path>               what lay at <path>, byte for byte
    lost/<UTC stamp>/repairing.json       a lost catalogue is being replaced; removed when the new one is whole

While there is such a marker, the catalogue is incomplete, whatever it looks like: it must be made anew from the shards.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime

from pipeline.archive.layout import LOST_FOLDER, marked_folder, marker_path, set_aside_folder
from pipeline.errors import ArchiveError
from pipeline.store.storage import Storage


class SetAsideFolder:
    """The folder in which one repair puts things aside."""

    def __init__(self, archive: Storage) -> None:
        """Name the folder; nothing is written yet."""
        self._archive = archive
        self.folder = set_aside_folder(datetime.now(UTC))
        self.paths: list[str] = []
        """What was copied."""

    def copy(self, paths: Iterable[str]) -> list[str]:
        """Copy those of some objects that exist, and return their paths."""
        copied = []
        for path in paths:
            try:
                data = self._archive.read(path)
            except FileNotFoundError:
                continue
            self._archive.write(f"{self.folder}/{path}", data)
            copied.append(path)
        self.paths += copied
        return copied

    def move(self, paths: Iterable[str]) -> None:
        """Copy those of some objects that exist, and remove them when all are copied."""
        remove(self._archive, self.copy(paths))

    def mark(self) -> None:
        """Write the marker that says that the catalogue is incomplete."""
        record = {"since": datetime.now(UTC).isoformat(timespec="seconds"), "why": "the catalogue was lost"}
        self._archive.write(marker_path(self.folder), (json.dumps(record) + "\n").encode())


def unfinished(archive: Storage) -> list[str]:
    """Folders of repairs that were killed while they replaced the catalogue."""
    folders = (marked_folder(info.path) for info in archive.list(LOST_FOLDER))
    return [folder for folder in folders if folder is not None]


def check_not_replaced(archive: Storage) -> None:
    """See that nobody commits to an incomplete catalogue.

    Raises:
        ArchiveError: a repair is replacing it, or was killed while it did.
    """
    if unfinished(archive):
        raise ArchiveError(
            f"Expected a whole catalogue at {archive.url}, got one that a repair is making anew from the shards, or "
            f"was when it was killed. Let it end, or run `tenfold repair {archive.url}` to finish it."
        )


def unmark(archive: Storage) -> None:
    """Remove the markers: the catalogue is whole."""
    remove(archive, map(marker_path, unfinished(archive)))


def remove(archive: Storage, paths: Iterable[str]) -> None:
    """Remove those of some objects that exist."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            archive.delete(path)
