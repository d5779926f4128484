"""The `Range` header (RFC 9110, section 14)."""

from __future__ import annotations

import re
from typing import Final

_ONE: Final = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.IGNORECASE)


class NoSuchRangeError(ValueError):
    """A range that begins behind the last byte."""


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Where the range begins and ends (the byte behind its last one); None for everything, which also answers several
    ranges and what is no range.

    Args:
        size: in bytes, of what there is.
    Raises:
        NoSuchRangeError: there is nothing there.
    """
    match = _ONE.fullmatch(header or "")
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:  # the last so many
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= stop:
        raise NoSuchRangeError
    return start, stop
