"""Files that were made a moment ago: readers open a file, read its beginning, and open it again."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

_Name = tuple[str, str]
"""Key and etag: among very many images, etags made of checksums meet."""


class FinishedFiles:
    """The files that were used last, as many as fit. Safe to use from several threads."""

    def __init__(self, most_bytes: int) -> None:
        """Hold nothing yet."""
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._files: OrderedDict[_Name, bytes] = OrderedDict()
        self._held = 0

    def get(self, key: str, etag: str) -> bytes | None:
        """A file, if it is still here."""
        with self._lock:
            if (key, etag) in self._files:
                self._files.move_to_end((key, etag))
            return self._files.get((key, etag))

    def put(self, key: str, etag: str, file: bytes) -> None:
        """Hold a file, instead of those that were used longest ago."""
        with self._lock:
            self._held += len(file) - len(self._files.pop((key, etag), b""))
            self._files[key, etag] = file
            while self._held > self._most_bytes:
                _, oldest = self._files.popitem(last=False)
                self._held -= len(oldest)
