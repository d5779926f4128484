"""From keys to file names: no file overwrites another image, none is written outside the destination."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from pipeline.store.name_limits import NameLimits

RECORDS: Final = "_decode"
"""The folder of all records of jobs in a destination: no image's file lies there."""
_LOOKS_ESCAPED = re.compile(r"\A%(25)*(2F|2E(%(25)*2E)?|5Fdecode)\Z|%(25)*00|\0", re.IGNORECASE)
"""Names as they come out of an escape; a name that merely holds a `%2F`, as pages save them, stays as it is."""
_LONGEST_EXTENSION: Final = 16
"""In bytes, with its dot: what is longer is no extension."""


def safe_path(key: str) -> str:
    """A relative path for a key: `..`, `.`, empty segments, NUL and the folder of records are percent-escaped, one to
    one.

    >>> safe_path("holiday/a b.jpg"), safe_path("../../etc/passwd"), safe_path("/abs.png")
    ('holiday/a b.jpg', '%2E%2E/%2E%2E/etc/passwd', '%2F/abs.png')
    """
    path = "/".join(map(_segment, key.split("/")))
    return f"%5F{path[1:]}" if path.partition("/")[0] == RECORDS else path


def _segment(name: str) -> str:
    if _LOOKS_ESCAPED.search(name):
        name = name.replace("%", "%25")
    name = name.replace("\0", "%00")
    if name == "":
        return "%2F"
    return name.replace(".", "%2E") if name in (".", "..") else name


def with_extension(key: str, extensions: tuple[str, ...], is_taken: Callable[[str], bool]) -> str:
    """The key itself when it already ends in one of `extensions`, else with the first one appended.

    `a.jpg` becomes `a.jpg.png`, never `a.png`, so that `a.jpg` and `a.gif` stay apart. Should the archive
    hold an `a.jpg.png` of its own, another extension is appended until the name is free.

    Args:
        key: the image's key.
        extensions: of the output format, the preferred one first, with dots.
        is_taken: whether another image owns a name.
    """
    if key.lower().endswith(extensions):
        return key
    name = key + extensions[0]
    while is_taken(name):
        name += extensions[0]
    return name


def fitting_path(path: str, limits: NameLimits) -> str:
    """The path itself where the store can hold it; else one that is shorter and that no other path becomes.

    A part that is too long is cut, and gets a digest of what it was; a path that is too long as a whole becomes its
    digest, in the top folder.
    """
    parts = [
        part if len(part.encode()) <= limits.segment_bytes else _marked(part, part, limits.segment_bytes)
        for part in path.split("/")
    ]
    fitting = "/".join(parts)
    return fitting if len(fitting.encode()) <= limits.path_bytes else _marked_alone(path)


def spare_path(path: str, limits: NameLimits) -> str:
    """Another name for a file beside the one at `path`, the same each time: `a/b.jpg` becomes `a/b~<digest>.jpg`."""
    folder, slash, name = path.rpartition("/")
    spare = f"{folder}{slash}{_marked(name, path, limits.segment_bytes)}"
    return spare if len(spare.encode()) <= limits.path_bytes else _marked_alone(path)


def spare_paths(path: str, limits: NameLimits) -> tuple[str, str]:
    """Where a file goes when the name `path` cannot be had: beside it, else under its digest in the top folder."""
    return spare_path(path, limits), _marked_alone(path)


def _marked(name: str, path: str, room: int) -> str:
    stem, extension = _split(name)
    mark = f"~{_digest(path)}{extension}"
    kept = stem.encode()[: max(0, room - len(mark.encode()))].decode("utf-8", "ignore")
    return f"{kept}{mark}"


def _marked_alone(path: str) -> str:
    return f"~{_digest(path)}{_split(path.rpartition('/')[2])[1]}"


def _split(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    if not stem or not extension.isalnum() or len(f".{extension}".encode()) > _LONGEST_EXTENSION:
        return name, ""
    return stem, f"{dot}{extension}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
