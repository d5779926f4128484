"""What every kind of store can do: whole objects below one root.

A store is a folder (local_store.py), an S3 bucket (s3_store.py) or any other fsspec filesystem (fsspec_store.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One object, as a listing described it."""

    path: str
    """Name below the root of the listing's Storage, '/'-separated."""
    size: int
    etag: str | None
    """As the store gives it, without quotes: fit for equality only."""
    mtime: datetime | None
    """UTC, microseconds."""
    same_as: str | None = None
    """Path under which the listing gives the same file as well, where `path` leads to it through a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Something that a listing met and gives no sound object for."""

    path: str
    """Name below the root of the listing's Storage."""
    kind: Literal["closed", "dangling", "special"]
    """closed: a folder whose names cannot be had, or not all. dangling: a link to nothing, given as an empty object.
    special: a pipe, socket or device, not given."""
    reason: str
    """For a person."""


Notice = Callable[[Oddity], None]


class Backend(Protocol):
    """Whole objects below one root; paths are below it. `Storage` says what each method does and raises."""

    def read(self, path: str) -> bytes: ...
    def read_range(self, path: str, offset: int, length: int) -> bytes: ...
    def write(self, path: str, data: bytes) -> None: ...
    def create(self, path: str, data: bytes) -> bool: ...
    def list(
        self, prefix: str, *, recursive: bool, exclude: frozenset[str], notice: Notice | None
    ) -> Iterator[ObjectInfo]: ...
    def info(self, path: str) -> ObjectInfo: ...
    def delete(self, path: str) -> None: ...
    def check_readable(self) -> None: ...
    def check_writable(self) -> None: ...
