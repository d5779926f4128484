"""Files that were made a moment ago: readers open a file, read its beginning, and open it again."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class FinishedFiles:
    """The files that were used last, as many as fit. Safe to use from several threads."""

    def __init__(self, most_bytes: int) -> None:
        """Hold nothing yet."""
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._held = 0

    def get(self, etag: str) -> bytes | None:
        """A file, if it is still here."""
        with self._lock:
            if etag in self._files:
                self._files.move_to_end(etag)
            return self._files.get(etag)

    def put(self, etag: str, file: bytes) -> None:
        """Hold a file, instead of those that were used longest ago."""
        with self._lock:
            self._held += len(file) - len(self._files.pop(etag, b""))
            self._files[etag] = file
            while self._held > self._most_bytes:
                _, oldest = self._files.popitem(last=False)
                self._held -= len(oldest)
