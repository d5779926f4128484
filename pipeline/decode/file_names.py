"""From keys to file names: no file overwrites another image, none is written outside the destination."""

from __future__ import annotations

import re
from collections.abc import Callable

_LOOKS_ESCAPED = re.compile(r"%(2E|2F|00|25)", re.IGNORECASE)


def safe_path(key: str) -> str:
    """A relative path for a key: `..`, `.`, empty segments and NUL are percent-escaped, one to one.

    >>> safe_path("holiday/a b.jpg"), safe_path("../../etc/passwd"), safe_path("/abs.png")
    ('holiday/a b.jpg', '%2E%2E/%2E%2E/etc/passwd', '%2F/abs.png')
    """
    return "/".join(map(_segment, key.split("/")))


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
