"""What tells that a folder was an archive when its catalogue is gone."""

from __future__ import annotations

from pipeline.archive.layout import SHARDS_FOLDER, is_shard_path
from pipeline.archive.seals import read_seals
from pipeline.archive.set_aside import unfinished
from pipeline.store.storage import Storage


def has_shards(archive: Storage) -> bool:
    """Whether something lies there that has the name of a shard: other files below `shards/` tell nothing."""
    return any(is_shard_path(info.path) for info in archive.list(SHARDS_FOLDER))


def was_archive(archive: Storage) -> bool:
    """Whether there are shards, whole seals, or the marker of a repair that was replacing the catalogue."""
    return has_shards(archive) or bool(unfinished(archive)) or read_seals(archive).version >= 0
