"""What is wrong with what lies beside shards: no image needs it, and `tenfold preview` or `label` makes it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pipeline.archive.albums import read_album
from pipeline.archive.labels import read_labels
from pipeline.archive.layout import LABELS_FOLDER, PREVIEWS_FOLDER, shard_of_companion
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage
from pipeline.verify.damage import Problem

_READERS: Final[dict[str, Callable[[Storage, str], object]]] = {
    PREVIEWS_FOLDER: read_album,
    LABELS_FOLDER: read_labels,
}


def companions(archive: Storage) -> list[str]:
    """The paths of all albums and files of labels, whether their shard is there or not."""
    found = (info.path for folder in _READERS for info in archive.list(folder))
    return [path for path in found if shard_of_companion(path) is not None]


def damaged_companions(archive: Storage, paths: Iterable[str]) -> Iterator[Problem]:
    """Those of some albums and files of labels that are not what was written, one after the other.

    Raises:
        NewerFormatError: one was written by a release that is too new.
        StorageError: the store does not answer.
    """
    for path in paths:
        damage = _damage(archive, path) and _damage(archive, path)  # perhaps it was damaged on the way alone
        if damage is not None:
            yield Problem(path=path, key=None, problem=damage)


def _damage(archive: Storage, path: str) -> str | None:
    shard, (folder, _, _) = shard_of_companion(path), path.partition("/")
    assert shard is not None
    try:
        _READERS[folder](archive, shard)
    except DamagedError as error:
        return str(error)
    return None
