"""What the files of a decode are called: by key and format, as far as the destination can hold such a name."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.decode.file_names import fitting_path, safe_path, spare_path, with_extension
from pipeline.decode.tasks import Place
from pipeline.image.write import FORMATS, Format
from pipeline.store.name_limits import NameLimits


class FileNames:
    """Names that depend on an archive's keys and the destination alone, not on which of the images are decoded."""

    def __init__(self, all_keys: Collection[str], limits: NameLimits) -> None:
        """Take what the names depend on.

        Args:
            all_keys: of the whole archive: a file must not take the name of another image.
            limits: of the destination.
        """
        self._all_keys = frozenset(all_keys)
        self._limits = limits
        self._folders = _folders_of(self._all_keys) if limits.has_folders else frozenset()

    def place(self, key: str, fmt: Format | None) -> Place:
        """Where an image's file goes.

        Args:
            fmt: of the file; None for a kept original, which goes by its key.
        """
        asked = key if fmt is None else with_extension(key, FORMATS[fmt], self._all_keys.__contains__)
        path = safe_path(asked)
        if path in self._folders:
            path = spare_path(path, self._limits)
        return Place(fmt=fmt, asked=asked, path=fitting_path(path, self._limits))


def _folders_of(keys: Collection[str]) -> frozenset[str]:
    """The paths in which other images lie: no file can have such a name."""
    folders: set[str] = set()
    for key in keys:
        folder = safe_path(key).rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(folders)
