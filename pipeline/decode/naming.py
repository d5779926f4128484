"""What the files of a decode are called: by key and format, as far as the destination can hold such a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

from pipeline.archive.key_ranges import KeyRanges
from pipeline.decode.file_form import NamePolicy
from pipeline.decode.file_names import fitting_path, safe_path, spare_path, with_extension
from pipeline.decode.tasks import FilePlace
from pipeline.image.file_formats import FORMATS, Format
from pipeline.store.name_limits import NameLimits

_EXTENSION: Final = re.compile(r"(?<=[^/])\.[A-Za-z][A-Za-z0-9]{1,4}$")


class FileNames:
    """Names that depend on an archive's keys, the destination and the policy, not on which images are decoded."""

    limits: NameLimits
    """Of the destination."""

    def __init__(self, keys: Iterable[str], limits: NameLimits, policy: NamePolicy = "append") -> None:
        """Take what the names depend on.

        Args:
            keys: of the archive, all or at least the `rivals_of` the images to be named: a file must not take the
                name of another image.
            limits: of the destination.
        """
        self._keys = frozenset(keys)
        self.limits = limits
        self._policy = policy
        self._folders = _folders_of(self._keys) if limits.has_folders else frozenset()
        self._stems = Counter(map(_stem, self._keys)) if policy == "replace" else Counter()

    def place(self, key: str, fmt: Format | None, *, as_it_was: bool = False) -> FilePlace:
        """Where an image's file goes.

        Args:
            fmt: of the file; None for a kept original, which goes by its key.
            as_it_was: the file is of the format that it had, so that its name fits it as well as it did.
        """
        asked = key if fmt is None or as_it_was else self._named(key, FORMATS[fmt])
        path = safe_path(asked)
        if path in self._folders:
            path = spare_path(path, self.limits)
        return FilePlace(fmt=fmt, asked=asked, path=fitting_path(path, self.limits))

    def _named(self, key: str, extensions: tuple[str, ...]) -> str:
        if self._policy == "keep":
            return key
        stem = _stem(key)
        is_free = self._stems[stem] == 1 and stem not in self._keys
        if self._policy == "replace" and is_free and not key.lower().endswith(extensions):
            return stem + extensions[0]
        return with_extension(key, extensions, self._keys.__contains__)


def rivals_of(keys: Collection[str]) -> KeyRanges:
    """The keys on which the names of some images depend: those that are a name that one of them may get, or begin with
    such a name as a folder.

    All such names begin with the key as it is without an extension, and then a dot follows, or nothing.
    """
    stems = set(map(_stem, keys))
    return KeyRanges.united(
        (first, stop) for stem in stems for first, stop in ((stem, f"{stem}\0"), (f"{stem}.", f"{stem}0"))
    )


def _stem(key: str) -> str:
    """The key without what looks like an image's extension: `photo.2024` keeps it."""
    return _EXTENSION.sub("", key)


def _folders_of(keys: Collection[str]) -> frozenset[str]:
    """The paths in which other images lie: no file can have such a name."""
    folders: set[str] = set()
    for key in keys:
        folder = safe_path(key).rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(folders)
