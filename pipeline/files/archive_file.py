"""An open file of an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractBufferedFile

if TYPE_CHECKING:
    from pipeline.files.filesystem import ArchiveFileSystem


class ArchiveFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec is not typed
    """Opening one costs a look-up, and reading the first bytes of a picture, which tell its size, costs no more: the
    picture is decoded when others are read, once."""

    def __init__(self, fs: ArchiveFileSystem, path: str, mode: str = "rb", **options: Any) -> None:
        """Take what is known of the file; nothing is read.

        Raises:
            FileNotFoundError: the archive has no such image, or it failed.
        """
        entry = fs.files.file(path)
        self._beginning = entry.layout.beginning if entry.layout else b""
        self._content: bytes | None = None
        super().__init__(fs, path, mode, **{**options, "cache_type": "none", "size": entry.size})

    def _fetch_range(self, start: int, end: int) -> bytes:
        if end <= len(self._beginning):
            return self._beginning[start:end]
        if self._content is None:
            self._content = self.fs.files.content(self.path)
        return self._content[start:end]

    def close(self) -> None:
        """Let go of the bytes."""
        self._content = None
        super().close()
