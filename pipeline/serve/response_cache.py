"""Files that were made, remembered by their ETags: in memory, and on a disk where one is given."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import uuid4

import google_crc32c
from cachetools import LRUCache

from pipeline.store.urls import folder_here

_OURS: Final = "[0-9a-f]" * 2 + "/" + "[0-9a-f]" * 64 + "*"
"""Names of files that this cache makes: others in its folder are let alone."""
_SEAL_BYTES: Final = 4
_LEFT_WHEN_FULL: Final = 0.9
"""Of a full disk cache: making room costs a look at every file."""


class MemoryCache:
    """The files that were asked for last. For one event loop."""

    def __init__(self, most_bytes: int) -> None:
        """Remember at most so many bytes; none of a file that is larger than a quarter of it."""
        self._files: LRUCache[str, bytes] = LRUCache(most_bytes, getsizeof=len)

    def get(self, etag: str) -> bytes | None:
        """The file, if it is remembered."""
        return self._files.get(etag)

    def put(self, etag: str, data: bytes) -> None:
        """Remember a file."""
        if len(data) * 4 <= self._files.maxsize:
            self._files[etag] = data


class DiskCache:
    """Files in a folder of its own, safe to delete at any time. Its methods wait for the disk, in any thread.

    A file appears whole or not at all, behind its CRC32C. One that cannot be read or written, or that a crash of the
    machine or its disk has damaged, is one that is not there.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Take the folder, with what earlier servers left there.

        Raises:
            StorageError: it is a URL.
        """
        self._folder, self._most_bytes = folder_here(folder), most_bytes
        self._lock = Lock()
        self._bytes = sum(size for _, size, _ in self._kept())

    def get(self, etag: str) -> bytes | None:
        """The file, if it is there; it is the last to go then."""
        path = self._path(etag)
        try:
            stored = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        seal, data = stored[:_SEAL_BYTES], stored[_SEAL_BYTES:]
        return data if seal == _seal(data) else None

    def put(self, etag: str, data: bytes) -> None:
        """Keep a file, and make room where there is too little."""
        path = self._path(etag)
        unfinished = path.with_name(f"{path.name}.{uuid4()}.part")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with unfinished.open("xb") as file:
                    file.writelines((_seal(data), data))
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        with self._lock:
            self._bytes += _SEAL_BYTES + len(data)
            if self._bytes > self._most_bytes:
                self._make_room()

    def _path(self, etag: str) -> Path:
        name = sha256(etag.encode()).hexdigest()
        return self._folder / name[:2] / name

    def _make_room(self) -> None:
        kept = sorted(self._kept())
        self._bytes = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if self._bytes <= self._most_bytes * _LEFT_WHEN_FULL:
                return
            with suppress(OSError):
                path.unlink()
            self._bytes -= size

    def _kept(self) -> list[tuple[float, int, Path]]:
        """When each file was used last, its size and path; those that others remove meanwhile are left out."""
        found = []
        for path in self._folder.glob(_OURS):
            with suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        return found


def _seal(data: bytes) -> bytes:
    """What stands before a file that is whole."""
    crc: int = google_crc32c.value(data)
    return crc.to_bytes(_SEAL_BYTES, "little")
