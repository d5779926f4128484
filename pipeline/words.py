"""Numbers and spans of time in words: `1 image`, `2 images`, `30d`."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from pipeline.errors import ConfigError

_SIZES = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0))


def counted(number: int, what: str, *verbs: str) -> str:
    """A number of things and, after them, one of two verbs: `counted(n, "image", "was", "were")`."""
    words = f"{number:,} {what}" + ("" if number == 1 else "s")
    if verbs:
        one, many = verbs
        words += f" {one if number == 1 else many}"
    return words


def three_digits(value: float) -> str:
    """A number of at least 0 by its first three digits, without an exponent: `0.000795`, `9.16`, `1,154`."""
    if not value:
        return "0"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f}"


def in_units(num_bytes: float, *, smallest: str = "B") -> tuple[float, str]:
    """A size in the largest unit of which it is one at least, and that unit; MB is 10^6 bytes."""
    return next((num_bytes / size, unit) for unit, size in _SIZES if num_bytes >= size or unit == smallest)


_SPAN = re.compile(r"(\d{1,9})([dhm])", re.ASCII)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_LONGEST = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """A span of whole days, hours or minutes.

    Raises:
        ConfigError: it is none, is nothing, or longer than a hundred years.
    """
    match = _SPAN.fullmatch(text.strip())
    span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < span <= _LONGEST:
        raise ConfigError(f"Expected a span of time such as 30d, 12h or 90m, above 0, got {text!r}.")
    return span


def duration_words(span: timedelta) -> str:
    """A span as `parse_duration` reads it."""
    minutes = round(span.total_seconds() / 60)
    for unit, length in (("d", 1440), ("h", 60)):
        if minutes % length == 0:
            return f"{minutes // length}{unit}"
    return f"{minutes}m"
