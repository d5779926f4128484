"""What lies in a destination before anything is written there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final

from pipeline.archive.layout import ARCHIVE_FOLDERS, LOG_FOLDER
from pipeline.errors import RestoreError, StorageError
from pipeline.store.backend import ObjectInfo
from pipeline.store.identity import folder_identities, folders_above, identity_of
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, scheme

_MOST_LISTINGS: Final = 50
"""Of single folders of a remote store; for more, one listing of all is cheaper."""


def files_at(destination: Storage, paths: Collection[str]) -> dict[str, ObjectInfo]:
    """The files that lie at some of these paths. A link to nothing is none."""
    folders: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        folders[path.rpartition("/")[0]].add(path)
    is_local = scheme(destination.url) in LOCAL
    if not is_local and len(folders) > _MOST_LISTINGS:
        asked = set(paths)
        return {info.path: info for info in destination.list() if info.path in asked}
    return {
        info.path: info
        for folder, asked in folders.items()
        for info in destination.list(folder, recursive=False)
        if info.path in asked and not (is_local and info.mtime is None)
    }


def check_no_archive(archive: Storage, destination: Storage, paths: Collection[str]) -> None:
    """See that none of these paths lies inside an archive, by whatever name its folder is reached.

    Raises:
        RestoreError: one does: the archive would be damaged.
    """
    own = folder_identities(archive.url)
    checked: set[str] = set()
    for folder in _folders(destination, paths):
        for above in folders_above(folder):
            if above in checked:
                break
            checked.add(above)
            if identity_of(above) in own or _holds_archive(above, destination):
                raise RestoreError(
                    f"Expected a destination outside of any archive, got {folder}, in the archive at {above}: a file "
                    "written there could take the place of one of its own. Choose another folder."
                )


def _folders(destination: Storage, paths: Collection[str]) -> Iterator[str]:
    """The folders in which files are to be written: in a bucket only those that could be an archive's."""
    is_local = scheme(destination.url) in LOCAL
    root = (local_path(destination.url) if is_local else destination.url).rstrip("/")
    yield root or "/"
    for folder in {path.rpartition("/")[0] for path in paths}:
        if is_local or not ARCHIVE_FOLDERS.isdisjoint(folder.split("/")):
            yield f"{root}/{folder}".rstrip("/") or "/"


def _holds_archive(folder: str, destination: Storage) -> bool:
    try:
        return any(Storage(folder, destination.options).list(LOG_FOLDER, recursive=False))
    except StorageError:  # whoever may not look there has no archive there
        return False
