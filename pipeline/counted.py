"""`1 image`, `2 images`: numbers of things, in words for people."""

from __future__ import annotations


def counted(number: int, what: str, *verbs: str) -> str:
    """A number of things and, after them, one of two verbs: `counted(n, "image", "was", "were")`."""
    words = f"{number:,} {what}" + ("" if number == 1 else "s")
    if verbs:
        one, many = verbs
        words += f" {one if number == 1 else many}"
    return words
