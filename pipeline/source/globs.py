"""Glob patterns over '/'-separated names: `*`, `?` and `[...]` stay inside one part, `**` spans parts."""

from __future__ import annotations

import re

_MAGIC = re.compile(r"[*?\[]")


def is_glob(text: str) -> bool:
    """Whether a text has wildcards."""
    return _MAGIC.search(text) is not None


def split_glob(text: str) -> tuple[str, str]:
    """Cut `photos/2024/**/*.jpg` into the folder without wildcards, `photos/2024`, and the rest."""
    start = _MAGIC.search(text)
    at = text.rfind("/", 0, start.start() if start else None)
    return text[: at + 1], text[at + 1 :]


def compile_glob(pattern: str) -> re.Pattern[str]:
    """A regular expression whose `fullmatch` says whether a name matches. Case counts.

    `**` as a whole part matches any number of parts, none included, and as the last part everything below.

    Raises:
        ValueError: a range in brackets runs backwards.
    """
    parts = pattern.split("/")
    out = []
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if part == "**":
            out.append(".+" if last else "(?:[^/]+/)*")
        else:
            out.append(_part(part) + ("" if last else "/"))
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error as error:
        raise ValueError(
            f"expected a range like [a-z] in {pattern!r}, got one that runs backwards"
        ) from error


def _part(part: str) -> str:
    out = []
    i = 0
    while i < len(part):
        char = part[i]
        closing = part.find("]", i + 2 + part[i + 1 : i + 2].count("!")) if char == "[" else -1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif closing > 0:
            inside = part[i + 1 : closing]
            negated = inside.startswith("!")
            choices = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside.removeprefix("!"))
            out.append(f"(?!/)[{'^' if negated else ''}{choices}]")
            i = closing
        else:
            out.append(re.escape(char))
        i += 1
    return "".join(out)
