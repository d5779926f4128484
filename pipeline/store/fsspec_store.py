"""A store on any fsspec filesystem that is neither a folder nor S3, as far as its own guarantees go."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import fsspec

from pipeline.store.backend import Notice, ObjectInfo, Page
from pipeline.store.failures import missing, problem, short_read

_PAGE = 1000
_create_lock = threading.Lock()


def open_filesystem(kind: str, url: str) -> FsspecStore:
    """The filesystem that fsspec has for a protocol.

    Raises:
        StorageError: fsspec knows no such protocol, or its plug-in is not installed.
    """
    filesystem = _filesystem(kind, url)
    return FsspecStore(filesystem, str(filesystem._strip_protocol(url)), url)


class FsspecStore:
    """Objects below one root of an fsspec filesystem; each method does what `Backend` says."""

    def __init__(self, filesystem: Any, root: str, url: str) -> None:
        """Contact nothing yet.

        Args:
            root: as the filesystem names it.
            url: the same root, for messages.
        """
        self._fs = filesystem
        self._root = root.rstrip("/")
        self._url = url

    def read(self, path: str) -> bytes:
        data: bytes = self._do(path, self._fs.cat_file, self._name(path))
        return data

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        if length == 0:
            return b""
        data: bytes = self._do(path, self._fs.cat_file, self._name(path), start=offset, end=offset + length)
        if len(data) != length:
            raise short_read(self._where(path), offset=offset, length=length, got=len(data))
        return data

    def write(self, path: str, data: bytes) -> None:
        self._do(path, self._fs.pipe_file, self._name(path), data)

    def create(self, path: str, data: bytes) -> bool:
        try:
            with _create_lock:  # fsspec's memory store looks first and writes then
                self._do(path, self._fs.pipe_file, self._name(path), data, mode="create")
        except FileExistsError:
            return False
        return True

    def pages(
        self, prefix: str, *, recursive: bool, exclude: frozenset[str], notice: Notice | None
    ) -> Iterator[Page]:
        top = self._name(prefix) if prefix else self._root
        depth = None if recursive else 1
        found = self._do(prefix, self._fs.find, top or "/", detail=True, maxdepth=depth)
        hidden = tuple(f"{name}/" for name in exclude)
        start = len(self._root) + 1
        names = sorted(found)
        for first in range(0, len(names), _PAGE):
            page = Page.of(_describe(found[name], name) for name in names[first : first + _PAGE])
            yield page.below(start, lambda path: path not in exclude and not path.startswith(hidden))

    def info(self, path: str) -> ObjectInfo:
        found = self._do(path, self._fs.info, self._name(path))
        if found.get("type") == "directory":
            raise missing(self._where(path), "a folder")
        return _describe(found, path)

    def delete(self, path: str) -> None:
        self._do(path, self._fs.rm_file, self._name(path))

    def unfinished(self) -> Iterator[ObjectInfo]:
        return iter(())

    def check_readable(self) -> None:
        self._do("", self._fs.exists, self._root or "/")

    def check_writable(self) -> None:
        probe = f".tenfold-probe-{uuid.uuid4().hex}"
        self.write(probe, b"tenfold can write here\n")
        self.delete(probe)

    def _name(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _where(self, path: str) -> str:
        return f"{self._url}/{path}"

    def _do(self, path: str, operation: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return operation(*args, **kwargs)
        except FileExistsError:
            raise
        except FileNotFoundError:
            raise missing(self._where(path)) from None  # the original may name a signed URL
        except Exception as error:  # noqa: BLE001 every filesystem has its own exceptions: this is their edge
            raise problem(
                expected="the store to do as asked",
                got=f"{type(error).__name__}: {error}",
                where=self._where(path),
                do="check the URL, the credentials and that the store is up",
            ) from None


def _describe(info: dict[str, Any], path: str) -> ObjectInfo:
    """Filesystems name the same facts differently."""
    etag = info.get("etag") or info.get("ETag")
    return ObjectInfo(
        path=path,
        size=int(info.get("size") or 0),
        etag=str(etag).strip('"') if etag else None,
        mtime=_utc(info.get("mtime") or info.get("created") or info.get("last_modified")),
    )


def _utc(moment: Any) -> datetime | None:
    """None for what is no time, and for one that no calendar has."""
    try:
        if isinstance(moment, int | float):
            return datetime.fromtimestamp(moment, UTC)
        if not isinstance(moment, datetime):
            return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _filesystem(kind: str, url: str) -> Any:
    try:
        return fsspec.filesystem(kind, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        package = {"gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}.get(kind)
        what = f"pip install {package}" if package else f"install what it asks for ({error})"
        raise problem(
            expected=f"the plug-in for {kind}://", got="none installed", where=url, do=what
        ) from error
    except ValueError as error:
        raise problem(
            expected="a path, or a URL with a protocol fsspec knows (s3, gs, az, ...)",
            got=f"{kind}://",
            where=url,
            do="correct the URL, or install the fsspec plug-in for that protocol",
        ) from error
