"""What is wrong with albums: no image needs them, and `tenfold preview` makes them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.archive.albums import read_album
from pipeline.archive.layout import PREVIEWS_FOLDER, album_path, shard_beside
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage
from pipeline.verify.damage import Problem


def album_shards(archive: Storage) -> list[str]:
    """The shards that have an album, whether they are there or not."""
    found = (shard_beside(info.path) for info in archive.list(PREVIEWS_FOLDER))
    return [shard for shard in found if shard is not None]


def damaged_albums(archive: Storage, shards: Iterable[str]) -> Iterator[Problem]:
    """The albums of some shards that are not what was written, one after the other.

    Raises:
        NewerFormatError: one was written by a release that is too new.
        StorageError: the store does not answer.
    """
    for shard in shards:
        damage = _damage(archive, shard) and _damage(
            archive, shard
        )  # perhaps it was damaged on the way alone
        if damage is not None:
            yield Problem(path=album_path(shard), key=None, problem=damage)


def _damage(archive: Storage, shard: str) -> str | None:
    try:
        read_album(archive, shard)
    except DamagedError as error:
        return str(error)
    return None
