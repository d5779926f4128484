"""A file of keys, one a line, as several verbs take it."""

from __future__ import annotations

from pipeline.errors import SourceError
from pipeline.store.storage import Storage
from pipeline.store.urls import split_url


def read_keys(url: str) -> list[str]:
    """The keys, at least one.

    Raises:
        SourceError: there is no such file, it is not UTF-8, or it is empty.
        StorageError: it cannot be read.
    """
    root, path = split_url(url)
    try:
        text = Storage(root).read(path).decode("utf-8")
    except FileNotFoundError as error:
        raise SourceError(f"Expected a file of keys at {url}, got nothing there; name another.") from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"Expected keys in UTF-8, one a line, in {url}, got other bytes; save it as UTF-8."
        ) from error
    keys = [line for line in text.split("\n") if line]
    if not keys:
        raise SourceError(f"Expected keys in {url}, one a line, got none; write at least one.")
    return keys
