"""Keys: names of files as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def are_text(names: Iterable[str]) -> bool:
    """Whether none of the names has bytes that are not UTF-8, which stand in it as surrogates."""
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        return False
    return True


def distinct_key(name: str, is_taken: Callable[[str], bool]) -> str:
    """A key as text: bytes of a name that are not UTF-8 become %XX, or %%XX where another file has that name."""
    percent = "%"
    while (key := utf8_key(name, percent)) != name and is_taken(key):
        percent += "%"
    return key


def utf8_key(path: str, percent: str = "%") -> str:
    """A key as text: bytes of a name that are not UTF-8 become %XX."""
    return "".join(f"{percent}{ord(c) - 0xDC00:02X}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in path)
