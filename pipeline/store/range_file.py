"""An object of any store as a file that can be read and sought, a few megabytes at a time."""

from __future__ import annotations

import io
from typing import Any, Final

from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.store.urls import split_url

_BUFFER_BYTES: Final = 4 * 2**20


def open_object(url: str, options: StorageOptions, *, buffer_bytes: int = _BUFFER_BYTES) -> io.BufferedReader:
    """Open an object for reading; only what is read is fetched.

    Args:
        buffer_bytes: what is fetched at once.
    Raises:
        FileNotFoundError: there is none.
        StorageError: its store does not answer, now or on a read.
    """
    root, path = split_url(url)
    storage = Storage(root, options)
    return io.BufferedReader(RangeFile(storage, path, size=storage.size(path)), buffer_bytes)


class RangeFile(io.RawIOBase):
    """An object of a store as a file of which each read is one range request."""

    def __init__(self, storage: Storage, path: str, *, size: int) -> None:
        """Fetch nothing yet; `size` is that of the object in bytes."""
        self._storage, self._path, self._size = storage, path, size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size - self._at))
        if length:
            buffer[:length] = self._storage.read_range(self._path, self._at, length)
        self._at += length
        return length
