"""How long the names can be that a store holds, and whether its folders are things of their own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.store.urls import LOCAL, local_path, scheme

_OBJECT_STORES: Final = ("s3", "gs", "gcs", "az", "abfs", "abfss")
_OBJECT_NAME_BYTES: Final = 1024
_SEGMENT_BYTES: Final = 255
_PATH_BYTES: Final = 4095
_TEMPORARY_BYTES: Final = 48
"""Of the name, with its slash, that a file has until it is finished (local_files.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLimits:
    """What the names below one root must keep to, in bytes of UTF-8."""

    segment_bytes: int
    """Of each part between slashes."""
    path_bytes: int
    """Of the whole path below the root."""
    has_folders: bool
    """Whether a file and a folder cannot have one name."""


def limits_of(url: str) -> NameLimits:
    """The limits below a root, which need not be there yet."""
    kind = scheme(url)
    if kind in LOCAL:
        root = local_path(url)
        room = _PATH_BYTES - len(os.fsencode(root)) - _TEMPORARY_BYTES
        return NameLimits(segment_bytes=_longest_name(Path(root)), path_bytes=room, has_folders=True)
    if kind in _OBJECT_STORES:
        prefix = url.partition("://")[2].partition("/")[2]
        room = _OBJECT_NAME_BYTES - len(f"{prefix}/".encode())
        return NameLimits(segment_bytes=room, path_bytes=room, has_folders=False)
    return NameLimits(segment_bytes=_SEGMENT_BYTES, path_bytes=_OBJECT_NAME_BYTES, has_folders=True)


def _longest_name(folder: Path) -> int:
    """What the disk says on which the folder lies, or would be made."""
    for existing in (folder, *folder.parents):
        try:
            return min(_SEGMENT_BYTES, os.statvfs(existing).f_namemax or _SEGMENT_BYTES)
        except OSError:
            continue
    return _SEGMENT_BYTES
