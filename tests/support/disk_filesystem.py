"""A filesystem of fsspec that Tenfold has no store of its own for: `disk://tmp/x` is the folder /tmp/x."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem


class DiskFileSystem(LocalFileSystem):  # type: ignore[misc]
    """As object stores are: folders need not be made, and objects appear whole."""

    protocol = ("disk",)

    def __init__(self, **options: Any) -> None:
        super().__init__(auto_mkdir=True, **options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("disk://", "/", 1)))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        """Write aside, then rename."""
        if mode == "create" and self.exists(path):
            raise FileExistsError(path)
        unfinished = Path(self._strip_protocol(f"{path}.{uuid.uuid4().hex}"))
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(value)
        unfinished.replace(self._strip_protocol(path))


def register_disk() -> None:
    """Make `disk://` known to fsspec."""
    fsspec.register_implementation("disk", DiskFileSystem, clobber=True)
