"""Storage: whole objects below one URL, on a disk, in a bucket or on any other fsspec filesystem.

Everything else in the pipeline reads, writes and lists through `Storage`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator

from pipeline.store.backend import Backend, Notice, ObjectInfo, Page
from pipeline.store.open_backend import open_backend
from pipeline.store.options import StorageOptions
from pipeline.store.urls import normal


class Storage:
    """Objects below one URL: a local path, file://, s3://bucket/prefix, memory://, gs://, az://.

    Nothing is contacted before the first operation. Instances can be pickled, shared by threads and used
    after a fork: each process makes its own connections. Paths are below the URL and '/'-separated.

    Raises, everywhere: `StorageError` for a store that does not answer as it should, `FileNotFoundError` for
    a missing object. Both say what was expected, what came, where, and what to do, and hold no secret.
    """

    url: str
    """Normalised: absolute, no trailing slash, no credentials."""
    options: StorageOptions

    def __init__(
        self,
        url: str | os.PathLike[str],
        options: StorageOptions = StorageOptions(),  # noqa: B008 frozen
    ) -> None:
        self.url = normal(url)
        self.options = options.resolved()
        self._opened: tuple[int, Backend] | None = None

    def __repr__(self) -> str:
        return f"Storage({self.url!r})"

    def __reduce__(self) -> tuple[type[Storage], tuple[str, StorageOptions]]:
        return Storage, (self.url, self.options)

    def read(self, path: str) -> bytes:
        """All bytes of an object."""
        return self._backend().read(path)

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, in one request; StorageError when the object ends before."""
        if offset < 0 or length < 0:
            raise ValueError(
                f"Expected offset and length of at least 0, got {offset} and {length} for {path}"
            )
        return self._backend().read_range(path, offset, length)

    def write(self, path: str, data: bytes) -> None:
        """Publish an object whole, replacing any: one PUT, or one rename of a finished local file."""
        self._backend().write(path, data)

    def create(self, path: str, data: bytes) -> bool:
        """Publish an object whole unless the name is taken; False when it is. One of many racers wins.

        On fsspec filesystems other than folders, S3 and memory this is only as safe as their `mode="create"`.
        """
        return self._backend().create(path, data)

    def pages(
        self,
        prefix: str = "",
        *,
        recursive: bool = True,
        exclude: Collection[str] = (),
        notice: Notice | None = None,
    ) -> Iterator[Page]:
        """Objects in folder `prefix`, streamed in the order of their names; none when it does not exist.

        That is the order of the names' bytes in UTF-8, except where a local name is no text, and where an S3 store
        follows another one.

        Args:
            recursive: False for the objects directly in the folder.
            exclude: paths whose objects are left out, with everything below them. On a local disk also absolute ones,
                which links may lead to.
            notice: is told of what the listing meets and gives no object for. With it, a folder whose names cannot be
                had is such a thing, and the listing goes on; without it, it is an error.
        """
        hidden = frozenset(name.rstrip("/") for name in exclude)
        return self._backend().pages(prefix.rstrip("/"), recursive=recursive, exclude=hidden, notice=notice)

    def list(
        self,
        prefix: str = "",
        *,
        recursive: bool = True,
        exclude: Collection[str] = (),
        notice: Notice | None = None,
    ) -> Iterator[ObjectInfo]:
        """The objects of `pages` one by one."""
        for page in self.pages(prefix, recursive=recursive, exclude=exclude, notice=notice):
            yield from page.infos()

    def exists(self, path: str) -> bool:
        """Whether there is an object of that name."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def info(self, path: str) -> ObjectInfo:
        """Size, etag and time of one object."""
        return self._backend().info(path)

    def size(self, path: str) -> int:
        """Bytes in an object."""
        return self.info(path).size

    def delete(self, path: str) -> None:
        """Remove an object; FileNotFoundError when there is none, except on S3, which does not say."""
        self._backend().delete(path)

    def unfinished(self) -> Iterator[ObjectInfo]:
        """What writers that are at work, or were killed, have under names that no listing gives: in folders alone."""
        return self._backend().unfinished()

    def check_readable(self) -> None:
        """Fail early, before work starts, when the root cannot be listed."""
        self._backend().check_readable()

    def check_writable(self) -> None:
        """Fail early when the root cannot be written, or when an S3 store ignores create-only conditions."""
        self._backend().check_writable()

    def _backend(self) -> Backend:
        pid = os.getpid()
        with _lock:
            if self._opened is None or self._opened[0] != pid:
                if self._opened is not None:
                    # A parent's connections must be neither used nor closed here: keep them from collection.
                    _abandoned.append(self._opened[1])
                self._opened = (pid, open_backend(self.url, self.options))
            return self._opened[1]


_lock = threading.Lock()
_abandoned: list[Backend] = []


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)
