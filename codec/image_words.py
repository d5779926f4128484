"""Words beside an image: what it shows, or what about it counts, in any language."""

from __future__ import annotations

from typing import Final

MOST_BYTES: Final = 1024
"""Of them, in UTF-8: a long caption. A payload of few bytes may hold them."""


def words_in(data: bytes) -> str:
    """The words of a text file.

    Raises:
        ValueError: it is no UTF-8, or its words are none that an encoder takes.
    """
    try:
        words = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"expected text in UTF-8, got {error.reason} at byte {error.start}") from None
    check_words(words)
    return words


def check_words(words: str) -> None:
    """Refuse what no encoder takes.

    Raises:
        ValueError: they are empty, longer than `MOST_BYTES`, or no text.
    """
    if not words.strip():
        raise ValueError("expected words, got none: give no text where there is nothing to say")
    try:
        length = len(words.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise ValueError(f"expected text, got {error.object[error.start]!r} at {error.start}") from None
    if length > MOST_BYTES:
        raise ValueError(
            f"expected words of up to {MOST_BYTES:,} bytes in UTF-8, got {length:,}: shorten them"
        )
