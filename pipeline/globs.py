"""Glob patterns over '/'-separated names: `*`, `?` and `[...]` stay inside one part, `**` spans parts.

Sources and keys are matched by the same grammar. A key pattern without any `/` is matched against the whole key, its
wildcards crossing slashes: `*.jpg` is every JPEG of an archive, as if each key were a name without parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pipeline.errors import ConfigError

_MAGIC = re.compile(r"[*?\[]")
_WILD = re.compile(r"(?:(?:^|(?<=/))\*\*/|\*+|\?|\[!?[^/][^\]/]*\])+")


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
    *folders, name = pattern.split("/")
    out = ["(?:[^/]*/)*" if part == "**" else f"{_part(part)}/" for part in folders]
    out.append(".+" if name == "**" else _part(name))
    return _compiled("".join(out), pattern)


def key_matcher(pattern: str) -> Callable[[str], bool]:
    """Tells of a key whether it matches a pattern that a user gave. One that ends in `/` means all below a folder.

    Raises:
        ConfigError: a range in brackets runs backwards.
    """
    compiled = key_expression(pattern)
    return lambda key: compiled.fullmatch(key) is not None


def key_expression(pattern: str) -> re.Pattern[str]:
    """What `key_matcher` matches whole keys by. It looks ahead only where a range in brackets holds `/`.

    Raises:
        ConfigError: a range in brackets runs backwards.
    """
    try:
        if pattern.endswith("/"):
            pattern += "**"
        return compile_glob(pattern) if "/" in pattern else _compile_crossing(pattern)
    except ValueError as error:
        raise ConfigError(f"Expected a glob over keys, got {pattern!r}: {error}; correct it.") from error


def literal_texts(pattern: str) -> list[str]:
    """What is certain of every key that `key_matcher` lets through: it begins with the first text, ends with the last,
    and holds the others in between.

    >>> literal_texts("holiday/**/img*.jpg"), literal_texts("beach.jpg")
    (['holiday/', 'img', '.jpg'], ['beach.jpg'])
    """
    return _WILD.split(pattern + "**" if pattern.endswith("/") else pattern)


def _compile_crossing(pattern: str) -> re.Pattern[str]:
    return _compiled(_part(pattern, crosses=True), pattern)


def _compiled(expression: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.DOTALL)
    except re.error as error:
        raise ValueError(
            f"expected a range like [a-z] in {pattern!r}, got one that runs backwards"
        ) from error


def _part(part: str, *, crosses: bool = False) -> str:
    """The regular expression of one part; with `crosses` its wildcards match slashes too."""
    any_one = "." if crosses else "[^/]"
    out = []
    i = 0
    while i < len(part):
        char = part[i]
        closing = part.find("]", i + 2 + part[i + 1 : i + 2].count("!")) if char == "[" else -1
        if char == "*":
            if part[i - 1 : i] != "*":  # several in a row say no more than one, and would cost as many
                out.append(f"{any_one}*")
        elif char == "?":
            out.append(any_one)
        elif closing > 0:
            out.append(_one_of(part[i + 1 : closing], crosses=crosses))
            i = closing
        else:
            out.append(re.escape(char))
        i += 1
    return "".join(out)


def _one_of(inside: str, *, crosses: bool) -> str:
    """The regular expression of a range in brackets."""
    negated = inside.startswith("!")
    choices = re.sub(r"([\\\[\]^&~|]|^-|-$)", r"\\\1", inside.removeprefix("!"))
    if negated:
        return f"[^{choices}]" if crosses else f"[^/{choices}]"
    holds_slash = any(first <= "/" <= last for first, last in re.findall("(.)-(.)", inside))
    return f"(?!/)[{choices}]" if holds_slash and not crosses else f"[{choices}]"
